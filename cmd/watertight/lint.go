package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/watertight-go/watertight/lint"
)

func lintCommand() *command {
	return &command{
		name:    "lint",
		summary: "prove that every query stays within its tenant",
		usage:   "--schema PATH... --queries PATH... | -c sqlc.yaml",
		help: "lint reads the schema and the queries, and proves for each query that every\n" +
			"occurrence of every tenant table is pinned to one tenant parameter. What it\n" +
			"cannot prove is a finding that says why, and what to add. With a sqlc.yaml it\n" +
			"also checks that the generated code takes the tenant as a type of its own.\n\n" +
			"A query that is meant to cross tenants says so in a comment:\n" +
			"  -- watertight:cross-tenant REASON",
		example: "  watertight lint --schema schema/migrations --queries query\n" +
			"  watertight lint -c sqlc.yaml --format json\n" +
			"  watertight lint --schema db.sql --queries query/*.sql --tenant-column org_id\n" +
			"  watertight lint --fix               add the missing clauses that are plain\n" +
			"  watertight lint --baseline lint.json --write-baseline\n" +
			"                                      accept what is there; it may only shrink",
		run: runLint,
	}
}

// lintFlags are the flags of one run.
type lintFlags struct {
	schema, queries pathList
	columns         stringList
	sqlc            string
	config          string
	format          string
	baseline        string
	writeBaseline   bool
	fix             bool
	waivers         bool

	options lint.Options
}

func runLint(_ context.Context, c *call) error {
	fs := c.flagSet()
	f := lintFlags{format: "text"}
	fs.Var(&f.schema, "schema", "`PATH`s of the schema: .sql files or folders of migrations")
	fs.Var(&f.queries, "queries", "`PATH`s of the queries: .sql files or folders")
	fs.Var(&f.columns, "tenant-column", "`COLUMN` that carries the tenant (default tenant_id); may be repeated")
	fs.StringVar(&f.sqlc, "c", "", "`FILE`: read schema and queries from this sqlc.yaml")
	fs.StringVar(&f.config, "config", "watertight.yaml", "`FILE` whose section lint has the tenant columns and levels")
	fs.Var(choice{&f.format, []string{"text", "json", "sarif"}}, "format", "output: text, json or sarif")
	fs.StringVar(&f.baseline, "baseline", "", "`FILE` of accepted findings, which are not reported")
	fs.BoolVar(&f.writeBaseline, "write-baseline", false, "write the findings to the baseline; one that exists may only shrink")
	fs.BoolVar(&f.fix, "fix", false, "add the missing clauses where that is safe")
	fs.BoolVar(&f.waivers, "waivers", false, "list the queries that say they cross tenants, with their reasons")
	if _, err := c.parse(fs, 0, 0); err != nil {
		return err
	}
	if err := f.complete(); err != nil {
		return err
	}
	if f.fix {
		if err := f.applyFixes(c.stderr); err != nil {
			return err
		}
	}
	report, err := f.check()
	if err != nil {
		return err
	}
	return f.finish(c, report)
}

// complete fills in what the flags leave open.
func (f *lintFlags) complete() error {
	options, err := lint.ReadOptions(f.config)
	if err != nil {
		return err
	}
	if len(f.columns) > 0 {
		options.TenantColumns, options.Levels = f.columns, nil
	}
	f.options = options
	switch {
	case len(f.schema) == 0 && len(f.queries) == 0 && f.sqlc == "":
		for _, name := range []string{"sqlc.yaml", "sqlc.yml", "sqlc.json"} {
			if _, err := os.Stat(name); err == nil {
				f.sqlc = name
				return nil
			}
		}
		return usageError{"there is nothing to read (pass --schema and --queries, or -c sqlc.yaml)"}
	case f.sqlc == "" && (len(f.schema) == 0 || len(f.queries) == 0):
		return usageError{"--schema and --queries go together (pass both, or -c sqlc.yaml)"}
	case f.writeBaseline && f.baseline == "":
		return usageError{"--write-baseline needs --baseline FILE"}
	}
	return nil
}

