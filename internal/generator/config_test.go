package generator

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const goodConfig = `version: "2"
plugins:
  - name: watertight
    process: {cmd: sqlc-gen-watertight, format: json}
sql:
  - schema: schema
    queries: [query/a.sql, query/b.sql]
    engine: postgresql
    gen:
      go:
        package: query
        out: query
        sql_package: pgx/v5
        query_parameter_limit: 32
        output_db_file_name: _db.go
        overrides:
          - {column: "*.*.tenant_id", go_type: example.com/vendored/tenancy.ID}
    codegen:
      - {plugin: watertight, out: query/}
`

func writeConfig(t *testing.T, src string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sqlc.yaml")
	if err := os.WriteFile(path, []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadConfig(t *testing.T) {
	t.Parallel()
	conf, err := ReadConfig(writeConfig(t, goodConfig))
	if err != nil {
		t.Fatal(err)
	}
	if len(conf.Blocks) != 1 {
		t.Fatalf("%d blocks, want 1", len(conf.Blocks))
	}
	b := conf.Blocks[0]
	if !b.Sealed || !slices.Equal(b.Schema, []string{"schema"}) || !slices.Equal(b.Queries, []string{"query/a.sql", "query/b.sql"}) ||
		!slices.Equal(b.Outs, []string{"query", "query"}) {
		t.Errorf("block %+v", b)
	}
}

// Each of these configurations would generate code that compiles with a pool,
// or without a tenant, or with any UUID for one.
func TestReadConfigRefusesWhatWouldNotBeTight(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ from, to, want string }{
		"version 1":               {`version: "2"`, `version: "1"`, `has version "1"`},
		"no plugin":               {"name: watertight\n    process: {cmd: sqlc-gen-watertight", "name: watertight\n    process: {cmd: other", "no plugin runs sqlc-gen-watertight"},
		"plugin in a folder":      {"{cmd: sqlc", "{cmd: ./bin/sqlc", "without a folder"},
		"plugin with protobuf":    {", format: json", "", "write format: json"},
		"plugin that is not used": {"plugin: watertight, out", "plugin: other, out", "nothing would be checked"},
		"two folders":             {"plugin: watertight, out: query/", "plugin: watertight, out: elsewhere", "the same out"},
		"database/sql":            {"sql_package: pgx/v5", "sql_package: database/sql", "pgx/v5"},
		"sqlc's db.go":            {"        output_db_file_name: _db.go\n", "", "output_db_file_name"},
		"sqlc's db.go, renamed":   {"output_db_file_name: _db.go", "output_db_file_name: sqlc.go", "output_db_file_name"},
		"struct parameters":       {"        query_parameter_limit: 32\n", "", "query_parameter_limit is 0"},
		"few parameters":          {"query_parameter_limit: 32", "query_parameter_limit: 2", "query_parameter_limit is 2"},
		"handle in each call":     {"sql_package:", "emit_methods_with_db_argument: true\n        sql_package:", "emit_methods_with_db_argument"},
		"other names of texts":    {"sql_package:", "emit_exported_queries: true\n        sql_package:", "emit_exported_queries"},
		"untyped tenants":         {"example.com/vendored/tenancy.ID", "github.com/google/uuid.UUID", "any UUID would do"},
		"no generator":            {"    gen:\n      go:\n", "    other:\n      go:\n", "no generator beside it"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(goodConfig, c.from) {
				t.Fatalf("the good configuration has no %q", c.from)
			}
			_, err := ReadConfig(writeConfig(t, strings.Replace(goodConfig, c.from, c.to, 1)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if !strings.HasSuffix(err.Error(), ")") {
				t.Errorf("error %q does not end with a remedy", err)
			}
		})
	}
}

func TestReadConfigAllowsOtherForms(t *testing.T) {
	t.Parallel()
	override := `          - {column: "*.*.tenant_id", go_type: example.com/vendored/tenancy.ID}`
	cases := map[string]string{
		"type in parts": strings.Replace(goodConfig, override,
			`          - {column: "*.*.tenant_id", go_type: {import: example.com/vendored/tenancy, type: ID}}`, 1),
		"override for all blocks": strings.Replace(goodConfig, "        overrides:\n"+override+"\n", "", 1) +
			"overrides:\n  go:\n    overrides:\n" + strings.ReplaceAll(override, "          -", "      -") + "\n",
		"cross-tenant block": strings.Replace(strings.Replace(goodConfig, "        overrides:\n"+override+"\n", "", 1),
			"out: query/}", "out: query, options: {handle: crosstenant}}", 1),
	}
	for name, src := range cases {
		if _, err := ReadConfig(writeConfig(t, src)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadConfigReportsAllReasonsAtOnce(t *testing.T) {
	t.Parallel()
	src := strings.NewReplacer("query_parameter_limit: 32", "", "output_db_file_name: _db.go", "").Replace(goodConfig)
	_, err := ReadConfig(writeConfig(t, src))
	if err == nil || !strings.Contains(err.Error(), "query_parameter_limit") || !strings.Contains(err.Error(), "output_db_file_name") {
		t.Errorf("error %v, want both options named", err)
	}
}
