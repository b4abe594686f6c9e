package main

import (
	"context"

	"github.com/watertight-go/watertight/tenancy"
)

func scope(ctx context.Context, db *tenancy.DB, a tenancy.Actor, id tenancy.ID) (tenancy.Scope, error) {
	return db.Admit(ctx, a, id)
}
