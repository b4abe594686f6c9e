// Package insecurekeys has key rings whose keys live in the memory of this
// process and nowhere else, for tests and for trying things out. What they seal
// is lost when the process ends, and a dump of the process shows the keys.
//
// It is a package of its own so that a search for its path finds every program
// that does without a key store.
package insecurekeys

import (
	"bytes"
	"context"
	"sync"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

// NewRing returns a ring that gives each tenant a random key on first use.
func NewRing() (*crypto.Ring, error) {
	return crypto.NewRing(crypto.RingConfig{Store: NewStore(), KEKs: []crypto.KEK{KEK{}}})
}

// NewRingWithKey returns a ring in which the tenant has one known data key.
// With it a program can open a published test vector.
func NewRingWithKey(t tenancy.ID, keyID uint32, key [32]byte) (*crypto.Ring, error) {
	s := NewStore()
	wrapped, err := KEK{}.Wrap(context.Background(), key[:], crypto.KeyBinding(t, keyID))
	if err != nil {
		return nil, err
	}
	s.Put(crypto.WrappedKey{Tenant: t, ID: keyID, KEK: KEK{}.ID(), Wrapped: wrapped, State: crypto.KeyActive})
	return crypto.NewRing(crypto.RingConfig{Store: s, KEKs: []crypto.KEK{KEK{}}})
}

// Store is a [crypto.Store] in memory.
type Store struct {
	mu   sync.Mutex
	keys map[tenancy.ID]map[uint32]crypto.WrappedKey
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{keys: make(map[tenancy.ID]map[uint32]crypto.WrappedKey)}
}

// LoadKey implements [crypto.Store].
func (s *Store) LoadKey(_ context.Context, t tenancy.ID, id uint32) (crypto.WrappedKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != 0 {
		if k, ok := s.keys[t][id]; ok {
			return k, nil
		}
		return crypto.WrappedKey{}, crypto.ErrNoKey
	}
	for _, k := range s.keys[t] {
		if k.State == crypto.KeyActive {
			return k, nil
		}
	}
	if len(s.keys[t]) != 0 {
		return crypto.WrappedKey{}, crypto.ErrKeyDestroyed
	}
	return crypto.WrappedKey{}, crypto.ErrNoKey
}

// AddFirstKey implements [crypto.Store].
func (s *Store) AddFirstKey(_ context.Context, k crypto.WrappedKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keys[k.Tenant]) != 0 {
		return crypto.ErrKeyExists
	}
	s.keys[k.Tenant] = map[uint32]crypto.WrappedKey{k.ID: k}
	return nil
}

// Put stores a key as it is, over one with the same number. An active key makes
// the tenant's former active key decrypt-only.
func (s *Store) Put(k crypto.WrappedKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[k.Tenant] == nil {
		s.keys[k.Tenant] = make(map[uint32]crypto.WrappedKey)
	}
	if k.State == crypto.KeyActive {
		for id, old := range s.keys[k.Tenant] {
			if old.State == crypto.KeyActive {
				old.State = crypto.KeyDecryptOnly
				s.keys[k.Tenant][id] = old
			}
		}
	}
	s.keys[k.Tenant][k.ID] = k
}

// Destroy destroys all keys of a tenant.
func (s *Store) Destroy(t tenancy.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, k := range s.keys[t] {
		k.State, k.Wrapped = crypto.KeyDestroyed, nil
		s.keys[t][id] = k
	}
}

// KEK is a [crypto.KEK] that encrypts nothing: it writes binding and key one
// after the other. It keeps the contract that a wrapped key unwraps with its
// own binding only.
type KEK struct{}

// ID implements [crypto.KEK].
func (KEK) ID() string { return "insecure" }

// Wrap implements [crypto.KEK].
func (KEK) Wrap(_ context.Context, key, binding []byte) ([]byte, error) {
	return append(bytes.Clone(binding), key...), nil
}

// Unwrap implements [crypto.KEK].
func (KEK) Unwrap(_ context.Context, wrapped, binding []byte) ([]byte, error) {
	key, ok := bytes.CutPrefix(wrapped, binding)
	if !ok {
		return nil, crypto.ErrOpen
	}
	return bytes.Clone(key), nil
}
