package keystore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

// ActiveTenants returns the ids of the active tenants, for a job that goes
// through them with transactions shorter than one per tenant.
func ActiveTenants(ctx context.Context, db *tenancy.DB) ([]tenancy.ID, error) {
	var ids []tenancy.ID
	err := db.EachTenant(ctx, "reseal", func(_ context.Context, s tenancy.Scope, _ *tenancy.Conn) error {
		ids = append(ids, s.Tenant())
		return nil
	})
	return ids, err
}

// noKey turns the absence of a row into the error of package crypto.
func noKey(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return crypto.ErrNoKey
	}
	return err
}
