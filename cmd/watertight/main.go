// Command watertight keeps every customer's data apart in one shared Postgres,
// and proves it.
//
// Run "watertight help" for the list of commands, and "watertight CMD --help"
// for one of them with examples. Exit codes are 0 for clean, 1 for findings,
// and 2 for a command that could not run. Results go to standard output,
// everything else to standard error.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/watertight-go/watertight/internal/lintgate"
	"github.com/watertight-go/watertight/internal/sqlcplugin"
)

func main() {
	// "watertight generate" puts a link to this program on sqlc's PATH, so that
	// command and plugin are always of one version.
	if args := os.Args[1:]; sqlcplugin.Called(args) {
		os.Exit(sqlcplugin.Main(args, os.Stdin, os.Stdout, os.Stderr, lintgate.Gates()...))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := &env{stdin: os.Stdin, stdout: painted(os.Stdout, os.Getenv), stderr: os.Stderr, getenv: os.Getenv}
	code := run(ctx, e, os.Args[1:])
	flush(e.stdout)
	os.Exit(code)
}

// env is what a command may touch of its process.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

// Exit codes. Others script against them.
const (
	exitClean    = 0
	exitFindings = 1
	exitFailed   = 2
)

// run finds the command that args name, runs it, and returns the exit code.
func run(ctx context.Context, e *env, args []string) int {
	if len(args) == 0 {
		printCommands(e.stderr)
		return exitFailed
	}
	name, rest := args[0], args[1:]
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-version", "--version":
		name = "version"
	}
	cmd := lookup(name)
	if cmd == nil {
		return exitCode(e, nil, unknownCommand(name))
	}
	c := &call{env: e, cmd: cmd, args: rest}
	return exitCode(e, c, c.start(ctx))
}
