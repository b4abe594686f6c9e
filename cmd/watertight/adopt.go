package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/adopt"
)

func adoptCommand() *command {
	return &command{
		name:    "adopt",
		summary: "plan how an existing schema becomes watertight, and go there",
		usage:   "URL [flags] | apply DIR URL | revert DIR URL --to N | status DIR URL",
		help: `adopt reads a database that was built without Watertight, and writes a plan: SQL
files that lead there step by step while the application goes on, with the way back
in each. It reads only.

The exit code is 1 while a person has to decide something, which it lists.

What was decided stands in DIR/decisions.yaml:

  tables:
    public.countries: shared             every tenant reads it, nobody writes it
    public.schema_migrations: closed     it is not for the application
    public.deals: {column: seller_id}    this column says whose a row is
    public.notes: {from: "EXPRESSION"}   the tenant's key, from the row t
  references:
    public.deals.deals_buyer_fkey: drop  a plain value from then on
  functions:
    public.revenue(bigint): invoker      or revoke, or keep`,
		example: `  watertight adopt postgres://postgres@localhost/app --out adopt
  watertight adopt postgres://postgres@localhost/app --tenant-table organizations --tenant-column organization_id
  watertight adopt apply adopt postgres://postgres@localhost/app --to 8
  watertight adopt apply adopt postgres://postgres@localhost/app
  watertight adopt revert adopt postgres://postgres@localhost/app --to 0`,
		run:     runAdopt,
		actions: adoptActions(),
	}
}

func adoptActions() []*command {
	return []*command{
		{
			name: "adopt apply", summary: "apply a plan, or the rest of one", usage: "DIR [URL] [flags]",
			help: `apply runs the statements of the plan that did not run yet. Each that stops others
waits for its lock for a moment only, and tries again. A run that ends early, by an
error, Ctrl-C or kill, goes on where it was when it is started again.

URL is that of a role that sees every row and owns the tables, without a pooler.`,
			example: `  watertight adopt apply adopt postgres://postgres@localhost/app --to 8
  watertight adopt apply adopt postgres://postgres@localhost/app --rest 4 --lock-timeout 500ms`,
			run: func(ctx context.Context, c *call) error { return runAdoptSteps(ctx, c, adopt.Apply, -1) },
		},
		{
			name: "adopt revert", summary: "take steps of a plan back", usage: "DIR [URL] --to N [flags]",
			help: `revert takes back the steps behind step --to, the last one first. --to 0 takes all of
it out again, Watertight's own tables with their rows included.`,
			example: `  watertight adopt revert adopt postgres://postgres@localhost/app --to 8
  watertight adopt revert adopt postgres://postgres@localhost/app --to 0`,
			run: func(ctx context.Context, c *call) error { return runAdoptSteps(ctx, c, adopt.Revert, -1) },
		},
		{
			name: "adopt status", summary: "say how far a plan is", usage: "DIR [URL]",
			help:    "status prints the number of the last step that is applied, and the steps that are left.",
			example: `  watertight adopt status adopt postgres://postgres@localhost/app`,
			run:     runAdoptStatus,
		},
	}
}

func runAdopt(ctx context.Context, c *call) error {
	fs := c.flagSet()
	var cfg adopt.Config
	out, decisions, format := "adopt", "", "text"
	fs.StringVar(&cfg.TenantTable, "tenant-table", "", "`TABLE` of the tenants (default: the one that tenant columns refer to)")
	fs.StringVar(&cfg.TenantColumn, "tenant-column", "", "`COLUMN` that says whose a row is (default: the best-known name)")
	fs.StringVar(&out, "out", out, "`DIR` to write the plan to")
	fs.StringVar(&decisions, "decisions", "", "`FILE` of what was decided (default: decisions.yaml in --out)")
	fs.Var(choice{&format, []string{"text", "json"}}, "format", "output: text or json")
	args, err := c.parse(fs, 0, 1)
	if err != nil {
		return err
	}
	url, err := c.databaseURL(args)
	if err != nil {
		return err
	}
	if decisions == "" {
		decisions = filepath.Join(out, adopt.DecisionsFile)
	}
	if cfg.Decisions, err = adopt.ReadDecisions(decisions); err != nil {
		return err
	}
	cfg.Progress = c.progress()
	plan, err := readPlan(ctx, url, cfg)
	c.progressDone()
	if err != nil {
		return err
	}
	if len(plan.Questions) == 0 {
		if err := plan.Write(out); err != nil {
			return err
		}
	}
	if err := printAdoption(c.stdout, plan, format, out, decisions); err != nil {
		return err
	}
	if len(plan.Questions) > 0 {
		return findings("")
	}
	return nil
}

