package lint

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRolesLines(t *testing.T) {
	t.Parallel()
	schema, err := ReadSchema([]string{"rules/schema.sql"})
	require.NoError(t, err)
	const (
		first  = "select * from bookings where tenant_id = $1;\n"
		second = "-- name: Second :many\nselect id from bookings where tenant_id = $1;\n"
	)
	for name, c := range map[string]struct {
		sql  string
		want map[string][]string
		msg  string // of the finding; empty for none
	}{
		"none":             {"-- name: First :many\n" + first, map[string][]string{}, ""},
		"one":              {"-- name: First :many\n-- watertight:roles owner\n" + first, map[string][]string{"First": {"owner"}}, ""},
		"several":          {"-- name: First :many\n-- What it does.\n-- watertight:roles owner admin dispatcher\n" + first, map[string][]string{"First": {"owner", "admin", "dispatcher"}}, ""},
		"block comment":    {"-- name: First :many\n/* watertight:roles owner */\n" + first, map[string][]string{"First": {"owner"}}, ""},
		"any":              {"-- name: First :many\n-- watertight:roles any\n" + first, map[string][]string{"First": {"any"}}, ""},
		"of the next":      {"-- name: First :many\n" + first + "-- name: Second :many\n-- watertight:roles owner\nselect id from bookings where tenant_id = $1;", map[string][]string{"Second": {"owner"}}, ""},
		"default":          {"-- A file.\n-- watertight:default-roles owner\n\n-- name: First :many\n-- watertight:roles any\n" + first + second, map[string][]string{"First": {"any"}, "Second": {"owner"}}, ""},
		"prose":            {"-- name: First :many\n-- the roles are in watertight:roles elsewhere\n" + first, map[string][]string{}, ""},
		"in a string":      {"-- name: First :many\nselect '\n-- watertight:roles owner\n' from bookings where tenant_id = $1;\n", map[string][]string{}, ""},
		"above the name":   {"-- watertight:roles owner\n-- name: First :many\n" + first, nil, "move it below"},
		"in the statement": {"-- name: First :many\nselect *\n-- watertight:roles owner\nfrom bookings where tenant_id = $1;\n", nil, "move it below"},
		"at the end":       {"-- name: First :many\n" + first + "-- watertight:roles owner\n", nil, "move it below"},
		"after the code":   {"-- name: First :many\nselect * from bookings where tenant_id = $1 -- watertight:roles owner\n;", nil, "move it below"},
		"two lines":        {"-- name: First :many\n-- watertight:roles owner\n-- watertight:roles admin\n" + first, nil, "second roles line"},
		"empty":            {"-- name: First :many\n-- watertight:roles\n" + first, nil, "names no role"},
		"comma":            {"-- name: First :many\n-- watertight:roles owner, admin\n" + first, nil, `"owner," is no role`},
		"unknown":          {"-- name: First :many\n-- watertight:roles owner admn\n" + first, nil, `"admn" is a role that nobody has`},
		"any and another":  {"-- name: First :many\n-- watertight:roles any owner\n" + first, nil, "beside other roles"},
		"twice":            {"-- name: First :many\n-- watertight:roles owner owner\n" + first, nil, "stands twice"},
		"misspelt":         {"-- name: First :many\n-- watertight:role owner\n" + first, nil, "no comment that Watertight knows"},
		"capitals":         {"-- name: First :many\n-- Watertight:roles owner\n" + first, nil, "no comment that Watertight knows"},
		"a space":          {"-- name: First :many\n-- watertight: roles owner\n" + first, nil, "no comment that Watertight knows"},
		"glued":            {"-- name: First :many\n-- watertight:roles=owner\n" + first, nil, "no comment that Watertight knows"},
		"hidden":           {"-- name: First :many\n/* What it does.\n * watertight:roles owner */\n" + first, nil, "inside a longer comment"},
		"default below":    {"-- name: First :many\n" + first + "-- watertight:default-roles owner\n" + second, nil, "above its first query"},
		"two defaults":     {"-- watertight:default-roles owner\n-- watertight:default-roles admin\n-- name: First :many\n" + first, nil, "second default"},
		"waived":           {"-- name: First :many\n-- watertight:cross-tenant counting\n-- watertight:roles owner\nselect * from bookings;\n", nil, "no tenant's role counts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Check(schema, []File{{"q.sql", c.sql}}, Options{Roles: []string{"dispatcher"}})
			require.NoError(t, err)
			if c.msg == "" {
				require.Empty(t, r.Findings)
				require.Equal(t, c.want, r.Roles)
				return
			}
			require.Len(t, r.Findings, 1)
			require.Equal(t, "WTL017", r.Findings[0].Rule)
			require.Contains(t, r.Findings[0].Message, c.msg)
			require.NotContains(t, r.Roles["First"], AnyRole, "what cannot be read opens nothing")
		})
	}
}

// The config's own roles and default reach the queries of its block.
func TestRolesOfABlock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("schema.sql", "create table bookings (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id));")
	write("q.sql", "-- name: A :many\n-- watertight:roles hr\nselect id from bookings where tenant_id = $1;\n-- name: B :many\nselect id from bookings where tenant_id = $1;\n")
	check := func(options string) *Report {
		write("sqlc.yaml", "version: '2'\nsql: [{schema: schema.sql, queries: q.sql, engine: postgresql, codegen: [{plugin: watertight, out: q, options: "+options+"}]}]\n")
		blocks, err := ReadSQLC(filepath.Join(dir, "sqlc.yaml"))
		require.NoError(t, err)
		r, err := CheckSQLC(blocks[0], Options{})
		require.NoError(t, err)
		return r
	}
	r := check("{roles: [hr], default_roles: [owner, admin]}")
	require.Empty(t, r.Findings)
	require.Equal(t, map[string][]string{"A": {"hr"}, "B": {"owner", "admin"}}, r.Roles)
	require.Equal(t, []string{"any"}, check("{roles: [hr], default_roles: any}").Roles["B"])

	r = check("{roles: [hr]}")
	require.Len(t, r.Findings, 1)
	require.Equal(t, "WTL026", r.Findings[0].Rule)
	require.Equal(t, 4, r.Findings[0].Line)
	require.Len(t, check("{default_roles: any}").Findings, 1, "hr is nobody's role there")
}
