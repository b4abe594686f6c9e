package keystore

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// jobName is the actor of the key store's own statements in the audit log.
const jobName = "keystore"

// Store is the [crypto.Store] in watertight.tenant_keys. Each call admits
// itself to the one tenant, so row-level security holds for keys, too.
type Store struct{ db *tenancy.DB }

var _ crypto.Store = (*Store)(nil)

// New returns the key store behind db.
func New(db *tenancy.DB) (*Store, error) {
	if db == nil {
		return nil, errors.New("key store without a database (open one with tenancy.Open)")
	}
	return &Store{db}, nil
}

// queries admits the store to the tenant.
func (s *Store) queries(ctx context.Context, t tenancy.ID) (*query.Queries, error) {
	scope, err := s.db.AdmitJob(ctx, t, jobName)
	if err != nil {
		return nil, err
	}
	return query.New(s.db.For(scope)), nil
}

// LoadKey implements [crypto.Store].
func (s *Store) LoadKey(ctx context.Context, t tenancy.ID, id uint32) (crypto.WrappedKey, error) {
	if id > math.MaxInt32 {
		return crypto.WrappedKey{}, crypto.ErrNoKey // no row has such a number
	}
	q, err := s.queries(ctx, t)
	if err != nil {
		return crypto.WrappedKey{}, err
	}
	ctx = tenancy.WithAction(ctx, "keys.load")
	row := query.TenantKeyRow{}
	if id == 0 {
		newest, newestErr := q.NewestTenantKey(ctx, t)
		row, err = query.TenantKeyRow(newest), newestErr
	} else {
		row, err = q.TenantKey(ctx, t, int32(id))
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return crypto.WrappedKey{}, crypto.ErrNoKey
	case err != nil:
		return crypto.WrappedKey{}, fmt.Errorf("read tenant key: %w", err)
	}
	key := crypto.WrappedKey{Tenant: t, ID: uint32(row.KeyID), KEK: row.KekID, Wrapped: row.Wrapped, State: crypto.KeyState(row.State)}
	if id == 0 && key.State != crypto.KeyActive {
		return crypto.WrappedKey{}, crypto.ErrKeyDestroyed
	}
	return key, nil
}

// AddFirstKey implements [crypto.Store].
func (s *Store) AddFirstKey(ctx context.Context, k crypto.WrappedKey) error {
	if k.ID != 1 {
		return fmt.Errorf("the first key of a tenant has the number 1, not %d (use Rotate for the next one)", k.ID)
	}
	q, err := s.queries(ctx, k.Tenant)
	if err != nil {
		return err
	}
	n, err := q.AddFirstTenantKey(tenancy.WithAction(ctx, "keys.create"), k.Tenant, k.KEK, k.Wrapped)
	// ON CONFLICT looks at one unique index. When two insert at the same moment
	// the other one, of the active key, may be what the second runs into.
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == "23505" {
		return crypto.ErrKeyExists
	}
	if err != nil {
		return fmt.Errorf("add tenant key: %w", err)
	}
	if n == 0 {
		return crypto.ErrKeyExists
	}
	return nil
}
