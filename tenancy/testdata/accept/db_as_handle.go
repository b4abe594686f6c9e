package main

import (
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

func queries(db *tenancy.DB, s tenancy.Scope) *query.Queries {
	return query.New(db.For(s))
}
