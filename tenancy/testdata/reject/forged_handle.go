package main

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// forged embeds a handle to look like one, and answers with a pool.
type forged struct {
	*tenancy.Conn
	pool *pgxpool.Pool
}

func (f forged) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return f.pool.Exec(ctx, sql, args...)
}

func (f forged) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return f.pool.Query(ctx, sql, args...)
}

func queries(pool *pgxpool.Pool) *query.Queries {
	return query.New(forged{pool: pool}) // want "cannot use forged.* as query.DBTX value"
}
