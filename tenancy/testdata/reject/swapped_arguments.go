package main

import (
	"context"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

func role(ctx context.Context, c *tenancy.Conn, user uuid.UUID) (string, error) {
	return query.New(c).MemberRole(ctx, user, c.Tenant()) // want "cannot use user .* as tenancy.ID value" "cannot use c.Tenant.* as uuid.UUID value"
}
