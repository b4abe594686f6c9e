package tenancy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

func TestOpenRefusesUnsafeRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owned := "create table app.own (tenant_id uuid not null, id int, primary key (tenant_id, id))"
	w.Exec(t, owned)
	for name, role := range map[string]struct{ attributes, after, reason string }{
		"superuser":           {"superuser", "", "is a superuser"},
		"bypassrls":           {"bypassrls in role watertight_app", "", "BYPASSRLS"},
		"createrole":          {"createrole in role watertight_app", "", "may create roles"},
		"replication":         {"replication in role watertight_app", "", "may replicate"},
		"owner of a table":    {"in role watertight_app", "alter table app.own owner to ROLE", "owns tenant tables"},
		"member of the owner": {"in role watertight_app, watertight_owner", "", "member of watertight_owner"},
		"member, no inherit":  {"noinherit in role watertight_app, watertight_migrator", "", "watertight_migrator"},
		"member of system":    {"in role watertight_app, watertight_system", "", "watertight_system"},
		"reader of files":     {"in role watertight_app, pg_read_server_files", "", "files or programs"},
		"not the application": {"", "", "not a member of watertight_app"},
	} {
		t.Run(name, func(t *testing.T) {
			login, url := w.Login(t, role.attributes)
			if role.after != "" {
				_, err := w.admin.Exec(t.Context(), strings.ReplaceAll(role.after, "ROLE", login))
				require.NoError(t, err)
				t.Cleanup(func() {
					_, err := w.admin.Exec(contextBackground(), "alter table app.own owner to watertight_owner")
					require.NoError(t, err)
				})
			}
			_, err := tenancy.Open(t.Context(), url, w.config())
			require.ErrorIs(t, err, tenancy.ErrUnsafeRole)
			require.ErrorContains(t, err, role.reason)
		})
	}
	_, url := w.Login(t, "in role watertight_app")
	db, err := tenancy.Open(t.Context(), url, w.config())
	require.NoError(t, err, "positive control: a member of watertight_app")
	db.Close()
}

func TestOpenRefusesUnsafeSchemas(t *testing.T) {
	t.Parallel()
	const table = "create table app.open (tenant_id uuid not null, id int, primary key (tenant_id, id)); grant select on app.open to watertight_app;"
	for name, c := range map[string]struct{ sql, reason string }{
		"no row-level security": {table + "alter table app.open disable row level security", "has no row-level security"},
		"not forced":            {table + "alter table app.open no force row level security", "does not force"},
		"no policy":             {table, "has no policy"},
		"policy of all rows":    {table + "create policy p on app.open using (true)", "does not compare with"},
		"check of all rows":     {table + "create policy p on app.open using (tenant_id = (select watertight.tenant())) with check (true)", "does not compare with"},
		"another setting":       {table + "create policy p on app.open using (tenant_id = current_setting('app.tenant_id')::uuid)", "does not compare with"},
		"second policy":         {"drop event trigger watertight_protected; create policy extra on app.notes using (true)", "does not compare with"},
		"truncate":              {"grant truncate on app.notes to watertight_app", "may TRUNCATE"},
		"no schema":             {"drop event trigger watertight_protected; drop event trigger watertight_new_table; drop function watertight.enter(text)", "not installed"},
		"partition":             {table + "select watertight.protect('app.open'); create table app.p (tenant_id uuid not null, id int, primary key (tenant_id, id)); alter table app.p disable row level security; grant select on app.p to watertight_app", "app.p has no row-level security"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, err := w.admin.Exec(t.Context(), c.sql)
			require.NoError(t, err)
			_, err = tenancy.Open(t.Context(), w.url, w.config())
			require.ErrorIs(t, err, tenancy.ErrUnsafeSchema)
			require.ErrorContains(t, err, c.reason)
		})
	}
}

