package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// What a generated package would declare, in the form of its texts.
const (
	deleteNote = "-- name: DeleteNote :execrows\ndelete from app.notes where tenant_id = $1 and id = $2\n"
	listNotes  = "-- name: ListNotes :many\nselect id from app.notes where tenant_id = $1\n"
	nightly    = "-- name: Nightly :exec\nupdate app.notes set tags = '{night}' where tenant_id = $1\n"
	twice      = "-- name: Twice :one\nselect 2 where $1::uuid is not null\n"
	nobodys    = "-- name: Nobodys :one\nselect 3 where $1::uuid is not null\n"
)

// iteratorForCopyNotes is the source of a :copyfrom query, as sqlc writes it.
type iteratorForCopyNotes struct{ pgx.CopyFromSource }

func init() {
	tenancy.DeclareRoles(
		tenancy.QueryRoles{Query: "DeleteNote", SQL: deleteNote, Roles: []tenancy.Role{"owner", "dispatcher"}},
		tenancy.QueryRoles{Query: "ListNotes", SQL: listNotes, Roles: []tenancy.Role{tenancy.AnyRole}},
		tenancy.QueryRoles{Query: "Nightly", SQL: nightly, Roles: []tenancy.Role{"job"}},
		tenancy.QueryRoles{Query: "Twice", SQL: twice, Roles: []tenancy.Role{"owner", "admin"}},
		tenancy.QueryRoles{Query: "Nobodys", SQL: nobodys},
		tenancy.QueryRoles{Query: "CopyNotes", Rows: new(iteratorForCopyNotes), Roles: []tenancy.Role{"owner"}},
	)
	tenancy.DeclareRoles(
		tenancy.QueryRoles{Query: "Twice", SQL: twice, Roles: []tenancy.Role{"admin", "member"}},
		tenancy.QueryRoles{Query: "Nobodys", SQL: nobodys, Roles: []tenancy.Role{tenancy.AnyRole}},
	)
}

// as is a handle of tenant a in a role.
func (w *world) as(t testing.TB, db *tenancy.DB, r tenancy.Role) tenancy.Scope {
	t.Helper()
	s, err := unverified.Scope(db, w.anna, w.a, r)
	require.NoError(t, err)
	return s
}

// waysToRun are all the ways a statement can take through a handle.
func waysToRun(db *tenancy.DB, s tenancy.Scope) map[string]func(ctx context.Context, sql string, args ...any) error {
	exec := func(ctx context.Context, c *tenancy.Conn, sql string, args []any) error {
		_, err := c.Exec(ctx, sql, args...)
		return err
	}
	return map[string]func(ctx context.Context, sql string, args ...any) error{
		"exec": func(ctx context.Context, sql string, args ...any) error { return exec(ctx, db.For(s), sql, args) },
		"query": func(ctx context.Context, sql string, args ...any) error {
			rows, err := db.For(s).Query(ctx, sql, args...)
			rows.Close()
			return errors.Join(err, rows.Err())
		},
		"query row": func(ctx context.Context, sql string, args ...any) error {
			err := db.For(s).QueryRow(ctx, sql, args...).Scan()
			if errors.Is(err, pgx.ErrNoRows) || err != nil && strings.Contains(err.Error(), "destination") {
				return nil // it ran
			}
			return err
		},
		"batch": func(ctx context.Context, sql string, args ...any) error {
			var b pgx.Batch
			b.Queue("select 1 where $1", true) // not the first
			b.Queue(sql, args...)
			return db.For(s).SendBatch(ctx, &b).Close()
		},
		"tx": func(ctx context.Context, sql string, args ...any) error {
			return db.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error { return exec(ctx, c, sql, args) })
		},
		"savepoint": func(ctx context.Context, sql string, args ...any) error {
			return db.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error {
				return c.Savepoint(ctx, func(ctx context.Context, c *tenancy.Conn) error { return exec(ctx, c, sql, args) })
			})
		},
		"read tx": func(ctx context.Context, sql string, args ...any) error {
			err := db.ReadTx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error { return exec(ctx, c, sql, args) })
			if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "25006" {
				return nil // it ran
			}
			return err
		},
	}
}

