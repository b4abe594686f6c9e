package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/internal/pooler"
	"github.com/watertight-go/watertight/tenancy"
)

func startPooler(t testing.TB, w *world, mode string, settings ...string) *pooler.Pooler {
	t.Helper()
	p := pooler.Start(t, mode, []string{w.AppURL}, append([]string{"server_round_robin = 1"}, settings...)...)
	if mode == pooler.Transaction {
		pooler.Spread(t, p.URL(t, w.AppURL), 2)
	}
	return p
}

// apart has both tenants read at the same time, alone and in transactions.
func (w *world) apart(t *testing.T) {
	t.Helper()
	a, b := w.admit(t, w.anna, w.a), w.admit(t, w.bob, w.b)
	see := func(ctx context.Context, c *tenancy.Conn, want tenancy.ID) error {
		rows, err := c.Query(ctx, "select tenant_id from app.notes")
		if err != nil {
			return err
		}
		seen, err := pgx.CollectRows(rows, pgx.RowTo[tenancy.ID])
		assert.Equal(t, []tenancy.ID{want, want, want}, seen)
		return err
	}
	var both sync.WaitGroup
	for _, c := range []struct {
		s  tenancy.Scope
		id tenancy.ID
	}{{a, w.a}, {b, w.b}, {a, w.a}, {b, w.b}} {
		both.Go(func() {
			for i := range 50 {
				if i%2 == 0 {
					assert.NoError(t, see(t.Context(), w.db.For(c.s), c.id))
					continue
				}
				assert.NoError(t, w.db.Tx(t.Context(), c.s, func(ctx context.Context, conn *tenancy.Conn) error {
					return errors.Join(see(ctx, conn, c.id), see(ctx, conn, c.id))
				}))
			}
		})
	}
	both.Wait()
}

// With two server connections for eight clients, whose next transaction meets
// the other one.
func TestBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := startPooler(t, w, pooler.Transaction, "default_pool_size = 2").URL(t, w.AppURL)
	cfg := w.config()
	cfg.Binding = tenancy.BindSession
	for _, order := range []string{url, startPooler(t, w, pooler.Transaction, "server_round_robin = 0").URL(t, w.AppURL)} {
		_, err := tenancy.Open(t.Context(), order, cfg)
		require.ErrorIs(t, err, tenancy.ErrPooler)
		require.ErrorContains(t, err, "does not keep a session's statements")
	}
	for name, binding := range map[string]tenancy.Binding{"none": tenancy.BindNone, "transaction": tenancy.BindTransaction} {
		t.Run(name, func(t *testing.T) {
			cfg.Binding, cfg.MaxConns = binding, 8
			var err error
			w.db, err = tenancy.Open(t.Context(), url, cfg)
			require.NoError(t, err)
			t.Cleanup(w.db.Close)
			w.apart(t)
		})
	}
}

// The example of docs/operations.md, but for what names a place.
func TestDocumentedPooler(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(page), "```ini\n")
	ini, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	_, ini, found = strings.Cut(ini, "[pgbouncer]\n")
	require.True(t, found)
	settings := slices.DeleteFunc(strings.Split(strings.TrimSpace(ini), "\n"), func(line string) bool {
		key, _, _ := strings.Cut(line, " ")
		return slices.Contains([]string{"listen_addr", "listen_port", "auth_type", "auth_file", "server_tls_sslmode"}, key)
	})
	require.Contains(t, settings, "pool_mode = transaction")
	w := newWorld(t)
	url := startPooler(t, w, pooler.Statement, settings...).URL(t, w.AppURL) // the last pool_mode counts
	cfg := w.config()
	cfg.Binding = tenancy.BindTransaction
	w.db, err = tenancy.Open(t.Context(), url, cfg)
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	w.apart(t)
}

func TestStatementPoolerIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := startPooler(t, w, pooler.Statement).URL(t, w.AppURL)
	for _, binding := range []tenancy.Binding{tenancy.BindNone, tenancy.BindTransaction, tenancy.BindSession} {
		cfg := w.config()
		cfg.Binding = binding
		_, err := tenancy.Open(t.Context(), url, cfg)
		require.ErrorIs(t, err, tenancy.ErrPooler)
		require.ErrorContains(t, err, "carries no transaction of several statements")
		require.NotErrorIs(t, err, tenancy.ErrUnavailable)
	}
	db, err := tenancy.Open(t.Context(), startPooler(t, w, pooler.Transaction).URL(t, w.AppURL), tenancy.Config{
		Key: w.Key, Registry: w.config().Registry, Binding: tenancy.BindNone,
	})
	require.NoError(t, err, "positive control: the same pooler in transaction mode")
	db.Close()
}

func TestSessionPooler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := startPooler(t, w, pooler.Session, "default_pool_size = 10").URL(t, w.AppURL)
	for name, binding := range map[string]tenancy.Binding{"session": tenancy.BindSession, "transaction": tenancy.BindTransaction, "none": tenancy.BindNone} {
		t.Run(name, func(t *testing.T) {
			cfg := w.config()
			cfg.Binding, cfg.MaxConns = binding, 4
			db, err := tenancy.Open(t.Context(), url, cfg)
			require.NoError(t, err)
			w.db = db
			w.apart(t)
			// The next client gets the same backends, where names were given out before.
			db.Close()
			w.db, err = tenancy.Open(t.Context(), url, cfg)
			require.NoError(t, err)
			defer w.db.Close()
			w.apart(t)
		})
	}
}

