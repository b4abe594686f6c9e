package crypto

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/watertight-go/watertight/crypto/internal/envelope"
	"github.com/watertight-go/watertight/tenancy"
)

// MaxKeyTTL is the longest time that a [Ring] may remember a key. Tools that
// destroy an old key wait for it, so it is a constant and not a matter of
// configuration.
const MaxKeyTTL = time.Hour

// RingConfig says where a [Ring] finds its keys.
type RingConfig struct {
	// Store keeps the wrapped data keys. Required.
	Store Store

	// KEKs are the key-encryption keys. The first wraps new data keys; all of
	// them unwrap, so that a new one can be put in front of the old one while
	// the data keys are re-wrapped. At least one is required.
	KEKs []KEK

	// TTL is how long an unwrapped data key, and the number of a tenant's
	// active key, are remembered, give or take a tenth. It bounds how long a
	// destroyed key goes on working in a running process. Defaults to 5
	// minutes; at most MaxKeyTTL.
	TTL time.Duration

	// CacheSize is how many data keys are remembered; the least recently used
	// goes first. Defaults to 1024.
	CacheSize int
}

func (c RingConfig) validate() (RingConfig, error) {
	if c.TTL == 0 {
		c.TTL = 5 * time.Minute
	}
	if c.CacheSize == 0 {
		c.CacheSize = 1024
	}
	switch {
	case c.Store == nil:
		return c, errors.New("key ring without a store (set RingConfig.Store)")
	case len(c.KEKs) == 0:
		return c, errors.New("key ring without a key-encryption key (set RingConfig.KEKs)")
	case c.TTL < time.Second || c.TTL > MaxKeyTTL:
		return c, fmt.Errorf("key ring TTL %s is out of range (from 1s to %s)", c.TTL, MaxKeyTTL)
	case c.CacheSize < 1:
		return c, fmt.Errorf("key ring cache size %d is out of range (at least 1)", c.CacheSize)
	}
	seen := make(map[string]bool)
	for _, k := range c.KEKs {
		if k == nil || k.ID() == "" || seen[k.ID()] {
			return c, errors.New("key ring has a nil, nameless or repeated key-encryption key (give each once, the newest first)")
		}
		seen[k.ID()] = true
	}
	return c, nil
}

// Ring seals and opens values under one data key per tenant. It fetches wrapped
// keys from the store, unwraps them, and remembers them for a short time. A
// Ring may be used from several goroutines; a process needs one.
type Ring struct {
	store Store
	keks  map[string]KEK
	wrap  KEK // the first of the configuration
	cache keyCache
}

// NewRing returns a Ring, or an error that names the field at fault.
func NewRing(cfg RingConfig) (*Ring, error) {
	cfg, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	r := &Ring{store: cfg.Store, keks: make(map[string]KEK), wrap: cfg.KEKs[0]}
	for _, k := range cfg.KEKs {
		r.keks[k.ID()] = k
	}
	r.cache.init(cfg.TTL, cfg.CacheSize)
	return r, nil
}

// Seal encrypts s for one cell of one tenant. The first value of a new tenant
// gives it its key. The result goes into a bytea column.
//
// It returns [tenancy.ErrNoTenant] and [ErrRef] for an incomplete place, and
// [ErrKeyDestroyed] for a tenant whose keys were destroyed.
func (r *Ring) Seal(ctx context.Context, t tenancy.ID, ref Ref, s Secret) ([]byte, error) {
	if err := checkPlace(t, ref); err != nil {
		return nil, err
	}
	if s.Len() > envelope.MaxPlaintext {
		return nil, fmt.Errorf("cannot seal %d bytes (at most %d: keep longer data in object storage)", s.Len(), envelope.MaxPlaintext)
	}
	key, err := r.activeKey(ctx, t)
	if err != nil {
		return nil, err
	}
	defer key.clear()
	sealed, err := envelope.Seal(key.bytes[:], key.id, ref.context(t), s.bytes())
	if err != nil {
		return nil, fmt.Errorf("seal for %s.%s: %w", ref.Table, ref.Column, err)
	}
	return sealed, nil
}

// Open decrypts what [Ring.Seal] made for the same tenant and place. Whatever
// is wrong with sealed, the error is [ErrOpen]; other errors mean that the key
// could not be fetched, and that trying again may help.
func (r *Ring) Open(ctx context.Context, t tenancy.ID, ref Ref, sealed []byte) (Secret, error) {
	if t.IsZero() {
		return Secret{}, tenancy.ErrNoTenant
	}
	id, ok := envelope.KeyID(sealed)
	if !ok {
		return Secret{}, ErrOpen
	}
	key, err := r.key(ctx, t, id)
	if errors.Is(err, ErrNoKey) || errors.Is(err, ErrKeyDestroyed) {
		return Secret{}, ErrOpen
	}
	if err != nil {
		return Secret{}, err
	}
	defer key.clear()
	plaintext, err := envelope.Open(key.bytes[:], ref.context(t), sealed)
	if err != nil {
		return Secret{}, ErrOpen
	}
	return adopt(plaintext), nil
}

// NeedsReseal reports whether sealed was made under another key than the one
// that is active now. Call it when a value is read to be used anyway, such as a
// token that is about to be renewed, and the re-sealing costs nothing extra.
func (r *Ring) NeedsReseal(ctx context.Context, t tenancy.ID, sealed []byte) (bool, error) {
	if t.IsZero() {
		return false, tenancy.ErrNoTenant
	}
	id, ok := envelope.KeyID(sealed)
	if !ok {
		return false, ErrOpen
	}
	key, err := r.activeKey(ctx, t)
	if err != nil {
		return false, err
	}
	defer key.clear()
	return key.id != id, nil
}

// Reseal opens a value and seals it under the active key, for the same place.
// Store the result only where the column still holds sealed: another writer may
// have been faster.
func (r *Ring) Reseal(ctx context.Context, t tenancy.ID, ref Ref, sealed []byte) ([]byte, error) {
	s, err := r.Open(ctx, t, ref, sealed)
	if err != nil {
		return nil, err
	}
	defer clear(s.bytes()) // ours alone: Open made it and nobody else has seen it
	return r.Seal(ctx, t, ref, s)
}

// Forget drops what is remembered of a tenant's keys, after they were rotated
// or destroyed.
func (r *Ring) Forget(t tenancy.ID) { r.cache.forget(t) }

// Clear drops every remembered key.
func (r *Ring) Clear() { r.cache.clearAll() }

// KeyID returns the number of the data key that sealed needs. It reports false
// for bytes that no key could open.
func KeyID(sealed []byte) (uint32, bool) { return envelope.KeyID(sealed) }

// checkPlace refuses to seal for a place that Open could not name again.
func checkPlace(t tenancy.ID, ref Ref) error {
	if t.IsZero() {
		return tenancy.ErrNoTenant
	}
	if ref.Table == "" || ref.Column == "" || ref.Row.id == "" {
		return ErrRef
	}
	return nil
}
