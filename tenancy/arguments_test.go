package tenancy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

type row struct {
	TenantID tenancy.ID
	N        int
}

type hidden struct{ id tenancy.ID }

type chain struct {
	Next *chain
	ID   tenancy.ID
}

func TestTenantIDsInArguments(t *testing.T) {
	t.Parallel()
	own, foreign := tenancy.NewID(), tenancy.NewID()
	hold := func(id tenancy.ID) map[string]any {
		return map[string]any{
			"plain":             id,
			"pointer":           &id,
			"slice":             []tenancy.ID{own, id},
			"slice of pointers": []*tenancy.ID{&own, &id},
			"array":             [2]tenancy.ID{own, id},
			"struct":            row{TenantID: id},
			"pointer to struct": &row{TenantID: id},
			"slice of structs":  []row{{TenantID: own}, {TenantID: id}},
			"unexported field":  hidden{id},
			"map value":         map[string]tenancy.ID{"x": id},
			"map key":           map[tenancy.ID]int{id: 1},
			"any":               []any{1, "x", id},
			"any in map":        map[string]any{"deep": []any{map[string]any{"id": id}}},
			"flat array":        pgtype.FlatArray[tenancy.ID]{own, id},
			"linked":            &chain{Next: &chain{ID: id}, ID: own},
		}
	}
	for name, arg := range hold(own) {
		require.NoError(t, tenancy.CheckArgs(own, []any{"before", arg, 3}), name)
	}
	for name, arg := range hold(foreign) {
		require.ErrorIs(t, tenancy.CheckArgs(own, []any{"before", arg, 3}), tenancy.ErrTenantMismatch, name)
	}
	for name, arg := range hold(tenancy.ID{}) {
		require.ErrorIs(t, tenancy.CheckArgs(own, []any{"before", arg, 3}), tenancy.ErrNoTenant, name)
	}
	for name, arg := range map[string]any{
		"nil": nil, "time": time.Now(), "uuid": uuid.New(), "bytes": []byte("x"), "text": pgtype.Text{}, "ints": []int64{1},
		"nil struct": (*row)(nil), "no ids": []tenancy.ID{}, "json": map[string]any{"a": []any{1, nil}},
	} {
		require.NoError(t, tenancy.CheckArgs(own, []any{arg}), name)
	}
	require.ErrorIs(t, tenancy.CheckArgs(own, []any{(*tenancy.ID)(nil)}), tenancy.ErrNoTenant)

	loop := &chain{ID: own}
	loop.Next = loop
	require.ErrorContains(t, tenancy.CheckArgs(own, []any{loop}), "nested too deeply")
}

func TestStatements(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"select 1", "SELECT 1", "\n\t select 1", "(select 1) union select 2", "-- name: X :one\nselect 1", "/* a /* b */ c */ select 1",
		"with x as (select 1) select * from x", "insert into t values (1)", "update t set a = 1", "delete from t", "values (1)", "table t",
		"merge into t using s on true when matched then delete", "--\r\nselect 1", "((select 1))",
	} {
		require.NoError(t, tenancy.CheckStatement(sql), sql)
	}
	for _, sql := range []string{
		"", " ", "--", "-- select 1", "/* select 1", "/* /* */ select 1", ";select 1", "set role x", "SET LOCAL x = 1", "reset all", "begin", "commit",
		"rollback", "end", "abort", "start transaction", "savepoint a", "release a", "prepare p as select 1", "execute p", "deallocate all",
		"declare c cursor with hold for select 1", "fetch all from c", "close c", "listen x", "notify x", "unlisten *", "do $$begin end$$", "call p()",
		"copy t to stdout", "copy (select 1) to stdout", "explain analyze select 1", "discard all", "lock table t", "truncate t", "create table t()",
		"create temp table t()", "alter role x set y = 1", "drop table t", "grant select on t to x", "vacuum", "analyze t", "load 'x'", "show all",
		"refresh materialized view v", "reassign owned by a to b", "import foreign schema s from server x into y", "security label on table t is 'x'",
		"watertight_enter", "selectx", "/**/set role x", "--\nset role x", "(set role x)", "\u00a0select 1", "\x00select 1",
	} {
		require.ErrorIs(t, tenancy.CheckStatement(sql), tenancy.ErrStatement, sql)
	}
}

func FuzzCheckStatement(f *testing.F) {
	f.Add("select 1")
	f.Add("/* */ set role x")
	f.Fuzz(func(t *testing.T, sql string) {
		if tenancy.CheckStatement(sql) != nil {
			return
		}
		// What is let through begins with an allowed word behind nothing but
		// white space, comments and parentheses: cutting the comments off does
		// not change the verdict.
		require.NoError(t, tenancy.CheckStatement("/* x */ --y\n"+sql))
		require.NotEmpty(t, strings.TrimSpace(sql))
	})
}

func TestActionIsTheQuerysName(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	require.Equal(t, "GetBooking", tenancy.ActionOf(ctx, "-- name: GetBooking :one\nselect 1"))
	require.Equal(t, "sql", tenancy.ActionOf(ctx, "select 1"))
	require.Equal(t, "import", tenancy.ActionOf(tenancy.WithAction(ctx, "import"), "-- name: GetBooking :one\nselect 1"))
}
