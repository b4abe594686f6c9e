package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/watertight-go/watertight/internal/doctor"
	"github.com/watertight-go/watertight/internal/generator"
	"github.com/watertight-go/watertight/internal/scaffold"
)

func initCommand() *command {
	return &command{
		name:    "init",
		summary: "write a new project with one protected table and its proof",
		usage:   "[FOLDER] [flags]",
		help: `init writes a module that compiles, migrates, runs and passes its own leak suite:
a table under protection, queries and the sealed code made of them, a program that
runs the first scoped query, and a workflow for GitHub. At a terminal it asks for
what no flag says; elsewhere it asks nothing. It overwrites nothing, and leaves
nothing behind if it fails.

From a clone of this repository to the first scoped query of one's own:

  git clone https://github.com/watertight-go/watertight
  cd watertight
  go run ./cmd/watertight init ../shop
  cd ../shop
  make run

Before make run, add a query to queries/notes.sql and call it in main.go: make run
writes its Go code, starts a Postgres, makes two customers, and runs the program.`,
		example: `  watertight init shop
  watertight init shop --module github.com/you/shop
  watertight init shop --module github.com/you/shop --ci none
  watertight init shop --replace ../watertight   # with a checkout of the library`,
		run: runInit,
	}
}

type initFlags struct {
	scaffold.Project
	bare bool
}

func runInit(ctx context.Context, c *call) error {
	fs := c.flagSet()
	f := initFlags{}
	fs.StringVar(&f.Module, "module", "", "`PATH` of the module (default: example.com/ and the folder's name)")
	fs.Var(choice{&f.CI, []string{scaffold.GitHub, scaffold.NoCI}}, "ci", "whose CI to write a file for: github or none (default: github)")
	fs.StringVar(&f.Replace, "replace", "", "`FOLDER` of a checkout of Watertight to use instead of a version (default: the one that this runs in, if it does)")
	fs.BoolVar(&f.bare, "bare", false, "write the files only: fetch no modules and generate no code")
	args, err := c.parse(fs, 0, 1)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		f.Dir = args[0]
	}
	if err := c.ask(&f.Project); err != nil {
		return err
	}
	if err := f.library(); err != nil {
		return err
	}
	finish := func(context.Context, string) error { return nil }
	if !f.bare {
		finish = c.finishProject
	}
	if err := scaffold.Write(ctx, f.Project, finish); err != nil {
		return err
	}
	printNextSteps(c.stdout, f)
	return nil
}

// ask completes a project: by questions at a terminal, else by defaults.
func (c *call) ask(p *scaffold.Project) error {
	q := questions{}
	if isTerminal(c.stdin) {
		q = questions{in: bufio.NewReader(c.stdin), out: c.stderr}
	}
	if p.Dir == "" && q.in == nil {
		return usageError{"the new project's folder was not named"}
	}
	if err := q.ask("Folder of the new project", "shop", &p.Dir, scaffold.CheckDir); err != nil {
		return err
	}
	if err := q.ask("Path of its module", "example.com/"+moduleName(p.Dir), &p.Module, scaffold.CheckModule); err != nil {
		return err
	}
	return q.ask("CI: github or none", scaffold.GitHub, &p.CI, func(s string) error {
		return choice{new(string), []string{scaffold.GitHub, scaffold.NoCI}}.Set(s)
	})
}

// moduleName makes the last part of a module's path from a folder's name.
func moduleName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9._-]+`).ReplaceAllString(strings.ToLower(filepath.Base(dir)), "-"), "-._")
	if name == "" {
		return "shop"
	}
	return name
}

// questions asks a person. Without a reader it takes every default.
type questions struct {
	in  *bufio.Reader
	out io.Writer
}

// ask asks for a value that is not there yet, until it is one.
func (q questions) ask(text, standard string, value *string, check func(string) error) error {
	if *value != "" {
		return check(*value)
	}
	if q.in == nil {
		*value = standard
		return check(standard)
	}
	for {
		fmt.Fprintf(q.out, "%s [%s]: ", text, standard)
		line, err := q.in.ReadString('\n')
		if err != nil {
			fmt.Fprintln(q.out)
			return errors.New("no answer came (answer, or say everything by flags)")
		}
		answer := strings.TrimSpace(line)
		if answer == "" {
			answer = standard
		}
		if err := check(answer); err != nil {
			text, hint := doctor.Remedy(err.Error())
			fmt.Fprintf(q.out, "  %s: %s\n", text, hint)
			continue
		}
		*value = answer
		return nil
	}
}

const libraryModule = "github.com/watertight-go/watertight"

// library decides which Watertight the project gets: a checkout, or the version
// of this program.
func (f *initFlags) library() error {
	if f.Replace == "" {
		f.Replace = checkoutAround(".")
	}
	if f.Replace != "" {
		root := checkoutAround(f.Replace)
		if root == "" {
			return fmt.Errorf("%s is no checkout of %s (name the folder with its go.mod)", f.Replace, libraryModule)
		}
		f.Replace, f.Version = root, "v0.0.0"
		return nil
	}
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	if version == "" || version == "(devel)" || strings.HasSuffix(version, "+dirty") {
		return errors.New("this program was built from a checkout that is no published version (name the checkout: --replace FOLDER)")
	}
	f.Version = version
	return nil
}

var moduleLine = regexp.MustCompile(`(?m)^module ` + regexp.QuoteMeta(libraryModule) + `\s*$`)

// checkoutAround returns the folder of Watertight's own go.mod at dir or above,
// or "".
func checkoutAround(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for {
		if src, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil {
			if moduleLine.Match(src) {
				return dir
			}
			return ""
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// finishProject generates the sealed code and settles go.mod and go.sum.
func (c *call) finishProject(ctx context.Context, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	fmt.Fprintln(c.stderr, "generating the code of the queries")
	if _, err := generator.Generate(ctx, generator.Options{Config: filepath.Join(dir, "sqlc.yaml"), Plugin: self, Stderr: c.stderr}); err != nil {
		return fmt.Errorf("generate the code of the queries: %w", err)
	}
	fmt.Fprintln(c.stderr, "fetching modules (go mod tidy)")
	tidy := exec.CommandContext(ctx, "go", "mod", "tidy")
	tidy.Dir = dir
	tidy.Env = append(os.Environ(), "GOWORK=off")
	if out, err := tidy.CombinedOutput(); err != nil {
		return fmt.Errorf("go mod tidy: %w\n%s\nwithout a network, --bare writes the files alone", err, bytes.TrimSpace(out))
	}
	return nil
}

// printNextSteps says how to get from here to the first scoped query.
func printNextSteps(w io.Writer, f initFlags) {
	fmt.Fprintf(w, "wrote %s, module %s\n\nnext steps:\n  cd %s\n", f.Dir, f.Module, f.Dir)
	if f.bare {
		fmt.Fprint(w, "  go mod tidy\n  go tool watertight generate\n")
	}
	fmt.Fprint(w, `  make run      # the first scoped query, on a Postgres of its own
  make check    # what CI runs: compile, test, attack, prove

Your own query goes into queries/notes.sql, its call into main.go; make run does the rest.
`)
}
