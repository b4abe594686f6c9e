// Package bootstrap holds the two look-ups that run before anybody knows the
// tenant: which accounts have this e-mail address, and whose is this API key.
// Package accounts is built on it; nothing else needs it.
//
// Each is one call of a function of the database, in a signed context that
// names no tenant. That context shows no row of any table, and a tenant's own
// context is refused by the functions, so SQL injected into a tenant's
// statement cannot call them. What they tell is ids: never a name, a hash or
// another address. They say nothing of a tenant that is not active.
//
// They tell who is registered where to whoever may call them. Call them only
// where the answer is not passed on, and count the calls before.
package bootstrap

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/internal/gate"
)

const (
	sqlAccounts = "select tenant_id, user_id from watertight.sign_in_accounts($1, $2)"
	sqlKey      = "select tenant_id, key_id, role, prefix from watertight.api_key_account($1)"
)

// Account is one account of a person: a tenant and the account's id in it.
type Account struct {
	Tenant tenancy.ID
	User   uuid.UUID
}

// Accounts returns the accounts with an e-mail address, compared without regard
// to case: in one tenant, or for the zero ID in all, at most 20. It is one
// round trip whatever it finds.
func Accounts(ctx context.Context, db *tenancy.DB, email string, in tenancy.ID) ([]Account, error) {
	var only *uuid.UUID
	if !in.IsZero() {
		// As a UUID: a tenant's ID may be an argument inside its scope only.
		id := in.UUID()
		only = &id
	}
	rows, err := conn(db).Query(tenancy.WithAction(ctx, "sign_in"), sqlAccounts, email, only)
	if err != nil {
		return nil, fmt.Errorf("look up the accounts of an address: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Account])
	if err != nil {
		return nil, fmt.Errorf("look up the accounts of an address: %w", err)
	}
	return found, nil
}

// Key is what an API key stands for.
type Key struct {
	Tenant tenancy.ID
	ID     uuid.UUID
	Role   tenancy.Role
	Prefix string // the part that may be shown
}

// KeyByHash returns the API key with this SHA-256 hash, and
// [tenancy.ErrNotAdmitted] if there is none that is good.
func KeyByHash(ctx context.Context, db *tenancy.DB, hash [32]byte) (Key, error) {
	rows, err := conn(db).Query(tenancy.WithAction(ctx, "api_key"), sqlKey, hash[:])
	if err != nil {
		return Key{}, fmt.Errorf("look up an API key: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Key])
	if err != nil {
		return Key{}, fmt.Errorf("look up an API key: %w", err)
	}
	if len(found) != 1 {
		return Key{}, tenancy.ErrNotAdmitted
	}
	return found[0], nil
}

func conn(db *tenancy.DB) *tenancy.Conn {
	newLookup := gate.NewLookup.(func(*tenancy.DB, string) *tenancy.Conn)
	return newLookup(db, "bootstrap")
}