func TestRolesHoldOnEveryWay(t *testing.T) {
	t.Parallel()
	var (
		mu    sync.Mutex
		heard []tenancy.Refusal
	)
	w := newWorld(t, func(c *tenancy.Config) {
		c.Refused = func(_ context.Context, r tenancy.Refusal) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, r)
		}
	})
	ctx := t.Context()
	for _, c := range []struct {
		query, sql string
		args       []any
		allowed    []tenancy.Role
		refused    []tenancy.Role
	}{
		{"DeleteNote", deleteNote, []any{w.a, int64(99)}, []tenancy.Role{"owner", "dispatcher"}, []tenancy.Role{"admin", "member", "viewer", "job", "any"}},
		{"ListNotes", listNotes, []any{w.a}, []tenancy.Role{"owner", "member", "viewer", "dispatcher", "job"}, nil},
		{"Nightly", nightly, []any{w.a}, []tenancy.Role{"job"}, []tenancy.Role{"owner", "member"}},
		{"Twice", twice, []any{w.a}, []tenancy.Role{"admin"}, []tenancy.Role{"owner", "member"}},
		{"Nobodys", nobodys, []any{w.a}, nil, []tenancy.Role{"owner", "job"}},
	} {
		for _, r := range c.allowed {
			for way, run := range waysToRun(w.db, w.as(t, w.db, r)) {
				require.NoError(t, run(ctx, c.sql, c.args...), "%s as %s by %s", c.query, r, way)
			}
		}
		for _, r := range c.refused {
			for way, run := range waysToRun(w.db, w.as(t, w.db, r)) {
				heard = nil
				err := run(ctx, c.sql, c.args...)
				require.ErrorIs(t, err, tenancy.ErrForbidden, "%s as %s by %s", c.query, r, way)
				require.ErrorContains(t, err, "query "+c.query+" as "+string(r))
				require.Len(t, heard, 1, "%s as %s by %s", c.query, r, way)
				require.Equal(t, tenancy.Refusal{Actor: w.anna, Tenant: w.a, Role: r, Query: c.query, Err: tenancy.ErrForbidden}, heard[0])
			}
		}
	}
}

func TestRolesHoldForCopies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := func(id int64) pgx.CopyFromSource {
		return pgx.CopyFromRows([][]any{{w.a, id, fmt.Sprint(id)}})
	}
	into := func(r tenancy.Role, src pgx.CopyFromSource) error {
		_, err := w.db.For(w.as(t, w.db, r)).CopyFrom(t.Context(), pgx.Identifier{"app", "notes"}, []string{"tenant_id", "id", "body"}, src)
		return err
	}
	require.NoError(t, into("owner", &iteratorForCopyNotes{rows(10)}))
	require.ErrorIs(t, into("member", &iteratorForCopyNotes{rows(11)}), tenancy.ErrForbidden)
	require.NoError(t, into("member", rows(12)), "a copy by hand is unlisted")
	var n int
	require.NoError(t, w.admin.QueryRow(t.Context(), "select count(*) from app.notes where id >= 10").Scan(&n))
	require.Equal(t, 2, n)
}

// TestForbiddenSendsNothing counts what goes over the wire.
func TestForbiddenSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newProxy(t, w.AppURL)
	db, err := tenancy.Open(t.Context(), p.url, w.config())
	require.NoError(t, err)
	t.Cleanup(db.Close)
	for way, run := range waysToRun(db, w.as(t, db, "member")) {
		if way == "savepoint" {
			continue // that statement is the savepoint's own
		}
		require.Zero(t, p.count(t, func() {
			require.ErrorIs(t, run(t.Context(), deleteNote, w.a, int64(1)), tenancy.ErrForbidden)
		}), way)
	}
}

func TestUnlistedRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open := func(roles ...tenancy.Role) *tenancy.DB {
		return w.open(t, func(c *tenancy.Config) { c.UnlistedRoles = roles })
	}
	ctx := t.Context()
	one := func(db *tenancy.DB, r tenancy.Role) error {
		_, err := db.For(w.as(t, db, r)).Exec(ctx, "select 1 where $1", true)
		return err
	}
	require.NoError(t, one(w.db, "member"), "by default everybody")
	admins := open("admin")
	require.NoError(t, one(admins, "admin"))
	require.ErrorIs(t, one(admins, "member"), tenancy.ErrForbidden)

	// Nobody: what is declared runs, and so does what the handle sends itself.
	none := w.open(t, func(c *tenancy.Config) { c.UnlistedRoles = []tenancy.Role{} })
	require.ErrorIs(t, one(none, "owner"), tenancy.ErrForbidden)
	_, err := none.For(w.as(t, none, "owner")).Exec(ctx, listNotes, w.a)
	require.NoError(t, err)
	_, err = none.For(w.as(t, none, "owner")).CopyFrom(ctx, pgx.Identifier{"app", "notes"}, []string{"tenant_id", "id", "body"},
		&iteratorForCopyNotes{pgx.CopyFromRows([][]any{{w.a, int64(20), "copied"}})})
	require.NoError(t, err)
	_, err = none.Admit(ctx, w.anna, w.a)
	require.NoError(t, err)
	_, err = none.AdmitJob(ctx, w.a, "nightly")
	require.NoError(t, err)
	require.NoError(t, none.EachTenant(ctx, "nightly", func(context.Context, tenancy.Scope, *tenancy.Conn) error { return nil }))

	_, err = tenancy.Open(ctx, w.AppURL, tenancy.Config{Key: w.Key, Registry: w.config().Registry, ReadOnlyRoles: []tenancy.Role{"Read Only"}})
	require.ErrorContains(t, err, "no role")
}

