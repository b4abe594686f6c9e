package main

import (
	"context"

	"github.com/watertight-go/watertight/tenancy"
)

func use(ctx context.Context, c *tenancy.Conn) error {
	_, err := c.Exec(ctx, "select 1")
	return err
}
