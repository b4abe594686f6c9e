package pgtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/schema"
)

func TestMain(m *testing.M) {
	child() // does not return in a process that one of the tests started
	Main(m)
}

func TestNewGivesTheSchemaAndItsRoles(t *testing.T) {
	t.Parallel()
	d := New(t)
	login := d.Server().login // which is the role itself on a server of our own
	for pool, want := range map[*pgxpool.Pool]string{
		d.Migrator(t): "watertight_migrator false true", d.App(t): login(appRole) + " false false", d.System(t): login(systemRole) + " false false",
	} {
		var got string
		err := pool.QueryRow(t.Context(), `select concat_ws(' ', rolname, rolsuper::text, rolbypassrls::text)
			from pg_roles where rolname = current_user`).Scan(&got)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Equal(t, `""`, text(t, d.App(t), "show search_path"))
	require.Equal(t, "UTF8 C", text(t, d.App(t), "select current_setting('server_encoding') || ' ' || datcollate from pg_database where datname = current_database()"))
	require.Equal(t, "1", text(t, d.Admin(t), "select count(*) from watertight.context_key where kid = '"+d.Key.ID()+"'"))
	require.Equal(t, "1", text(t, d.Admin(t), "select count(*) from watertight.context_key"))
}

// A database's own rights are not copied with it: ours must be the ones that
// the schema would give.
func TestCopyHasTheRightsOfTheSchema(t *testing.T) {
	t.Parallel()
	const rights = `select jsonb_build_object(
		'rights', (select jsonb_agg(a order by a::text) from pg_database, aclexplode(datacl) a where datname = current_database()),
		'settings', (select jsonb_agg(setconfig order by setconfig) from pg_db_role_setting
			where setdatabase = (select oid from pg_database where datname = current_database())))::text`
	for _, d := range []*Database{New(t), New(t, Config{Setup: []string{"create schema s"}})} {
		before := text(t, d.Admin(t), rights)
		require.Contains(t, before, "CONNECT")
		require.NoError(t, schema.SecureDatabase(t.Context(), d.AdminURL))
		require.Equal(t, text(t, d.Admin(t), rights), before)

		name, address := d.Login(t)
		require.Equal(t, "false", text(t, d.pool(t, address), "select has_database_privilege(current_database(), 'temporary')::text"), name)
	}
}

func TestDatabasesDoNotShareAKey(t *testing.T) {
	t.Parallel()
	a, b := New(t), New(t)
	require.False(t, a.Key.IsZero())
	require.NotEqual(t, a.Key.Secret(), b.Key.Secret())
	require.NotEqual(t, a.Key.ID(), b.Key.ID())
}

func TestEmptyHasNoSchema(t *testing.T) {
	t.Parallel()
	d := New(t, Config{Empty: true, Setup: []string{"create table a (b int); insert into a values (7)"}})
	require.Equal(t, "7", text(t, d.Admin(t), "select b from a"))
	require.Equal(t, "0", text(t, d.Admin(t), "select count(*) from pg_namespace where nspname = 'watertight'"))
	require.Empty(t, d.AppURL)
	require.True(t, d.Key.IsZero())
}

func TestSetupRunsAsTheMigrator(t *testing.T) {
	t.Parallel()
	d := New(t, Config{Setup: []string{
		"create schema shop; create table shop.item (name text)",
		"insert into shop.item values (current_user)",
	}})
	require.Equal(t, "watertight_migrator", text(t, d.Admin(t), "select name from shop.item"))
	d.Exec(t, "insert into shop.item values ('a'); insert into shop.item values ('b')")
	require.Equal(t, "3", text(t, d.Migrator(t), "select count(*) from shop.item"))
}

func TestSetupErrorNamesThePart(t *testing.T) {
	t.Parallel()
	server := New(t, Config{Empty: true}).Server()
	for range 2 { // the failure is not remembered as a template
		_, err := server.CreateDatabase(t.Context(), "", Config{Setup: []string{"create schema s; create table s.a (b nonsense)"}})
		require.ErrorContains(t, err, `build the template database: setup: ERROR: type "nonsense" does not exist`)
	}
}

// The second database of a kind must cost a copy, not a migration: its template
// is still the same database, by its number.
func TestTemplateIsBuiltOnce(t *testing.T) {
	t.Parallel()
	server := New(t).Server()
	setup := Config{Setup: []string{"create schema once"}}
	numbers := map[string]string{}
	for _, cfg := range []Config{setup, {}, setup, {}, {Setup: []string{"create schema twice"}}, setup} {
		d := create(t, server, cfg)
		name := templatePrefix + fingerprint(cfg)
		number := text(t, d.Admin(t), "select oid from pg_database where datistemplate and datname = '"+name+"'")
		if before, ok := numbers[name]; ok {
			require.Equal(t, before, number)
		}
		numbers[name] = number
	}
	require.Len(t, numbers, 3)
}

// One session in a template, even autovacuum's, would delay or fail a copy.
func TestNobodyConnectsToATemplate(t *testing.T) {
	t.Parallel()
	server := New(t).Server()
	_, err := connect(t, server.adminURL(templatePrefix+fingerprint(Config{})))
	require.ErrorContains(t, err, "not currently accepting connections")
}

func TestParallelCopiesAreApart(t *testing.T) {
	t.Parallel()
	const n = 12
	cfg := Config{Setup: []string{"create schema shop; create table shop.item (i int)"}}
	server := New(t, cfg).Server()
	names := make([]string, n)
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			d, err := server.CreateDatabase(t.Context(), "", cfg)
			if err != nil {
				errs[i] = err
				return
			}
			names[i] = d.Name
			errs[i] = errors.Join(
				execAll(t.Context(), d.MigratorURL, []string{fmt.Sprintf("insert into shop.item values (%d)", i)}),
				execAll(t.Context(), d.MigratorURL, []string{fmt.Sprintf(
					"do $$ begin if (select array_agg(i) from shop.item) <> '{%d}' then raise 'others'' rows'; end if; end $$", i)}),
				d.Drop(t.Context()))
		})
	}
	wait.Wait()
	require.NoError(t, errors.Join(errs...))
	seen := map[string]bool{}
	for _, name := range names {
		require.False(t, seen[name], name)
		seen[name] = true
	}
}

