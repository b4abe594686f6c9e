package crypto

import (
	"context"
	"encoding/binary"

	"github.com/watertight-go/watertight/tenancy"
)

// A KEK is a key-encryption key: it wraps the data keys of all tenants and
// never leaves the place that keeps it. [FileKEK] is a file of 32 bytes;
// package crypto/kms has key management services.
//
// Wrap must return bytes that Unwrap accepts only together with the same
// binding. Both may be called from several goroutines.
type KEK interface {
	// ID names the key for good. It is stored with each wrapped key, so two
	// keys never share an ID and it holds no credential.
	ID() string
	Wrap(ctx context.Context, key, binding []byte) ([]byte, error)
	Unwrap(ctx context.Context, wrapped, binding []byte) ([]byte, error)
}

// wrapLabel starts the binding of every wrapped data key. It is part of the
// stored format.
const wrapLabel = "tenantseal/dek"

// KeyBinding is what a data key's wrapping is bound to: the label, the tenant
// and the key's number. A wrapped key that is copied to another tenant, or
// under another number, does not unwrap.
func KeyBinding(t tenancy.ID, keyID uint32) []byte {
	tenant := t.Bytes()
	b := append([]byte(wrapLabel), tenant[:]...)
	return binary.BigEndian.AppendUint32(b, keyID)
}
