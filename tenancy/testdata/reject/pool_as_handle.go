package main

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/query"
)

func queries(pool *pgxpool.Pool) *query.Queries {
	return query.New(pool) // want "cannot use pool .* as query.DBTX value"
}