// blocks returns what there is to check: the blocks of sqlc.yaml, with the
// paths of the flags instead of its own where those are given.
func (f *lintFlags) blocks() ([]lint.SQLC, error) {
	if f.sqlc == "" {
		return []lint.SQLC{{Dir: ".", Schema: f.schema, Queries: f.queries}}, nil
	}
	blocks, err := lint.ReadSQLC(f.sqlc)
	if err != nil {
		return nil, err
	}
	if len(f.schema) > 0 || len(f.queries) > 0 {
		blocks[0].Dir = "."
		blocks[0].Schema, blocks[0].Queries = f.schema, f.queries
		if len(f.schema) == 0 || len(f.queries) == 0 {
			return nil, usageError{"--schema and --queries go together (pass both, or neither beside -c)"}
		}
		return blocks[:1], nil
	}
	return blocks, nil
}

func (f *lintFlags) check() (*lint.Report, error) {
	blocks, err := f.blocks()
	if err != nil {
		return nil, err
	}
	var all *lint.Report
	for _, b := range blocks {
		var r *lint.Report
		if f.sqlc == "" {
			r, err = checkPaths(b, f.options)
		} else {
			r, err = lint.CheckSQLC(b, f.options)
		}
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = r
		} else {
			all.Merge(r)
		}
	}
	return all, nil
}

func checkPaths(b lint.SQLC, o lint.Options) (*lint.Report, error) {
	schema, err := lint.ReadSchema(b.Schema)
	if err != nil {
		return nil, err
	}
	files, err := lint.ReadQueries(b.Queries)
	if err != nil {
		return nil, err
	}
	return lint.Check(schema, files, o)
}

// applyFixes writes the files that the safe edits change.
func (f *lintFlags) applyFixes(log io.Writer) error {
	blocks, err := f.blocks()
	if err != nil {
		return err
	}
	for _, b := range blocks {
		schema, err := lint.ReadSchema(b.SchemaPaths())
		if err != nil {
			return err
		}
		files, err := lint.ReadQueries(b.QueryPaths())
		if err != nil {
			return err
		}
		changed, fixes, err := lint.Fix(schema, files, f.options)
		if err != nil {
			return err
		}
		for _, c := range changed {
			if err := rewrite(c.Name, c.SQL); err != nil {
				return err
			}
			fmt.Fprintf(log, "fixed %s\n", c.Name)
		}
		if fixes > 0 {
			fmt.Fprintf(log, "clauses added: %d; callers of queries with a new parameter no longer compile until they pass the tenant\n", fixes)
		}
	}
	return nil
}

// rewrite replaces the text of a file and keeps its mode.
func rewrite(name, text string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), info.Mode().Perm())
}

// finish applies the baseline, prints the report and decides the exit code.
func (f *lintFlags) finish(c *call, report *lint.Report) error {
	if f.writeBaseline {
		if err := report.Err(); err != nil {
			return err
		}
		if err := lint.NewBaseline(report).Write(f.baseline); err != nil {
			return err
		}
	}
	if f.baseline != "" {
		b, err := lint.ReadBaseline(f.baseline)
		if err != nil {
			return err
		}
		report.Subtract(b, f.baseline)
	}
	if err := f.print(c.stdout, report); err != nil {
		return err
	}
	if err := report.Err(); err != nil {
		return err
	}
	if len(report.Findings) > 0 {
		return findings("")
	}
	return nil
}

func (f *lintFlags) print(w io.Writer, report *lint.Report) error {
	if f.waivers && f.format == "text" {
		for _, wv := range report.Waivers {
			fmt.Fprintf(w, "%s:%d: waived: %s: %s\n", wv.File, wv.Line, cmp.Or(wv.Query, "query"), wv.Reason)
		}
	}
	switch f.format {
	case "json":
		return report.WriteJSON(w)
	case "sarif":
		return report.WriteSARIF(w)
	}
	return report.WriteText(w)
}

// lintRules returns the pages of lint for explain.
func lintRules() []rule {
	var out []rule
	for _, r := range lint.Rules() {
		out = append(out, rule{id: r.ID, severity: string(r.Severity), title: r.Title, doc: r.Doc})
	}
	return out
}
