package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/watertight-go/watertight/schema"
)

func migrateCommand() *command {
	return &command{
		name:    "migrate",
		summary: "install Watertight in a database, or take it out again",
		usage:   "[URL] [up|down|status|plan]",
		help: `migrate brings the schema watertight of a database up to date: roles, the signed
tenant context, the protection of tables, and the library's own tables.

  up      apply what is missing (the default)
  down    take everything out again, the library's tables with their rows included
  status  list the migrations, and when each was applied
  plan    list what up would apply; exit code 1 if there is something

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
		run: runMigrate,
	}
}

var migrateActions = []string{"up", "down", "status", "plan"}

func runMigrate(ctx context.Context, c *call) error {
	fs := c.flagSet()
	drop := fs.Bool("drop-all-rows", false, "for down: yes, the rows of the library's tables, too")
	wait := fs.Duration("lock-wait", time.Minute, "`TIME` to wait for another process that migrates the same database")
	profile := profileFlag(fs)
	args, err := c.parse(fs, 0, 2)
	if err != nil {
		return err
	}
	action := "up"
	if i := slices.IndexFunc(args, func(a string) bool { return slices.Contains(migrateActions, a) }); i >= 0 {
		action = args[i]
		args = slices.Delete(args, i, i+1)
	}
	// What is neither a URL nor an action is most likely a misspelt action. It
	// is not repeated: it may as well be a misspelt URL with a password in it.
	if slices.ContainsFunc(args, func(a string) bool { return !isURL(a) && !isKeywords(a) }) || len(args) > 1 {
		return usageError{"the arguments are not a database URL and an action (" + strings.Join(migrateActions, ", ") + ")"}
	}
	url, err := c.databaseURL(args)
	if err != nil {
		return err
	}
	switch action {
	case "down":
		if !*drop {
			return errors.New("down deletes the library's tables with their rows (add --drop-all-rows if that is what you want)")
		}
		return schema.Down(ctx, url)
	case "status", "plan":
		list, err := schema.Status(ctx, url)
		if err != nil {
			return err
		}
		if action == "plan" {
			return printPlan(c.stdout, list)
		}
		return printStatus(c.stdout, list)
	}
	return migrateUp(ctx, c, url, schema.Config{LockWait: *wait, Profile: schema.Profile(*profile)})
}

func migrateUp(ctx context.Context, c *call, url string, cfg schema.Config) error {
	cfg.Progress = func(name string) { fmt.Fprintf(c.stderr, "applying %s\n", name) }
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