func TestOpenRefusesPlaintextToOtherHosts(t *testing.T) {
	t.Parallel()
	key, err := tenancy.NewContextKey()
	require.NoError(t, err)
	cfg := tenancy.Config{Key: key, Registry: accounts.Registry{}}
	for _, url := range []string{
		"postgres://u:secret-password@db.example.com/x?sslmode=disable",
		"postgres://u:secret-password@db.example.com/x?sslmode=prefer",
		"postgres://u:secret-password@db.example.com/x?sslmode=allow",
		"postgres://u:secret-password@db.example.com/x",
		"postgres://u:secret-password@192.0.2.1/x?sslmode=disable",
		"postgres://u:secret-password@127.0.0.1,db.example.com/x?sslmode=disable",
		"host=db.example.com user=u password=secret-password sslmode=disable",
	} {
		_, err := tenancy.Open(t.Context(), url, cfg)
		require.ErrorIs(t, err, tenancy.ErrPlaintext, url)
		require.NotContains(t, err.Error(), "secret-password")
	}
	for _, url := range []string{
		"postgres://u:secret-password@127.0.0.1:1/x?sslmode=disable", "postgres://u:secret-password@[::1]:1/x?sslmode=disable",
		"postgres://u:secret-password@localhost:1/x?sslmode=disable", "host=/nowhere user=u password=secret-password dbname=x",
	} {
		_, err := tenancy.Open(t.Context(), url, cfg)
		require.ErrorIs(t, err, tenancy.ErrUnavailable, url)
		for _, part := range []string{"secret-password", "127.0.0.1", "nowhere", "localhost"} {
			require.NotContains(t, err.Error(), part)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	_, err := tenancy.Open(t.Context(), "postgres://localhost/x", tenancy.Config{})
	require.ErrorContains(t, err, "Key is empty")
	require.ErrorContains(t, err, "Registry is nil")
	key, err := tenancy.NewContextKey()
	require.NoError(t, err)
	cfg := tenancy.Config{Key: key, Registry: accounts.Registry{}}
	_, err = tenancy.Open(t.Context(), "postgres://u:secret-password@%zz/x", cfg)
	require.ErrorContains(t, err, "cannot be read")
	require.NotContains(t, err.Error(), "secret-password")
	_, err = tenancy.Open(t.Context(), "postgres://localhost/x?default_query_exec_mode=simple_protocol", cfg)
	require.ErrorContains(t, err, "simple_protocol is refused")
}

func TestEmptySearchPathUnlessConfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.asA(t).Exec(t.Context(), "select 1 from notes")
	require.ErrorContains(t, err, "does not exist")
	db := w.open(t, func(c *tenancy.Config) { c.SearchPath = []string{"app", `we"ird`} })
	_, err = db.For(w.admitOn(t, db, w.anna, w.a)).Exec(t.Context(), "select 1 from notes")
	require.NoError(t, err)
	require.Equal(t, `"app", "we""ird"`, tenancy.SearchPath([]string{"app", `we"ird`}))
}

// The role may get BYPASSRLS while the service runs: the next connection sees it.
func TestNewConnectionsLookAtTheirRole(t *testing.T) {
	t.Parallel()
	w := &world{Database: pgtest.New(t, pgtest.Config{Setup: []string{notes}})}
	w.systemURL = w.SystemURL
	w.admin = w.Admin(t)
	w.a, w.anna = w.tenant(t, "Alpha", "anna@alpha.example")
	login, url := w.Login(t, "in role watertight_app")
	cfg := w.config()
	db, err := tenancy.Open(t.Context(), url, cfg)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	_, err = db.Admit(t.Context(), w.anna, w.a)
	require.NoError(t, err, "positive control")

	_, err = w.admin.Exec(t.Context(), "alter role "+login+" bypassrls")
	require.NoError(t, err)
	db.Primary().Reset()
	_, err = db.Admit(t.Context(), w.anna, w.a)
	require.ErrorIs(t, err, tenancy.ErrUnsafeRole)
}
