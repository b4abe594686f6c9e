package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/inspect"
)

func inspectCommand() *command {
	return &command{
		name:    "inspect",
		summary: "look for ways out of a tenant in a live database's catalogue",
		usage:   "URL [flags]",
		help: "inspect reads the catalogue of a database, whatever schema it has, and reports\n" +
			"roles, policies, keys, grants, views and functions by which one tenant reaches\n" +
			"another, each with the DDL that mends it. It never writes, takes no lock that the\n" +
			"application would wait for, and runs as any role. Errors give the exit code 1;\n" +
			"warnings alone do not.",
		example: "  watertight inspect postgres://postgres@localhost/app\n" +
			"  watertight inspect postgres://postgres@localhost/app --app-role app --tenant-column org_id\n" +
			"  watertight inspect postgres://postgres@localhost/app --tenant-setting app.tenant_id --format json",
		run: runInspect,
	}
}

func runInspect(ctx context.Context, c *call) error {
	fs := c.flagSet()
	var (
		cfg              inspect.Config
		columns, schemas stringList
		format           = "text"
	)
	fs.StringVar(&cfg.AppRole, "app-role", "", "`ROLE` of the application (default: that of URL, or the one with most grants)")
	fs.Var(&columns, "tenant-column", "`COLUMN` that says whose a row is (default: tenant_id, or as policies); repeatable")
	fs.StringVar(&cfg.TenantSetting, "tenant-setting", "", "`NAME` of the setting that holds the tenant (default: what most policies read)")
	fs.StringVar(&cfg.Enter, "enter", "", "`SQL` by which the application enters a tenant, if that is no plain setting")
	fs.Var(&schemas, "schema", "`SCHEMA` to look at (default: all); may be repeated")
	fs.Var(choice{&format, []string{"text", "json", "sarif"}}, "format", "output: text, json or sarif")
	fs.Var(choice{&cfg.Profile, []string{inspect.ProfileCitus}}, "profile", "citus: also look for what would stand in the way of a Citus cluster (default: what the database is)")
	args, err := c.parse(fs, 0, 1)
	if err != nil {
		return err
	}
	url, err := c.databaseURL(args)
	if err != nil {
		return err
	}
	if cfg.TenantSetting != "" && cfg.Enter != "" {
		return usageError{"give one of --tenant-setting and --enter"}
	}
	cfg.TenantColumns, cfg.Schemas = columns, schemas
	report, err := inspectDatabase(ctx, url, cfg)
	if err != nil {
		return err
	}
	switch format {
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
	if report.Errors() > 0 {
		return findings("")
	}
	return nil
}

func inspectDatabase(ctx context.Context, url string, cfg inspect.Config) (inspect.Report, error) {
	pc, err := pgx.ParseConfig(url)
	if err != nil {
		return inspect.Report{}, errors.New("the database URL could not be read (postgres://USER@HOST:PORT/DATABASE)")
	}
	if pc.ConnectTimeout == 0 {
		pc.ConnectTimeout = 10 * time.Second
	}
	pc.RuntimeParams["application_name"] = "watertight inspect"
	conn, err := pgx.ConnectConfig(ctx, pc)
	if err != nil {
		return inspect.Report{}, fmt.Errorf("connect to the database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return inspect.Check(ctx, conn, cfg)
}

// inspectRules are the pages of explain.
func inspectRules() []rule {
	list, err := inspect.Rules()
	if err != nil {
		// The rules are part of the program, and tests load them all.
		panic("watertight: " + err.Error())
	}
	var out []rule
	for _, r := range list {
		out = append(out, rule{id: r.ID, severity: r.Severity, title: r.Title, doc: r.Doc})
	}
	return out
}
