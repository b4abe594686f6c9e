// Package support lets a named support person into one tenant, as far and as
// long as that tenant's own grant goes. It connects as another database role,
// watertight_support, whose policies ask in every statement whether the grant
// is live: a revocation ends the access in the middle of a transaction.
//
//	db, err := support.Open(ctx, supportURL, support.Config{Key: key})
//	scope, err := support.Admit(ctx, db, actor, tenant, grant)
//	rows, err := store.New(db.For(scope)).ListBookings(ctx, tenant)
//
// Every statement, reads too, is recorded in the tenant's audit log with the
// grant's id before it is sent, in a transaction that is committed first: one
// that fails or is rolled back has left its event. That costs a round trip.
//
// Support sees no credentials: sealed columns, what the log masks and what
// looks like a secret are not granted to the role (watertight.support_columns).
// A query that selects such a column fails as a whole.
//
// Grants are made with package accounts. A service that serves customers does
// not import this package.
package support

import (
	"context"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/internal/gate"
)

// Config of [Open]. Key is required.
type Config struct {
	// Key, Refused, Observer, AllowPlaintext and Version are as in tenancy.Config.
	Key            tenancy.ContextKey
	Refused        func(context.Context, tenancy.Refusal)
	Observer       tenancy.Observer
	AllowPlaintext bool
	Version        string

	// MaxConns bounds each of two pools: one for the statements, one for their
	// record. Defaults to 4.
	MaxConns int32
}

// Open connects as a member of watertight_support and refuses every other role,
// as [tenancy.Open] refuses this one. There is a login for the program, not for
// each person: who acts is signed into every statement.
func Open(ctx context.Context, url string, cfg Config) (*tenancy.DB, error) {
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 4
	}
	open := gate.OpenSupport.(func(context.Context, string, tenancy.Config) (*tenancy.DB, error))
	return open(ctx, url, tenancy.Config{
		Key: cfg.Key, MaxConns: cfg.MaxConns, Refused: cfg.Refused, Observer: cfg.Observer,
		AllowPlaintext: cfg.AllowPlaintext, Version: cfg.Version,
	})
}

// Admit returns a scope in which the person, of tenancy.KindSupport and already
// identified, works under the grant, on a DB of [Open]. A grant that is expired,
// revoked, of another tenant or for another person is [tenancy.ErrNotAdmitted].
// Transactions under a grant for reading are READ ONLY in Postgres.
func Admit(ctx context.Context, db *tenancy.DB, a tenancy.Actor, t tenancy.ID, grant uuid.UUID) (tenancy.Scope, error) {
	admit := gate.AdmitSupport.(func(*tenancy.DB, context.Context, tenancy.Actor, tenancy.ID, uuid.UUID) (tenancy.Scope, error))
	return admit(db, ctx, a, t, grant)
}
