package main

import (
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/query"
)

func queries(tx pgx.Tx) *query.Queries {
	return query.New(tx) // want "cannot use tx .* as query.DBTX value"
}
