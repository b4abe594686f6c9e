package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/watertight-go/watertight/inspect"
	"github.com/watertight-go/watertight/internal/doctor"
)

func doctorCommand() *command {
	return &command{
		name:    "doctor",
		summary: "say what is wrong with a set-up, and how to mend it",
		usage:   "[URL] [flags]",
		help: `doctor looks at the tools, at watertight.yaml, sqlc.yaml and the generated code, and,
where a database is named, at that as the application meets it: whether it can be
reached, its version, the role, the migrations, what the catalogue lets out, the
context key, the encryption, a pooler in between, and the clocks. It reads only, and
says nothing where nothing is wrong.

URL, or DATABASE_URL, is that of the application's role; WATERTIGHT_CONTEXT_KEY is
its key. Errors give the exit code 1; warnings alone do not. watertight explain RULE
has more about each finding.`,
		example: `  watertight doctor
  DATABASE_URL=postgres://shop@db/shop watertight doctor
  watertight doctor postgres://shop@db/shop --only database --format json`,
		run: runDoctor,
	}
}

func runDoctor(ctx context.Context, c *call) error {
	fs := c.flagSet()
	config, sqlcConfig, only, format := "watertight.yaml", "", "", "text"
	fs.StringVar(&config, "c", config, "`FILE` that says what to prove")
	fs.StringVar(&sqlcConfig, "config", "", "`FILE` with sqlc's configuration (default: the one in this folder)")
	fs.Var(choice{&only, []string{"project", "database"}}, "only", "look at one: project or database (default: both)")
	fs.Var(choice{&format, []string{"text", "json"}}, "format", "output: text or json")
	args, err := c.parse(fs, 0, 1)
	if err != nil {
		return err
	}
	url := ""
	if only == "database" || len(args) > 0 || c.getenv("DATABASE_URL") != "" {
		if url, err = c.databaseURL(args); err != nil {
			return err
		}
	}
	list := []doctor.Finding{} // [] and not null in JSON
	proof, proofErr := c.doctorConfig(config)
	if only != "database" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
		list = append(list, doctor.CheckProject(ctx, doctor.Project{ProofConfig: config, ProofError: proofErr, Sqlc: sqlcConfig, Plugin: self})...)
	}
	switch {
	case only == "project":
	case url == "":
		fmt.Fprintln(c.stderr, "no database was named, so none was looked at (pass the application's URL, or set DATABASE_URL)")
	default:
		list = append(list, doctor.CheckDatabase(ctx, doctor.Database{URL: url, ContextKey: c.getenv(envContextKey), Inspect: proof})...)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.printDiagnosis(list, format)
}

// doctorConfig reads watertight.yaml, and what it has for inspect.
func (c *call) doctorConfig(path string) (inspect.Config, error) {
	cfg, err := readProveConfig(path, c.getenv)
	if err == nil {
		_, err = sqlFilesOf(slices.Concat(cfg.Schema, cfg.Setup, cfg.Queries))
	}
	if err != nil {
		return inspect.Config{}, err
	}
	return inspect.Config{TenantColumns: cfg.TenantColumns, TenantSetting: cfg.TenantSetting, Enter: cfg.Enter, Schemas: cfg.Schemas}, nil
}

func (c *call) printDiagnosis(list []doctor.Finding, format string) error {
	// The last of several guards: the checks put no URL and no password there.
	for i := range list {
		for _, dsn := range c.secrets() {
			list[i].Message, list[i].Fix = redact(list[i].Message, dsn), redact(list[i].Fix, dsn)
		}
	}
	if format == "json" {
		if err := c.printJSON(map[string]any{"findings": list}); err != nil {
			return err
		}
	} else {
		for _, f := range list {
			fmt.Fprintf(c.stdout, "%s: %s %s\n    why: %s\n    fix: %s\n", f.Severity, f.Rule, f.Message, f.Why, f.Fix)
		}
	}
	if slices.ContainsFunc(list, func(f doctor.Finding) bool { return f.Severity == doctor.Error }) {
		return findings("")
	}
	return nil
}

// doctorRules are the pages of explain.
func doctorRules() []rule {
	var out []rule
	for _, r := range doctor.Rules() {
		out = append(out, rule{id: r.ID, severity: r.Severity, title: r.Title, doc: r.Why + "\n\nwatertight doctor says beside each finding what mends it."})
	}
	return out
}