// A viewer writes nothing, whatever the text: Postgres itself refuses.
func TestReadOnlyRolesCannotWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *tenancy.Config) { c.ReadOnlyRoles = []tenancy.Role{"auditor"} })
	strict := w.open(t, func(c *tenancy.Config) {
		c.ReadOnlyRoles, c.Binding = []tenancy.Role{"auditor"}, tenancy.BindTransaction
	})
	const write = "update app.notes set tags = '{x}' where tenant_id = $1"
	for _, db := range []*tenancy.DB{w.db, strict} {
		for _, r := range []tenancy.Role{"viewer", "auditor"} {
			s := w.as(t, db, r)
			require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, t.Context(), db.For(s)), "positive control: it reads")
			for way, run := range waysToRun(db, s) {
				if way == "read tx" {
					continue
				}
				for _, sql := range []string{write, "with x as (delete from app.notes where tenant_id = $1 returning 1) select from x", "select from app.notes where tenant_id = $1 for update"} {
					err := run(t.Context(), sql, w.a)
					pg, ok := errors.AsType[*pgconn.PgError](err)
					require.True(t, ok, "%s as %s by %s: %v", sql, r, way, err)
					require.Equal(t, "25006", pg.Code, "%s as %s by %s", sql, r, way)
				}
			}
			_, err := db.For(s).CopyFrom(t.Context(), pgx.Identifier{"app", "notes"}, []string{"tenant_id", "id"}, pgx.CopyFromRows([][]any{{w.a, int64(30)}}))
			require.ErrorContains(t, err, "read-only transaction")
		}
		require.NoError(t, waysToRun(db, w.as(t, db, "member"))["exec"](t.Context(), write, w.a), "positive control: a member writes")
	}
}

// SQL that was injected into a viewer's statement cannot make the transaction
// writable: not through the handle, and not in Postgres if it got past it.
func TestReadOnlyCannotBeUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	viewer := w.as(t, w.db, "viewer")
	for _, sql := range []string{"set transaction read write", "set local transaction_read_only = off", "commit", "begin read write"} {
		_, err := w.db.For(viewer).Exec(ctx, sql)
		require.ErrorIs(t, err, tenancy.ErrStatement)
	}
	undo := "select set_config('transaction_read_only', 'off', true), $1::uuid"
	err := w.db.Tx(ctx, viewer, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, undo, w.a)
		return err
	})
	require.Error(t, err)

	// Past the handle: the role's own connection, in the transaction as the
	// handle begins it, but for set_config, which is the migrator's here.
	conn, err := w.admin.Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	for _, sql := range []string{"set transaction read write", "set local transaction_read_only = off", "select set_config('transaction_read_only', 'off', true)"} {
		tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
		require.NoError(t, err)
		_, err = tx.Exec(ctx, "select 1") // as enter is
		require.NoError(t, err)
		_, err = tx.Exec(ctx, sql)
		require.ErrorContains(t, err, "read-write mode", sql)
		require.NoError(t, tx.Rollback(ctx))
	}
}

// A read-only statement is one round trip like any other.
func TestReadOnlyRoundTrips(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newProxy(t, w.AppURL)
	cfg := w.config()
	cfg.MaxConns = 1
	db, err := tenancy.Open(t.Context(), p.url, cfg)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	for _, r := range []tenancy.Role{"member", "viewer"} {
		c := db.For(w.as(t, db, r))
		require.Equal(t, int64(1), p.count(t, func() {
			var body string
			require.NoError(t, c.QueryRow(t.Context(), readNote, w.a, int64(1)).Scan(&body))
		}), r)
	}
}

// TestRolesCostNoAllocation: the look-up is on the hottest path there is.
func TestRolesCostNoAllocation(t *testing.T) { // not parallel: others allocate
	w := newWorld(t)
	c := w.db.For(w.as(t, w.db, "owner"))
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if tenancy.Permit(c, ctx, deleteNote) != nil || tenancy.Permit(c, ctx, "select 1") != nil {
			t.Error("refused")
		}
	}))
}

// The library's own queries through their generated package.
func TestGeneratedRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	as := func(r tenancy.Role) *query.Queries { return query.New(w.db.For(w.as(t, w.db, r))) }
	_, err := as("viewer").ListUsers(ctx, w.a)
	require.NoError(t, err)
	require.NoError(t, as("owner").SetMembership(ctx, w.a, w.anna.UserID, "owner", "active"))
	for _, r := range []tenancy.Role{"admin", "member", "viewer", "job"} {
		require.ErrorIs(t, as(r).SetMembership(ctx, w.a, w.anna.UserID, "owner", "active"), tenancy.ErrForbidden)
	}
	// An admin makes no owner and unmakes none.
	n, err := as("admin").AddMembership(ctx, w.a, w.anna.UserID, "owner")
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = as("admin").ChangeMembership(ctx, w.a, w.anna.UserID, "viewer", "active")
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = as("admin").RemoveMember(ctx, w.a, w.anna.UserID)
	require.NoError(t, err)
	require.Zero(t, n)
	s, err := w.db.Admit(ctx, w.anna, w.a)
	require.NoError(t, err)
	require.Equal(t, tenancy.RoleOwner, s.Role())
}
