package main

import (
	"context"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

func role(ctx context.Context, c *tenancy.Conn, tenant, user uuid.UUID) (string, error) {
	return query.New(c).MemberRole(ctx, tenant, user) // want "cannot use tenant .* as tenancy.ID value"
}
