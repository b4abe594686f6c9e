package main

import (
	"context"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

func use(ctx context.Context, db *tenancy.DB, s tenancy.Scope) error {
	return db.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := query.New(c).GetTenant(ctx, s.Tenant())
		return err
	})
}
