package main

import (
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

func queries(db *tenancy.DB) *query.Queries {
	return query.New(db) // want "cannot use db .* as query.DBTX value"
}
