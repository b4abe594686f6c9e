package sqlcplugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHandleGateKeepsWaivedQueriesApart(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		handle   Handle
		comments []string
		want     string // in the finding; empty for none
	}{
		{"tenant query on a tenant's handle", Tenant, nil, ""},
		{"another comment", Tenant, []string{" counts the tenants, watertight:cross-tenant is not needed"}, ""},
		{"a longer word", Tenant, []string{" watertight:cross-tenants are many"}, ""},
		{"waived query on a tenant's handle", Tenant, []string{" watertight:cross-tenant billing"}, "cannot run on a tenant's handle"},
		{"waived after a description", Tenant, []string{" GetMember gets.", " watertight:cross-tenant billing"}, "cannot run on a tenant's handle"},
		{"waived query across tenants", CrossTenant, []string{" watertight:cross-tenant billing"}, ""},
		{"waived without a reason", CrossTenant, []string{" watertight:cross-tenant "}, "gives no reason"},
		{"tenant query across tenants", CrossTenant, nil, "without saying why"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &Request{Queries: []Query{{Name: "GetMember", Filename: "members.sql", Comments: c.comments}}}
			found, err := HandleGate(r, Options{Handle: c.handle})
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(found) != 0 {
					t.Errorf("found %v, want nothing", found)
				}
				return
			}
			if len(found) != 1 || !strings.Contains(found[0].Message, c.want) {
				t.Fatalf("found %v, want one finding with %q", found, c.want)
			}
			if got := found[0].String(); !strings.HasPrefix(got, "members.sql: query GetMember: ") {
				t.Errorf("finding %q does not begin with the position and the query", got)
			}
		})
	}
}

func TestLocateFindsTheLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, src string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a/q.sql", "-- head\n\n-- name: First :one\nselect 1;\n-- name: FirstAgain :one\nselect "+strings.Repeat("1", 100_000)+";\n-- name: Last :one\nselect 2;\n")
	write("b/q.sql", "-- name: Other :one\nselect 1;\n")
	write("b/deep/q.sql", "-- name: Deep :one\nselect 1;\n")

	paths := map[string][]string{
		"folders":  {filepath.Join(dir, "a"), filepath.Join(dir, "b")},
		"files":    {filepath.Join(dir, "a/q.sql"), filepath.Join(dir, "b/q.sql")},
		"patterns": {filepath.Join(dir, "[ab]/*.sql")},
	}
	queries := map[string]string{
		"First":      "a/q.sql:3",
		"FirstAgain": "a/q.sql:5",
		"Last":       "a/q.sql:7", // after a line longer than a scanner's buffer
		"Other":      "b/q.sql:1",
	}
	for name, p := range paths {
		r := &Request{Settings: Settings{Queries: p}}
		for query, want := range queries {
			got := r.Locate(Query{Name: query, Filename: "q.sql"}).String()
			if got != filepath.ToSlash(filepath.Join(dir, want)) {
				t.Errorf("%s: %s is at %s, want %s", name, query, got, want)
			}
		}
		// sqlc does not read subfolders, and neither does Locate.
		if got := r.Locate(Query{Name: "Deep", Filename: "q.sql"}).String(); got != "q.sql" {
			t.Errorf("%s: Deep is at %s, want the bare name", name, got)
		}
	}
}