func readPlan(ctx context.Context, url string, cfg adopt.Config) (*adopt.Plan, error) {
	pc, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL could not be read (postgres://USER@HOST:PORT/DATABASE)")
	}
	pc.RuntimeParams["application_name"] = "watertight adopt"
	conn, err := pgx.ConnectConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return adopt.Read(ctx, conn, cfg)
}

func printAdoption(w io.Writer, plan *adopt.Plan, format, out, decisions string) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(plan)
	}
	for _, a := range plan.Assumed {
		fmt.Fprintf(w, "assumed: %s\n", a)
	}
	for _, q := range plan.Questions {
		fmt.Fprintf(w, "%s: %s: %s\n  %s\n", q.Kind, q.Object, q.Message, q.Answers)
	}
	if n := len(plan.Questions); n > 0 {
		fmt.Fprintf(w, "%d to decide or to mend; there is no plan until then (decisions stand in %s)\n", n, decisions)
		return nil
	}
	for _, n := range plan.Notices {
		fmt.Fprintf(w, "note: %s\n", n.Message)
	}
	fmt.Fprintf(w, "wrote %d steps for %d tables to %s; begin with its README.md\n", len(plan.Steps), len(plan.Tables), out)
	return nil
}

// adoptArguments reads DIR and URL.
func (c *call) adoptArguments(args []string) (steps []*adopt.Step, url string, err error) {
	if isURL(args[0]) || isKeywords(args[0]) {
		return nil, "", usageError{"the folder of the plan comes first"}
	}
	if url, err = c.databaseURL(args[1:]); err != nil {
		return nil, "", err
	}
	steps, err = adopt.Load(args[0])
	return steps, url, err
}

func runAdoptSteps(ctx context.Context, c *call, act func(context.Context, string, []*adopt.Step, adopt.Run) error, unset int) error {
	fs := c.flagSet()
	var cfg adopt.Run
	to := unset
	fs.IntVar(&to, "to", unset, "`N`: the step to end with")
	fs.DurationVar(&cfg.LockTimeout, "lock-timeout", 2*time.Second, "`TIME` that a statement waits for a lock, and others behind it")
	fs.IntVar(&cfg.Attempts, "attempts", 60, "`N` times to try for a lock")
	fs.Float64Var(&cfg.Rest, "rest", 1, "`PARTS` of the time of a batch to rest behind it")
	fs.IntVar(&cfg.Blocks, "blocks", 128, "`N` blocks of 8 kB that a batch reads")
	args, err := c.parse(fs, 1, 2)
	if err != nil {
		return err
	}
	if c.cmd.name == "adopt revert" && to == unset {
		return usageError{"no step was named to go back to (--to N; 0 takes everything out)"}
	}
	if to == 0 && c.cmd.name == "adopt apply" {
		return usageError{"there is no step 0 to apply (leave --to out for all)"}
	}
	cfg.To = max(to, 0)
	if cfg.Rest == 0 {
		cfg.Rest = -1
	}
	steps, url, err := c.adoptArguments(args)
	if err != nil {
		return err
	}
	cfg.Progress = c.adoptProgress()
	err = act(ctx, url, steps, cfg)
	c.progressDone()
	return err
}

// adoptProgress shows each step once, and where somebody watches each statement
// and batch, too.
func (c *call) adoptProgress() func(adopt.Event) {
	show, last := c.progress(), 0
	return func(e adopt.Event) {
		if e.Step.Number != last {
			last = e.Step.Number
			c.progressDone()
			fmt.Fprintf(c.stderr, "%s: %s\n", e.Step.File(), e.Step.Title)
		}
		if show == nil {
			return
		}
		what := e.Note
		if what == "" {
			what = firstWords(e.SQL)
		}
		show(e.Statement, e.Last, what)
	}
}

// firstWords is the beginning of a statement, on one line.
func firstWords(sql string) string {
	for i, r := range sql {
		if r == '\n' {
			return sql[:i]
		}
	}
	return sql
}

func runAdoptStatus(ctx context.Context, c *call) error {
	args, err := c.parse(c.flagSet(), 1, 2)
	if err != nil {
		return err
	}
	steps, url, err := c.adoptArguments(args)
	if err != nil {
		return err
	}
	last, err := adopt.Applied(ctx, url, steps)
	if err != nil {
		return err
	}
	for _, s := range steps {
		state := "to do"
		if s.Number <= last {
			state = "applied"
		}
		fmt.Fprintf(c.stdout, "%-28s %s\n", s.File(), state)
	}
	return nil
}
