package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/watertight-go/watertight/schema"
)

func migrateCommand() *command {
	return &command{
		name:    "migrate",
		summary: "install Watertight in a database, or take it out again",
		usage:   "[URL] [up | down | status | plan]",
		help: `migrate brings the schema watertight of a database up to date: roles, the signed
tenant context, the protection of tables, and the library's own tables. Without an
action it does what up does.

URL belongs to a superuser, or to a role with CREATEROLE that owns the database.
It may come from DATABASE_URL instead, where other users of the machine cannot
see it. A role without superuser, as managed services give, may not do everything:
the migration goes on, and what was left out is printed with what it costs.

--profile citus is for the coordinator of a Citus cluster, and is the default where
the extension is. It makes every node ready, and distributes nothing: protect does
that, table by table. docs/citus.md has the whole way.`,
		example: `  watertight migrate postgres://postgres@localhost/app
  DATABASE_URL=postgres://postgres@localhost/app watertight migrate status
  watertight migrate postgres://postgres@localhost/app down --drop-all-rows`,
		run:     migrateUp,
		actions: migrateCommands(),
	}
}

// migrateCommands is the table of actions.
func migrateCommands() []*command {
	return []*command{
		{
			name: "migrate up", summary: "apply what is missing (the default)", usage: "[URL] [flags]",
			help:    "up applies the migrations that the database does not have, each in a transaction of\nits own. It may be run again.",
			example: "  watertight migrate up postgres://postgres@localhost/app",
			run:     migrateUp,
		},
		{
			name: "migrate down", summary: "take everything out again, rows included", usage: "[URL] --drop-all-rows",
			help:    "down takes out all that up put in, the library's own tables with their rows included.",
			example: "  watertight migrate down postgres://postgres@localhost/app --drop-all-rows",
			run:     migrateDown,
		},
		{
			name: "migrate status", summary: "list the migrations, and when each was applied", usage: "[URL]",
			help:    "status reads only.",
			example: "  watertight migrate status postgres://postgres@localhost/app",
			run: func(ctx context.Context, c *call) error {
				list, err := c.migrations(ctx)
				if err != nil {
					return err
				}
				return printStatus(c.stdout, list)
			},
		},
		{
			name: "migrate plan", summary: "list what up would apply; exit code 1 if there is any", usage: "[URL]",
			help:    "plan reads only. In CI it says whether a database is behind this program.",
			example: "  watertight migrate plan postgres://postgres@localhost/app",
			run: func(ctx context.Context, c *call) error {
				list, err := c.migrations(ctx)
				if err != nil {
					return err
				}
				return printPlan(c.stdout, list)
			},
		},
	}
}

// migrateURL reads the arguments of an action.
func (c *call) migrateURL(fs *flag.FlagSet) (string, error) {
	args, err := c.parse(fs, 0, 2)
	if err != nil {
		return "", err
	}
	// What is no URL is most likely a misspelt action. It is not repeated: it
	// may as well be a misspelt URL with a password in it.
	for _, a := range args {
		if !isURL(a) && !isKeywords(a) {
			return "", (&call{env: c.env, cmd: migrateCommand()}).unknownAction(a)
		}
	}
	if len(args) > 1 {
		return "", usageError{"two databases were named"}
	}
	return c.databaseURL(args)
}

func (c *call) migrations(ctx context.Context) ([]schema.Migration, error) {
	url, err := c.migrateURL(c.flagSet())
	if err != nil {
		return nil, err
	}
	return schema.Status(ctx, url)
}

func migrateDown(ctx context.Context, c *call) error {
	fs := c.flagSet()
	drop := fs.Bool("drop-all-rows", false, "yes, the rows of the library's tables, too")
	url, err := c.migrateURL(fs)
	if err != nil {
		return err
	}
	if !*drop {
		return errors.New("down deletes the library's tables with their rows (add --drop-all-rows if that is what you want)")
	}
	return schema.Down(ctx, url)
}

func migrateUp(ctx context.Context, c *call) error {
	fs := c.flagSet()
	cfg := schema.Config{Progress: func(name string) { fmt.Fprintf(c.stderr, "applying %s\n", name) }}
	fs.DurationVar(&cfg.LockWait, "lock-wait", time.Minute, "`TIME` to wait for another process that migrates the same database")
	profile := profileFlag(fs)
	url, err := c.migrateURL(fs)
	if err != nil {
		return err
	}
	cfg.Profile = schema.Profile(*profile)
	report, err := schema.Migrate(ctx, url, cfg)
	if err != nil {
		return err
	}
	for _, name := range report.Applied {
		fmt.Fprintf(c.stdout, "applied %s\n", name)
	}
	if len(report.Applied) == 0 {
		fmt.Fprintln(c.stdout, "the schema is up to date")
	}
	if report.Profile == schema.ProfileCitus {
		fmt.Fprint(c.stdout, notOnCitus)
	}
	printLimitations(c.stdout, report.Limitations)
	return nil
}

const notOnCitus = `
The profile is citus. On distributed tables, these do not hold:
  changes leave no events in the audit log
  support access by a grant reaches no row
  a row's tenant is held by the signed context, not by a foreign key to the tenants
docs/citus.md says why, and what else differs.
`

func printLimitations(w io.Writer, list []schema.Limitation) {
	if len(list) == 0 {
		return
	}
	fmt.Fprint(w, "\nThis role was not allowed to do everything. What is left for a superuser:\n")
	for _, l := range list {
		fmt.Fprintf(w, "\n  %s: %s\n    until then: %s\n", l.ID, l.What, l.Consequence)
	}
}

func printStatus(w io.Writer, list []schema.Migration) error {
	for _, m := range list {
		state := "pending"
		if m.Applied {
			state = "applied " + m.AppliedAt.UTC().Format(time.DateTime) + " UTC"
		}
		fmt.Fprintf(w, "%-30s  %s\n", m.File, state)
	}
	return nil
}

func printPlan(w io.Writer, list []schema.Migration) error {
	pending := 0
	for _, m := range list {
		if !m.Applied {
			fmt.Fprintf(w, "would apply %s\n", m.File)
			pending++
		}
	}
	if pending == 0 {
		fmt.Fprintln(w, "the schema is up to date")
		return nil
	}
	return findings("")
}
