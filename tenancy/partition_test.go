package tenancy_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// A table in partitions is kept apart like any other, by its parent and by each
// partition, also one that is attached after protect().
func TestPartitionsKeepTenantsApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Exec(t, `
		create table app.parts (tenant_id uuid not null, id bigint not null, body text not null, primary key (tenant_id, id)) partition by hash (tenant_id);
		create table app.parts0 partition of app.parts for values with (modulus 2, remainder 0);
		select watertight.protect('app.parts');
		create table app.parts1 partition of app.parts for values with (modulus 2, remainder 1)`)
	ctx := t.Context()
	for _, c := range []struct {
		conn *tenancy.Conn
		id   tenancy.ID
	}{{w.asA(t), w.a}, {w.asB(t), w.b}} {
		for n := range 20 {
			_, err := c.conn.Exec(ctx, "insert into app.parts (tenant_id, id, body) values ($1, $2, 'x')", c.id, n)
			require.NoError(t, err)
		}
		_, err := c.conn.Exec(ctx, "update app.parts set body = 'y' where tenant_id = $1 and id = 7", c.id)
		require.NoError(t, err)
	}
	var all int
	require.NoError(t, w.admin.QueryRow(ctx, "select count(distinct tenant_id) from app.parts").Scan(&all))
	require.Equal(t, 2, all, "control: both are there")

	a := w.asA(t)
	rows, err := a.Query(ctx, "select distinct tenant_id from app.parts")
	require.NoError(t, err)
	seen, err := pgx.CollectRows(rows, pgx.RowTo[tenancy.ID])
	require.NoError(t, err)
	require.Equal(t, []tenancy.ID{w.a}, seen)
	for _, sql := range []string{
		"select count(*) from app.parts0", "select count(*) from app.parts1",
		"insert into app.parts0 (tenant_id, id, body) values (($1::text)::uuid, 99, 'x')",
		"insert into app.parts (tenant_id, id, body) values (($1::text)::uuid, 99, 'x')",
	} {
		args := []any{w.b.String()}
		if sql[:6] == "select" {
			args = nil
		}
		_, err := a.Exec(ctx, sql, args...)
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, sql)
		require.Equal(t, "42501", pg.Code, sql)
	}

	// The log has all of it, and none of a partition's own.
	var events, entities int
	err = w.admin.QueryRow(context.WithoutCancel(ctx), `select count(*), count(distinct entity) from watertight.audit_event
		where entity like 'app.parts%'`).Scan(&events, &entities)
	require.NoError(t, err)
	require.Equal(t, []int{42, 1}, []int{events, entities})
	var stale int
	require.NoError(t, w.admin.QueryRow(ctx, "select count(*) from watertight.audit_stale()").Scan(&stale))
	require.Zero(t, stale)
}
