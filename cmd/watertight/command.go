package main

import (
	"context"
	"fmt"
	"io"
	"strings"
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
		initCommand(),
		devCommand(),
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
		adoptCommand(),
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

// act runs the action of the command that the first argument names. Each action
// is a command of its own, "audit seal", so that it answers --help for itself.
func (c *call) act(ctx context.Context, actions []*command) error {
	if len(c.args) > 0 {
		for _, a := range actions {
			if a.name == c.cmd.name+" "+c.args[0] {
				c.cmd, c.args = a, c.args[1:]
				return a.run(ctx, c)
			}
		}
	}
	args, err := c.parse(c.flagSet(), 0, 1)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return usageError{"no action was named"}
	}
	// Not repeated: it may be a URL with a password in it.
	return usageError{"the first argument is none of " + c.cmd.name + "'s actions"}
}

// actionList is the list of actions in a command's help, their names padded.
func actionList(actions []*command, width int) string {
	var b strings.Builder
	for _, a := range actions {
		_, name, _ := strings.Cut(a.name, " ")
		fmt.Fprintf(&b, "  %-*s %s\n", width, name, a.summary)
	}
	return b.String()
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
