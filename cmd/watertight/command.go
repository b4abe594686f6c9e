package main

import (
	"context"
	"fmt"
	"io"
)

// command is one entry of the table. A command lives in a file of its own,
// which declares it as a variable or a function that returns it.
type command struct {
	name    string
	summary string // one line for the list of commands
	usage   string // what follows "watertight NAME" in the usage line
	help    string // what the command does, in a paragraph or two
	example string // command lines to copy, with a word on each
	run     func(ctx context.Context, c *call) error
}

// commands is the table, in the order of the list that help prints: first what
// everybody needs, then the rest. It is a function because help itself is in it.
func commands() []*command {
	return []*command{
		inspectCommand(),
		attackCommand(),
		proveCommand(),
		verifyReportCommand(),
		migrateCommand(),
		ddlCommand(),
		generateCommand(),
		keysCommand(),
		auditCommand(),
		tenantCommand(),
		lintCommand(),
		explainCommand(),
		helpCommand(),
		versionCommand(),
	}
}

// call is one run of a command.
type call struct {
	*env
	cmd  *command
	args []string

	// secret is the database URL of the call, wherever it came from, so that no
	// error can print it. Those among the arguments need not be noted.
	secret string
}

func lookup(name string) *command {
	for _, c := range commands() {
		if c.name == name {
			return c
		}
	}
	return nil
}

func printCommands(w io.Writer) {
	fmt.Fprint(w, "Watertight keeps every customer's data apart in one shared Postgres, and proves it.\n\n"+
		"usage: watertight COMMAND [flags] [arguments]\n\ncommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-14s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nwatertight COMMAND --help shows the flags of a command and examples.\n"+
		"exit codes: 0 clean, 1 findings, 2 could not run.\n")
}
