package app

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/watertight-go/watertight/tenancy"
	_ "github.com/watertight-go/watertight/tenancy/crosstenant" // want `import of tenancy/crosstenant: it crosses tenants`
	_ "github.com/watertight-go/watertight/tenancy/recording"   // want `import of tenancy/recording: it writes past a role`
	_ "github.com/watertight-go/watertight/tenancy/unverified"  // want `import of tenancy/unverified: it makes a scope without asking`
)

const columns = "id, title"

func use(ctx context.Context, pool *pgxpool.Pool, conn *pgx.Conn, tx pgx.Tx, db *sql.DB, c *tenancy.Conn, table string) {
	pool.Exec(ctx, "select 1")                            // want `Exec of a raw pgxpool.Pool: no tenant was admitted`
	conn.Query(ctx, "select "+table)                      // want `Query of a raw pgx.Conn` `SQL is put together at run time`
	tx.Exec(ctx, "select 1")                              // want `Exec of a raw pgx.Tx`
	db.Query("select 1 from " + table)                    // want `Query of a raw sql.DB` `SQL is put together`
	db.QueryContext(ctx, "select 1")                      // want `QueryContext of a raw sql.DB`
	c.Query(ctx, "select "+columns+" from bookings")      // a constant, like the next
	c.Query(ctx, "select id from bookings where id=$1")   // the handle
	c.Query(ctx, fmt.Sprintf("select id from %s", table)) // want `SQL is put together`
	pool.Close()
}