// A description that a client keeps is good on every backend, also when it is
// of a table that has changed since: the statement is described anew.
func TestTableChangesBehindAPooler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := startPooler(t, w, pooler.Transaction, "default_pool_size = 2").URL(t, w.AppURL)
	for i, mode := range []string{"cache_statement", "exec", "cache_describe", "describe_exec"} {
		cfg := w.config()
		cfg.Binding, cfg.MaxConns = tenancy.BindNone, 1
		db, err := tenancy.Open(t.Context(), withParam(url, "default_query_exec_mode="+mode), cfg)
		require.NoError(t, err)
		c := db.For(w.admitOn(t, db, w.anna, w.a))
		columns := func() int {
			rows, err := c.Query(t.Context(), "select * from app.moods where tenant_id = $1", w.a)
			require.NoError(t, err, mode)
			rows.Close()
			require.NoError(t, rows.Err(), mode)
			return len(rows.FieldDescriptions())
		}
		require.Equal(t, 4+i, columns(), mode)
		w.Exec(t, fmt.Sprintf("alter table app.moods add extra%d int", i))
		require.Equal(t, 5+i, columns(), mode)
		db.Close()
	}
}

// What a pooler does not pass on has to be set on the role, and Open looks.
func TestSearchPathBehindAPooler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	login, direct := w.Login(t, "in role watertight_app")
	set := func(path string) {
		_, err := w.admin.Exec(t.Context(), "alter role "+login+" set search_path = "+path)
		require.NoError(t, err)
	}
	for _, ignored := range []string{"", "ignore_startup_parameters = search_path"} {
		p := pooler.Start(t, pooler.Transaction, []string{direct}, ignored)
		open := func(path ...string) (*tenancy.DB, error) {
			cfg := w.config()
			cfg.Binding, cfg.MaxConns, cfg.SearchPath = tenancy.BindNone, 1, path
			// What is in the URL is not what is to hold.
			return tenancy.Open(t.Context(), withParam(p.URL(t, direct), "search_path=app"), cfg)
		}
		w.freshBackends(t, login, set, "app, public")
		_, err := open()
		require.ErrorIs(t, err, tenancy.ErrUnsafeRole)
		require.ErrorContains(t, err, `set search_path = ''`)
		_, err = open("app")
		require.ErrorContains(t, err, `set search_path = "app"`)
		db, err := open("app", "public")
		require.NoError(t, err, "positive control")
		_, err = db.For(w.admitOn(t, db, w.anna, w.a)).Exec(t.Context(), "select 1 from notes")
		require.NoError(t, err)

		// Each new connection looks again.
		w.freshBackends(t, login, set, "''")
		db.Primary().Reset()
		_, err = db.Admit(t.Context(), w.anna, w.a)
		require.ErrorIs(t, err, tenancy.ErrUnsafeRole)
		db.Close()
		db, err = open()
		require.NoError(t, err)
		_, err = db.For(w.admitOn(t, db, w.anna, w.a)).Exec(t.Context(), "select 1 from notes")
		require.ErrorContains(t, err, "does not exist")
		db.Close()
	}
}

// freshBackends sets the role's path and ends the backends that have another.
func (w *world) freshBackends(t *testing.T, login string, set func(string), path string) {
	t.Helper()
	set(path)
	_, err := w.admin.Exec(t.Context(), "select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = $1", login)
	require.NoError(t, err)
}

// Without a pooler it holds whatever the role has.
func TestSearchPathHoldsInEveryBinding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	login, url := w.Login(t, "in role watertight_app")
	_, err := w.admin.Exec(t.Context(), "alter role "+login+" set search_path = public")
	require.NoError(t, err)
	for _, binding := range []tenancy.Binding{tenancy.BindSession, tenancy.BindTransaction, tenancy.BindNone} {
		for _, path := range [][]string{nil, {"app"}} {
			cfg := w.config()
			cfg.Binding, cfg.SearchPath = binding, path
			db, err := tenancy.Open(t.Context(), withParam(url, "search_path=public"), cfg)
			require.NoError(t, err)
			_, err = db.For(w.admitOn(t, db, w.anna, w.a)).Exec(t.Context(), "select 1 from notes")
			require.Equal(t, path == nil, err != nil, "%v", err)
			db.Close()
		}
	}
}

func TestSearchPathIsReadAsPostgresDoes(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string][]string{
		"": nil, `""`: {""}, "app": {"app"}, "App , pUblic": {"app", "public"}, `"$user", public`: {"$user", "public"},
		`"a,b","C""d" ,e`: {"a,b", `C"d`, "e"}, `"app, public"`: {"app, public"}, `"open`: {"open"},
	} {
		require.Equal(t, want, tenancy.SplitPath(setting), setting)
	}
}
