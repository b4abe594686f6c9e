package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// lent starts a server that plays somebody else's: its address is all that the
// code under test gets.
func lent(t testing.TB) *Server {
	t.Helper()
	return apart(t, defaultLookup())
}

// guest uses the server as a process with DATABASE_URL does.
func guest(t testing.TB, address string) *Server {
	t.Helper()
	s, err := useURL(t.Context(), Config{}, address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func TestSharedServer(t *testing.T) {
	t.Parallel()
	owner := lent(t)
	// By addresses of two databases, as two projects on one server have them.
	other := *owner.base
	other.Path = "/another"
	require.NoError(t, owner.exec(t.Context(), "create database another"))
	a, b := guest(t, owner.base.String()), guest(t, other.String())
	require.Contains(t, a.Source(), "that DATABASE_URL names")
	require.NotEqual(t, a.run, b.run)

	cfg := Config{Setup: []string{"create schema shop; create table shop.item (i int)"}}
	var da, db *Database
	t.Run("both build at once", func(t *testing.T) {
		var wait sync.WaitGroup
		var errA, errB error
		wait.Go(func() { da, errA = a.CreateDatabase(t.Context(), "", cfg) })
		wait.Go(func() { db, errB = b.CreateDatabase(t.Context(), "", cfg) })
		wait.Wait()
		require.NoError(t, errors.Join(errA, errB))
		require.EqualValues(t, 2, a.built.Load()+b.built.Load(), "one built the schema, one built the setup on it, nobody both again")
		require.NotEqual(t, da.Name, db.Name)
	})

	t.Run("each has roles of its own", func(t *testing.T) {
		require.NotEqual(t, da.AppURL, db.AppURL)
		for _, d := range []*Database{da, db} {
			app := d.App(t)
			require.NotEqual(t, "watertight_app", text(t, app, "select current_user"))
			require.Equal(t, "true false false", text(t, app, `select concat_ws(' ', pg_has_role('watertight_app', 'usage')::text,
				rolsuper::text, rolbypassrls::text) from pg_roles where rolname = current_user`))
			require.Equal(t, `""`, text(t, app, "show search_path"))
			require.Equal(t, "watertight_migrator true", text(t, d.Migrator(t),
				"select rolname || ' ' || rolbypassrls::text from pg_roles where rolname = current_user"))
			require.Equal(t, "true", text(t, d.System(t), "select pg_has_role('watertight_system', 'usage')::text"))
			require.Equal(t, "1", text(t, d.Admin(t), "select count(*) from watertight.context_key"))
		}
	})

	t.Run("which need their passwords", func(t *testing.T) {
		u, err := url.Parse(da.AppURL)
		require.NoError(t, err)
		password, ok := u.User.Password()
		require.True(t, ok)
		require.Len(t, password, 26)
	})

	t.Run("and are dropped in the end", func(t *testing.T) {
		roles := func() []string {
			rows, _ := owner.admin.Query(t.Context(), `select rolname from pg_roles where rolname like 'wt\_login\_%' order by 1`)
			names, err := pgx.CollectRows(rows, pgx.RowTo[string])
			require.NoError(t, err)
			return names
		}
		require.Len(t, roles(), 6)
		require.NoError(t, a.Stop())
		require.Len(t, roles(), 3)
		for _, name := range roles() {
			require.True(t, strings.HasPrefix(name, loginPrefix+b.run), name)
		}
	})

	t.Run("but the databases of failed tests stay", func(t *testing.T) {
		require.NoError(t, owner.admin.QueryRow(t.Context(), "select from pg_database where datname = $1", da.Name).Scan())
	})
}

// A managed service gives an administrator that is no superuser.
func TestSharedServerWithoutSuperuser(t *testing.T) {
	t.Parallel()
	owner := lent(t)
	require.NoError(t, owner.exec(t.Context(), "create role manager login createdb createrole"))
	s := guest(t, owner.url("manager", "", "postgres"))
	d, err := s.CreateDatabase(t.Context(), "", Config{Setup: []string{"create schema shop; create table shop.item (i int)"}})
	require.NoError(t, err)
	require.Equal(t, "0", text(t, d.Migrator(t), "select count(*) from shop.item"))
	require.Equal(t, "true", text(t, d.App(t), "select pg_has_role('watertight_app', 'usage')::text"))
	require.NoError(t, d.Drop(t.Context()))
	require.NoError(t, s.Stop())
}

func TestSweepOfASharedServer(t *testing.T) {
	t.Parallel()
	owner := New(t).Server()
	long := time.Now().Add(-keepDatabases - time.Hour).Unix()
	dead, living, young := fmt.Sprintf("%x_dead", long), fmt.Sprintf("%x_living", long), fmt.Sprintf("%x_young", time.Now().Unix())
	stranger := "wt_test_of_somebody_else"
	ctx := t.Context()
	t.Cleanup(func() { // the server may be one that stays
		for _, name := range []string{databasePrefix + living + "_1", databasePrefix + young + "_1", stranger, templatePrefix + "new"} {
			require.NoError(t, owner.exec(context.Background(), "drop database "+name))
		}
		require.NoError(t, owner.exec(context.Background(), "drop role "+loginPrefix+living+"_app", "drop role "+loginPrefix+young+"_app"))
	})
	for _, run := range []string{dead, living, young} {
		require.NoError(t, owner.exec(ctx, "create database "+databasePrefix+run+"_1", "create role "+loginPrefix+run+"_app"))
	}
	require.NoError(t, owner.exec(ctx, "create database "+stranger,
		"create database "+templatePrefix+"old", "alter database "+templatePrefix+"old with is_template true",
		"comment on database "+templatePrefix+"old is '"+usedAt(time.Now().Add(-keepTemplates-time.Hour))+"'",
		"create database "+templatePrefix+"new", "comment on database "+templatePrefix+"new is '"+usedAt(time.Now())+"'"))
	conn, err := connect(t, owner.base.String())
	require.NoError(t, err)
	_, err = conn.Exec(ctx, "select pg_advisory_lock($1)", lockKey(living))
	require.NoError(t, err)

	left := func(sql string) []string {
		rows, _ := owner.admin.Query(ctx, sql)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return names
	}
	// A guest that comes while somebody builds a template does not sweep: the
	// next one does.
	for range 20 {
		for _, wait := range []string{"select pg_advisory_lock($1)", "select pg_advisory_unlock($1)"} {
			_, err := conn.Exec(ctx, wait, lockKey("build"))
			require.NoError(t, err)
		}
		guest(t, owner.base.String())
		if len(left(`select datname from pg_database where datname ~ '_(dead|old)'`)) == 0 {
			break
		}
	}

	require.ElementsMatch(t, []string{databasePrefix + living + "_1", databasePrefix + young + "_1", stranger, templatePrefix + "new"},
		left(`select datname from pg_database where datname ~ '_(dead|living|young|old|new|else)'`))
	require.ElementsMatch(t, []string{loginPrefix + living + "_app", loginPrefix + young + "_app"},
		left(`select rolname from pg_roles where rolname ~ '_(dead|living|young)_'`))
}

// A template that another process swept is made again, not missed for ever.
func TestSweptTemplateIsMadeAgain(t *testing.T) {
	t.Parallel()
	server := New(t).Server()
	cfg := Config{Setup: []string{"create schema swept"}}
	create(t, server, cfg)
	name := templatePrefix + fingerprint(cfg)
	require.NoError(t, server.exec(t.Context(), "alter database "+name+" with is_template false", "drop database "+name))
	d := create(t, server, cfg)
	require.Equal(t, "1", text(t, d.Admin(t), "select count(*) from pg_namespace where nspname = 'swept'"))
}

func TestSharedServerThatWillNotDo(t *testing.T) {
	t.Parallel()
	d := New(t, Config{Empty: true})
	owner := d.Server()
	ctx := t.Context()
	_, weak := d.Login(t)
	_, half := d.Login(t, "createdb")
	for _, c := range []struct {
		name, address, want string
		cfg                 Config
	}{
		{"no rights", weak, "may not make databases and roles", Config{}},
		{"half the rights", half, "may not make databases and roles", Config{}},
		{"version", owner.base.String(), fmt.Sprintf("is PostgreSQL %d", owner.version), Config{Version: 99}},
		{"no URL", "host=/tmp user=postgres", "is not a URL", Config{}},
		{"other database", "mysql://root@localhost/db", "is not a URL", Config{}},
		{"nobody there", "postgres://postgres:hidden@127.0.0.1:1/postgres", "connect", Config{}},
		{"nobody by that name", owner.url("nobody-here", "hidden", "postgres"), "nobody-here", Config{}},
	} {
		_, err := useURL(ctx, c.cfg, c.address)
		require.ErrorContains(t, err, c.want, c.name)
		require.NotContains(t, err.Error(), "hidden", c.name)
	}
}

func TestServerOnAnotherMachineIsRefused(t *testing.T) {
	t.Setenv("CI", "")
	t.Setenv(envRemote, "")
	refused := func(address string) error {
		u, err := parseURL(address)
		require.NoError(t, err)
		return disposable(u)
	}
	for _, address := range []string{
		"postgres://me@db.example.com/app", "postgres://me@10.0.0.7/app", "postgres://me@localhost,db.example.com/app",
		"postgres://me@/app?host=db.example.com", "postgres://me@localhost.example.com/app",
	} {
		require.ErrorContains(t, refused(address), "names a server on another machine", address)
	}
	for _, address := range []string{
		"postgres://me@localhost/app", "postgres://me@127.0.0.1:5433/app", "postgres://me@[::1]/app", "postgres://me@/app?host=/var/run/postgresql",
	} {
		require.NoError(t, refused(address), address)
	}
	t.Setenv("CI", "true")
	require.NoError(t, refused("postgres://me@postgres/app"), "a service container")
	t.Setenv("CI", "")
	t.Setenv(envRemote, "1")
	require.NoError(t, refused("postgres://me@db.example.com/app"))
}

// What is written as a parameter must not win over the role and the database
// that we put in.
func TestParseURLMovesParameters(t *testing.T) {
	t.Parallel()
	u, err := parseURL("postgresql://localhost:5433?user=me&password=s3cret&dbname=app&sslmode=disable&application_name=x")
	require.NoError(t, err)
	s := &Server{base: u}
	for address, want := range map[string]string{
		s.adminURL("other"):                "me s3cret other",
		s.url("guest", "word", "other"):    "guest word other",
		s.url("guest", "", "with space/é"): "guest  with space/é",
	} {
		config, err := pgx.ParseConfig(address)
		require.NoError(t, err)
		require.Equal(t, want, config.User+" "+config.Password+" "+config.Database)
		require.EqualValues(t, 5433, config.Port)
		require.Nil(t, config.TLSConfig)
	}
	u, err = parseURL("postgres://me@localhost")
	require.NoError(t, err)
	require.Equal(t, "/me", u.Path, "the database of the user's name, as everywhere in PostgreSQL")
}

func TestRunNames(t *testing.T) {
	t.Parallel()
	name := runName()
	for _, full := range []string{databasePrefix + name + "_17", databasePrefix + name + "_17_extra"} {
		run, born, ok := runOf(full, databasePrefix)
		require.True(t, ok)
		require.Equal(t, name, run)
		require.WithinDuration(t, time.Now(), born, time.Minute)
	}
	for _, foreign := range []string{"wt_test_", "wt_test_x", "wt_test_of_somebody", "postgres", "wt_test_zz_1"} {
		_, _, ok := runOf(foreign, databasePrefix)
		require.False(t, ok, foreign)
	}
}
