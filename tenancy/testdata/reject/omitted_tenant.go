package main

import (
	"context"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

func role(ctx context.Context, c *tenancy.Conn, user uuid.UUID) (string, error) {
	return query.New(c).MemberRole(ctx, user) // want "not enough arguments in call to query.New\\(c\\).MemberRole"
}
