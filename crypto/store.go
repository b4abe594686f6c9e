package crypto

import (
	"context"

	"github.com/watertight-go/watertight/tenancy"
)

// KeyState says what a data key may still be used for.
type KeyState string

// The states of a data key, in the order it goes through them.
const (
	KeyActive      KeyState = "active"       // seals and opens; one per tenant
	KeyDecryptOnly KeyState = "decrypt_only" // opens what it sealed until that is re-sealed
	KeyDestroyed   KeyState = "destroyed"    // its wrapped bytes are gone
)

// WrappedKey is a tenant's data key as a [Store] keeps it: encrypted by the KEK.
type WrappedKey struct {
	Tenant  tenancy.ID
	ID      uint32 // counts from 1 within the tenant
	KEK     string // the ID of the KEK that wrapped it
	Wrapped []byte // empty when destroyed
	State   KeyState
}

// A Store keeps wrapped data keys. Package crypto/keystore is one in Postgres.
// To let the keys have backups of their own, and so to make destroying one
// final sooner, implement Store on another database.
type Store interface {
	// LoadKey returns the tenant's key with this number, or its active key for
	// number 0. It returns [ErrNoKey] when there is none, and for number 0
	// [ErrKeyDestroyed] when the tenant had keys and all were destroyed.
	LoadKey(ctx context.Context, tenant tenancy.ID, id uint32) (WrappedKey, error)
	// AddFirstKey stores the first key of a tenant. It returns [ErrKeyExists]
	// when the tenant has or had any key.
	AddFirstKey(ctx context.Context, key WrappedKey) error
}
