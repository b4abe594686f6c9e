package main

import (
	"context"
	"flag"
	"slices"
	"strings"
)

// command is one entry of the table. A command lives in a file of its own,
// which declares it as a variable or a function that returns it. Help, the man
// page and the completion of shells are all read from the table.
type command struct {
	name    string
	summary string // one line for the list of commands
	usage   string // what follows "watertight NAME" in the usage line
	help    string // what the command does, in a paragraph or two
	example string // command lines to copy, with a word on each

	// run does it. Before anything else it defines its flags and calls
	// call.parse, which is how others learn what the flags are. It may be nil in
	// a command that has actions.
	run func(ctx context.Context, c *call) error

	// actions are commands of their own, "audit seal", so that each answers
	// --help for itself. The one that the first argument names is run, else run.
	actions []*command

	// words are what the arguments may be, for the completion of shells. nil
	// where they are files, addresses or free text.
	words func() []string
}

// commands is the table, in the order of the list that help prints: first what
// everybody needs, then the rest. It is a function because help itself is in it.
func commands() []*command {
	return []*command{
		initCommand(),
		devCommand(),
		doctorCommand(),
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
		completionCommand(),
		manCommand(),
		versionCommand(),
	}
}

// call is one run of a command.
type call struct {
	*env
	cmd  *command
	args []string

	// defined, if not nil, is told the command's flags instead of running it.
	defined func(*flag.FlagSet)

	// secret is the database URL of the call, wherever it came from, so that no
	// error can print it. Those among the arguments need not be noted.
	secret string
}

// lookup returns the command of that name, nil if there is none.
func lookup(name string) *command {
	for _, c := range commands() {
		if c.name == name {
			return c
		}
	}
	return nil
}

// withActions are the commands, each followed by its actions.
func withActions(commands []*command) []*command {
	var all []*command
	for _, c := range commands {
		all = append(append(all, c), c.actions...)
	}
	return all
}

// word is the last word of the name: what is typed for an action.
func (c *command) word() string { return c.name[strings.LastIndexByte(c.name, ' ')+1:] }

func (c *command) action(word string) *command {
	for _, a := range c.actions {
		if a.word() == word {
			return a
		}
	}
	return nil
}

// actionWords are what the first argument may be.
func (c *command) actionWords() []string {
	var list []string
	for _, a := range c.actions {
		list = append(list, a.word())
	}
	return list
}

// start runs the command, or the action of it that the arguments name. The
// address of the database may stand before the action.
func (c *call) start(ctx context.Context) error {
	if len(c.cmd.actions) > 0 {
		i := 0
		if len(c.args) > 1 && (isURL(c.args[0]) || isKeywords(c.args[0])) {
			i = 1
		}
		if i < len(c.args) {
			if a := c.cmd.action(c.args[i]); a != nil {
				c.cmd, c.args = a, slices.Delete(slices.Clone(c.args), i, i+1)
				return a.run(ctx, c)
			}
		}
	}
	if c.cmd.run != nil {
		return c.cmd.run(ctx, c)
	}
	return c.noAction()
}

// noAction is the run of a command that has nothing but actions.
func (c *call) noAction() error {
	args, err := c.parse(c.flagSet(), 0, maxArguments)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return usageError{"no action was named"}
	}
	return c.unknownAction(args[0])
}

// unknownAction does not repeat the word: it may be a URL with a password in it.
func (c *call) unknownAction(word string) error {
	hint := strings.Join(c.cmd.actionWords(), ", ")
	if near := nearest(word, c.cmd.actionWords()); near != "" {
		hint = "did you mean watertight " + c.cmd.name + " " + near + "?"
	}
	return usageError{"the first argument is none of " + c.cmd.name + "'s actions (" + hint + ")"}
}

// maxArguments bounds the arguments of a command that takes any number.
const maxArguments = 1000

// flags returns the flags of a command. A command defines them when it runs, so
// it is run as far as that.
func (c *command) flags(e *env) *flag.FlagSet {
	var found *flag.FlagSet
	run := c.run
	if run == nil {
		run = func(_ context.Context, c *call) error { return c.noAction() }
	}
	_ = run(context.Background(), &call{env: e, cmd: c, defined: func(fs *flag.FlagSet) { found = fs }})
	return found
}
