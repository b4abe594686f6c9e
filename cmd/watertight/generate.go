package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/watertight-go/watertight/internal/generator"
)

func generateCommand() *command {
	return &command{
		name:    "generate",
		summary: "turn query files into Go that runs inside one tenant only",
		usage:   "[--check] [--config sqlc.yaml]",
		help: `generate runs sqlc ` + generator.SqlcVersion + ` with the plugin that seals its output: New takes
*tenancy.Conn, so a pool does not compile, and a query that may leave its tenant
is refused with file, line, and the clause to add. If one query is refused no
file changes. Generated files whose queries are gone are removed.

sqlc need not be installed: it is taken from the tools of your module, from the
PATH, or built once by the go command. sqlc.yaml needs these lines:

  version: "2"
  plugins:
    - name: watertight
      process: {cmd: sqlc-gen-watertight, format: json}
  sql:
    - schema: schema/migrations
      queries: query
      engine: postgresql
      gen:
        go:
          package: query
          out: query
          sql_package: pgx/v5
          query_parameter_limit: 32        # a forgotten tenant does not compile
          output_db_file_name: _db.go      # the plugin writes db.go
          overrides:
            - {column: "*.*.tenant_id", go_type: github.com/watertight-go/watertight/tenancy.ID}
      codegen:
        - {plugin: watertight, out: query}

Queries that carry -- watertight:cross-tenant REASON go into a block of their
own, whose codegen entry has options: {handle: crosstenant}.

Who may run a query stands below its name, -- watertight:roles owner admin; who
may run the others of the file, above its first query, -- watertight:default-roles
any. The option default_roles of the plugin is the default of the whole block,
the option roles lists your own roles.`,
		example: `  watertight generate                          # sqlc.yaml of this folder
  watertight generate --config db/sqlc.yaml    # of another
  watertight generate --check                  # in CI: exit code 1 if a file differs`,
		run: runGenerate,
	}
}

func runGenerate(ctx context.Context, c *call) error {
	fs := c.flagSet()
	check := fs.Bool("check", false, "change nothing; exit with 1 if a generated file is missing, changed, or stale")
	opts := generator.Options{Stderr: c.stderr}
	fs.StringVar(&opts.Config, "config", "", "`FILE` with sqlc's configuration (default: the one in this folder)")
	fs.StringVar(&opts.Config, "c", "", "short for --config `FILE`")
	fs.StringVar(&opts.Sqlc, "sqlc", "", "`PROGRAM` to run instead of the sqlc that is found")
	if _, err := c.parse(fs, 0, 0); err != nil {
		return err
	}
	var err error
	if opts.Plugin, err = os.Executable(); err != nil {
		return err
	}
	do := generator.Generate
	if *check {
		do = generator.Check
	}
	res, err := do(ctx, opts)
	if errors.Is(err, generator.ErrRefused) {
		return findings(err.Error())
	} else if err != nil {
		return err
	}
	for _, out := range res.Unsealed {
		fmt.Fprintf(c.stderr, "watertight: warning: %s has no plugin of Watertight: its queries are not checked\n", out)
	}
	if *check {
		return reportCheck(c.stdout, res)
	}
	return reportGenerate(c.stdout, res)
}

func reportCheck(w io.Writer, res *generator.Result) error {
	if len(res.Differences) == 0 {
		fmt.Fprintf(w, "%s as the queries say\n", packages(res))
		return nil
	}
	for _, d := range res.Differences {
		switch d.Kind {
		case generator.Missing:
			fmt.Fprintf(w, "%s: is missing\n", d.Path)
		case generator.Stale:
			fmt.Fprintf(w, "%s: its queries are gone\n", d.Path)
		default:
			fmt.Fprintf(w, "%s:%d: differs\n  have: %s\n  want: %s\n", d.Path, d.Line, d.Have, d.Want)
		}
	}
	return findings("generated files are not as the queries say (run watertight generate, and commit what it writes)")
}

func reportGenerate(w io.Writer, res *generator.Result) error {
	for _, d := range res.Differences {
		verb := "wrote"
		if d.Kind == generator.Stale {
			verb = "removed"
		}
		fmt.Fprintf(w, "%s %s\n", verb, d.Path)
	}
	fmt.Fprintf(w, "%s as the queries say\n", packages(res))
	return nil
}

func packages(res *generator.Result) string {
	if res.Packages == 1 {
		return "1 package is"
	}
	return strconv.Itoa(res.Packages) + " packages are"
}
