package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/watertight-go/watertight/leaktest"
)

func attackCommand() *command {
	return &command{
		name:    "attack",
		summary: "attack every table of a database as another tenant would",
		usage:   "URL [flags]",
		help: "attack copies the database, fills the copy with rows of several tenants, and then\n" +
			"tries, as the application's role inside one tenant, to reach the rows of another:\n" +
			"on every table, view and function, by every statement and key. Each attack first\n" +
			"does the same to the tenant's own rows, so that a refusal means something. The copy\n" +
			"is dropped. URL connects as a role that can copy the database and sees every row.\n" +
			"Where a copy is not possible, everything runs in transactions that are rolled back.",
		example: "  watertight attack postgres://postgres@localhost/app_test\n" +
			"  watertight attack postgres://postgres@localhost/app_test --app-role app --tenant-setting app.tenant_id\n" +
			"  watertight attack postgres://postgres@localhost/app_test --enter \"select app.enter(\\$1)\" --seed seed.sql",
		run: runAttack,
	}
}

// attackFlags are the flags of attack, which prove has as well.
type attackFlags struct {
	appRole, appURL, setting, enter, seed, format string
	columns, schemas                              stringList
	queries                                       pathList
	jobs                                          int
	yes, selfTest                                 bool
}

func (f *attackFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.appRole, "app-role", "", "`ROLE` that the application connects as (default: the one with the most grants)")
	fs.StringVar(&f.appURL, "app-url", "", "`URL` that the application connects with; names the role")
	fs.Var(&f.columns, "tenant-column", "`COLUMN` that says whose a row is; may be repeated")
	fs.StringVar(&f.setting, "tenant-setting", "", "`NAME` of the setting that holds the tenant, such as app.tenant_id")
	fs.StringVar(&f.enter, "enter", "", "`SQL` by which the application enters a tenant, with the tenant as $1")
	fs.Var(&f.schemas, "schema", "`SCHEMA` to attack; may be repeated (default: all)")
	fs.StringVar(&f.seed, "seed", "", "`FILE` of SQL that makes rows which cannot be invented")
	fs.Var(&f.queries, "queries", "`PATH`s of the queries to run across tenants: .sql files or folders")
	fs.IntVar(&f.jobs, "jobs", 0, "`N` attacks at once (default: the processors, at most 8)")
	fs.BoolVar(&f.selfTest, "self-test", false, "plant a leak of each class in the copy and require that it is caught")
	fs.BoolVar(&f.yes, "yes-destroy", false, "attack a database that does not look disposable")
	f.format = "text"
	fs.Var(choice{&f.format, []string{"text", "json", "sarif"}}, "format", "output: text, json or sarif")
}

// config turns the flags into what leaktest takes.
func (f *attackFlags) config(c *call, url string) (leaktest.Config, error) {
	cfg := leaktest.Config{
		URL: url, AppRole: f.appRole, AppURL: f.appURL, TenantColumns: f.columns, TenantSetting: f.setting,
		Enter: f.enter, Schemas: f.schemas, Jobs: f.jobs, YesDestroy: f.yes, SelfTest: f.selfTest, Progress: c.progress(),
	}
	if f.setting != "" && f.enter != "" {
		return cfg, usageError{"give one of --tenant-setting and --enter"}
	}
	if f.jobs < 0 {
		return cfg, usageError{"--jobs is negative"}
	}
	if f.seed != "" {
		sql, err := os.ReadFile(f.seed)
		if err != nil {
			return cfg, fmt.Errorf("read the seed: %w", err)
		}
		cfg.Seed = string(sql)
	}
	if len(f.queries) > 0 {
		var err error
		if cfg.Queries, err = leaktest.ReadQueries(f.queries); err != nil {
			return cfg, err
		}
	}
	return cfg, nil
}

func runAttack(ctx context.Context, c *call) error {
	fs := c.flagSet()
	var f attackFlags
	f.register(fs)
	args, err := c.parse(fs, 0, 1)
	if err != nil {
		return err
	}
	url, err := c.databaseURL(args)
	if err != nil {
		return err
	}
	cfg, err := f.config(c, url)
	if err != nil {
		return err
	}
	if cfg.Attacks, err = sealedAttack(ctx, url); err != nil {
		return err
	}
	report, err := leaktest.Check(ctx, cfg)
	c.progressDone()
	if stopped := endedEarly(err); stopped != nil {
		return stopped
	}
	switch f.format {
	case "json":
		err = report.WriteJSON(c.stdout)
	case "sarif":
		err = report.WriteSARIF(c.stdout)
	default:
		err = report.WriteText(c.stdout)
	}
	if err != nil {
		return err
	}
	return outcome(report)
}

// outcome is the exit of a command that attacked: leaks are findings, and
// without any, something that could not be proved is no clean result either.
func outcome(report leaktest.Report) error {
	switch {
	case report.Leaks() > 0:
		return findings("")
	case report.Unproved() > 0:
		return errors.New("something could not be proved, so the database is not clean (see the findings)")
	}
	return nil
}

// endedEarly returns the part of an error of leaktest that is no finding.
func endedEarly(err error) error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, e := range joined.Unwrap() {
			rest = append(rest, endedEarly(e))
		}
		return errors.Join(rest...)
	}
	if _, ok := errors.AsType[*leaktest.Leak](err); ok {
		return nil
	}
	if _, ok := errors.AsType[*leaktest.Unproved](err); ok {
		return nil
	}
	return err
}