func TestLoginMakesARoleForThisDatabase(t *testing.T) {
	t.Parallel()
	server := New(t).Server()
	d, err := server.CreateDatabase(t.Context(), "", Config{})
	require.NoError(t, err)
	first, _ := d.Login(t)
	name, address := d.Login(t, "bypassrls", "in role watertight_app")
	require.NotEqual(t, first, name)
	pool := d.pool(t, address)
	require.Equal(t, name, text(t, pool, "select current_user"))
	require.Equal(t, "true", text(t, pool, "select pg_has_role('watertight_app', 'usage')::text"))
	require.Equal(t, "true", text(t, pool, "select rolbypassrls::text from pg_roles where rolname = current_user"))

	d.Exec(t, "create schema s", "grant all on schema s to "+name)
	require.NoError(t, d.Drop(t.Context()))
	require.Equal(t, "0", text(t, New(t).Admin(t), "select count(*) from pg_roles where rolname in ('"+name+"', '"+first+"')"))
}

// The database of a passing test goes, also though nobody waits for it.
func TestDatabaseIsDroppedAfterwards(t *testing.T) {
	t.Parallel()
	admin := New(t).Admin(t)
	var name string
	t.Run("passes", func(t *testing.T) {
		d := New(t)
		name = d.Name
		_ = d.App(t).Ping(t.Context())
	})
	eventually(t, "the database goes", func() bool {
		return text(t, admin, "select count(*) from pg_database where datname = '"+name+"'") == "0"
	})
}

// A name may be given, for programs that people look into.
func TestCreateDatabaseByName(t *testing.T) {
	t.Parallel()
	server := New(t, Config{Empty: true}).Server()
	name := "bookings_" + strings.ToLower(rand.Text())
	d, err := server.CreateDatabase(t.Context(), name, Config{Empty: true})
	require.NoError(t, err)
	require.Equal(t, name, text(t, d.Admin(t), "select current_database()"))
	role, _ := d.Login(t)
	require.True(t, strings.HasPrefix(role, loginPrefix+server.run), role)
	_, err = server.CreateDatabase(t.Context(), name, Config{Empty: true})
	require.ErrorContains(t, err, "already exists")
	require.NoError(t, d.Drop(t.Context()))
}

// The socket's folder is closed and TCP wants a password, so trust on the
// socket does not open the machine to its other users.
func TestTCPWantsAPassword(t *testing.T) {
	t.Parallel()
	d := New(t, Config{Empty: true})
	config, err := pgxpool.ParseConfig(d.AdminURL)
	require.NoError(t, err)
	if !strings.HasPrefix(config.ConnConfig.Host, "/") {
		t.Skip("this server is not one that we made on a socket")
	}
	_, err = connect(t, fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", config.ConnConfig.Port))
	require.ErrorContains(t, err, "password authentication failed")
}

func TestVersionsThatCannotBe(t *testing.T) {
	t.Parallel()
	_, err := Config{Version: 14}.resolve()
	require.ErrorContains(t, err, "PostgreSQL 14 is not supported (ask for 15 or newer)")
	require.True(t, Config{}.accepts(15))
	require.False(t, Config{}.accepts(14))
	require.False(t, Config{Version: 16}.accepts(17))
}

func TestVersionFromTheEnvironment(t *testing.T) {
	t.Setenv(envVersion, "17")
	c, err := Config{}.resolve()
	require.NoError(t, err)
	require.Equal(t, 17, c.Version)
	c, err = Config{Version: 16}.resolve()
	require.NoError(t, err)
	require.Equal(t, 16, c.Version, "the test's own wish comes first")
	t.Setenv(envVersion, "new")
	_, err = Config{}.resolve()
	require.ErrorContains(t, err, `WATERTIGHT_PG_VERSION is "new"`)
}

func TestServerWithSettingsOfItsOwn(t *testing.T) {
	t.Parallel()
	s, attempts := defaultLookup().start(t.Context(), Config{Empty: true, Settings: []string{"max_connections=77"}, OnDisk: true})
	if s == nil {
		missing(t, &NotFoundError{attempts: attempts})
	}
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	d, err := s.CreateDatabase(t.Context(), "", Config{Empty: true})
	require.NoError(t, err)
	admin := d.Admin(t)
	require.Equal(t, "77", text(t, admin, "show max_connections"))
	require.Equal(t, "off", text(t, admin, "show fsync"), "the others stay")
	require.NotContains(t, text(t, admin, "show data_directory"), memory)
}
