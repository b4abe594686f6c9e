package crypto

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/watertight-go/watertight/crypto/internal/envelope"
	"github.com/watertight-go/watertight/tenancy"
)

// dataKey is an unwrapped data key: a copy that its holder clears.
type dataKey struct {
	id    uint32
	bytes [envelope.KeySize]byte
}

func (k *dataKey) clear() { clear(k.bytes[:]) }

// activeKey returns the tenant's active key and makes the first one of a tenant
// that never had any.
func (r *Ring) activeKey(ctx context.Context, t tenancy.ID) (dataKey, error) {
	key, err := r.key(ctx, t, 0)
	if !errors.Is(err, ErrNoKey) {
		return key, err
	}
	if err := r.addFirstKey(ctx, t); err != nil && !errors.Is(err, ErrKeyExists) {
		return dataKey{}, err
	}
	return r.key(ctx, t, 0)
}

func (r *Ring) addFirstKey(ctx context.Context, t tenancy.ID) error {
	k, err := r.NewWrappedKey(ctx, t, 1)
	if err != nil {
		return err
	}
	return r.store.AddFirstKey(ctx, k)
}

// key returns the tenant's key with this number, 0 for the active one.
func (r *Ring) key(ctx context.Context, t tenancy.ID, id uint32) (dataKey, error) {
	return r.cache.get(ctx, keyName{t, id}, func(ctx context.Context) (dataKey, error) {
		w, err := r.store.LoadKey(ctx, t, id)
		if err != nil {
			return dataKey{}, fmt.Errorf("load data key: %w", err)
		}
		// A store that answers with another tenant's key would be noticed by
		// the binding; this is the same check without a call to the KEK.
		if w.Tenant != t || (id != 0 && w.ID != id) || w.ID == 0 {
			return dataKey{}, fmt.Errorf("load data key: the store answered with another key")
		}
		return r.unwrap(ctx, w)
	})
}

func (r *Ring) unwrap(ctx context.Context, w WrappedKey) (dataKey, error) {
	if w.State == KeyDestroyed {
		return dataKey{}, ErrKeyDestroyed
	}
	kek, ok := r.keks[w.KEK]
	if !ok {
		return dataKey{}, fmt.Errorf("%w: %s", ErrUnknownKEK, w.KEK)
	}
	b, err := kek.Unwrap(ctx, w.Wrapped, KeyBinding(w.Tenant, w.ID))
	if err != nil {
		return dataKey{}, fmt.Errorf("unwrap data key %d with %s: %w", w.ID, kek.ID(), err)
	}
	defer clear(b)
	if len(b) != envelope.KeySize {
		return dataKey{}, fmt.Errorf("unwrap data key %d with %s: wrong length", w.ID, kek.ID())
	}
	return dataKey{w.ID, [envelope.KeySize]byte(b)}, nil
}

// NewWrappedKey makes a random data key, wrapped by the first KEK and bound to
// the tenant and the number. It stores nothing; a [Store] or a rotation does.
func (r *Ring) NewWrappedKey(ctx context.Context, t tenancy.ID, id uint32) (WrappedKey, error) {
	if t.IsZero() {
		return WrappedKey{}, tenancy.ErrNoTenant
	}
	if id == 0 {
		return WrappedKey{}, ErrNoKey
	}
	key := dataKey{id: id}
	defer key.clear()
	if _, err := rand.Read(key.bytes[:]); err != nil {
		return WrappedKey{}, fmt.Errorf("make data key: %w", err)
	}
	return r.wrapKey(ctx, t, key)
}

// Rewrap wraps a stored data key anew with the first KEK. The data key itself,
// and so everything sealed under it, stays as it is.
func (r *Ring) Rewrap(ctx context.Context, w WrappedKey) (WrappedKey, error) {
	key, err := r.unwrap(ctx, w)
	if err != nil {
		return WrappedKey{}, err
	}
	defer key.clear()
	out, err := r.wrapKey(ctx, w.Tenant, key)
	out.State = w.State
	return out, err
}

func (r *Ring) wrapKey(ctx context.Context, t tenancy.ID, key dataKey) (WrappedKey, error) {
	wrapped, err := r.wrap.Wrap(ctx, key.bytes[:], KeyBinding(t, key.id))
	if err != nil {
		return WrappedKey{}, fmt.Errorf("wrap data key with %s: %w", r.wrap.ID(), err)
	}
	return WrappedKey{Tenant: t, ID: key.id, KEK: r.wrap.ID(), Wrapped: wrapped, State: KeyActive}, nil
}

// WrapsWith returns the ID of the KEK that wraps new data keys.
func (r *Ring) WrapsWith() string { return r.wrap.ID() }
