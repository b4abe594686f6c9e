package main

import (
	"context"

	"github.com/watertight-go/watertight/tenancy"
)

func nest(ctx context.Context, db *tenancy.DB, a, b tenancy.Scope) error {
	return db.Tx(ctx, a, func(ctx context.Context, c *tenancy.Conn) error {
		return c.Tx(ctx, b, func(ctx context.Context, c *tenancy.Conn) error { // want "c.Tx undefined"
			return nil
		})
	})
}
