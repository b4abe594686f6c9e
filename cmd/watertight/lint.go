package main

import (
	"context"
	"errors"

	"github.com/watertight-go/watertight/lint"
)

func lintCommand() *command {
	return &command{
		name:    "lint",
		summary: "prove that every query stays within its tenant",
		usage:   "--schema PATH... --queries PATH... [flags]",
		help: "lint reads the schema and the queries, and proves for each query that every\n" +
			"occurrence of every tenant table is pinned to one tenant parameter. What it\n" +
			"cannot prove is a finding that says why, and what to add.",
		example: "  watertight lint --schema schema/migrations --queries query\n" +
			"  watertight lint -c sqlc.yaml --format json\n" +
			"  watertight lint --schema db.sql --queries query/*.sql --tenant-column org_id",
		run: runLint,
	}
}

type lintFlags struct {
	schema, queries pathList
	columns         stringList
	config          string
	format          string
}

func runLint(_ context.Context, c *call) error {
	fs := c.flagSet()
	var f lintFlags
	fs.Var(&f.schema, "schema", "`PATH`s of the schema: .sql files or folders of migrations")
	fs.Var(&f.queries, "queries", "`PATH`s of the queries: .sql files or folders")
	fs.Var(&f.columns, "tenant-column", "`COLUMN` that carries the tenant (default tenant_id); may be repeated")
	f.format = "text"
	fs.Var(choice{&f.format, []string{"text", "json", "sarif"}}, "format", "output: text, json or sarif")
	if _, err := c.parse(fs, 0, 0); err != nil {
		return err
	}
	if len(f.schema) == 0 || len(f.queries) == 0 {
		return usageError{"--schema and --queries are both needed"}
	}
	return f.check(c)
}

func (f *lintFlags) check(c *call) error {
	schema, err := lint.ReadSchema(f.schema)
	if err != nil {
		return err
	}
	files, err := lint.ReadQueries(f.queries)
	if err != nil {
		return err
	}
	report, err := lint.Check(schema, files, lint.Options{TenantColumns: f.columns})
	if err != nil {
		return err
	}
	if f.format == "json" {
		err = report.WriteJSON(c.stdout)
	} else {
		err = report.WriteText(c.stdout)
	}
	if err := errors.Join(err, report.Err()); err != nil {
		return err
	}
	if len(report.Findings) > 0 {
		return findings("")
	}
	return nil
}
