package main

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/tenancy"
)

func escape(ctx context.Context, c *tenancy.Conn) (*pgx.Conn, error) {
	if _, err := c.Begin(ctx); err != nil { // want "c.Begin undefined"
		return nil, err
	}
	return c.Conn(), nil // want "c.Conn undefined"
}
