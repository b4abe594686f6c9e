package main

import (
	"context"

	"github.com/watertight-go/watertight/tenancy"
)

func move(ctx context.Context, db *tenancy.DB, s tenancy.Scope, id tenancy.ID) (tenancy.Scope, error) {
	return db.Admit(ctx, s.Actor(), id)
}
