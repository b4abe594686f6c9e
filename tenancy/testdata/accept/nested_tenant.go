package main

import (
	"context"

	"github.com/watertight-go/watertight/tenancy"
)

func nest(ctx context.Context, db *tenancy.DB, a tenancy.Scope) error {
	return db.Tx(ctx, a, func(ctx context.Context, c *tenancy.Conn) error {
		return c.Savepoint(ctx, func(ctx context.Context, c *tenancy.Conn) error {
			return nil
		})
	})
}
