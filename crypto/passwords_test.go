package crypto_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

const password = "correct horse battery staple"

func mustStore(tb testing.TB, f fixture, t tenancy.ID, user uuid.UUID, pw string) []byte {
	tb.Helper()
	stored, err := f.passwords.Hash(context.Background(), t, user, crypto.SecretString(pw))
	if err != nil {
		tb.Fatal(err)
	}
	return stored
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	user := uuid.New()
	stored := mustStore(t, f, f.tenant, user, password)
	if strings.Contains(string(stored), "$2a$") || len(stored) != 60+65 {
		t.Error("the stored hash is not sealed")
	}
	v, err := f.passwords.Verify(ctx, f.tenant, user, stored, crypto.SecretString(password))
	if err != nil || v.Rehash {
		t.Errorf("right password: %+v, %v", v, err)
	}
	for name, c := range map[string]struct {
		user   uuid.UUID
		stored []byte
		typed  string
	}{
		"wrong password":   {user, stored, password + "x"},
		"unknown user":     {uuid.Nil, nil, password},
		"user without one": {user, nil, password},
		"empty":            {user, stored, ""},
		"73 bytes":         {user, stored, strings.Repeat("x", 73)},
	} {
		v, err := f.passwords.Verify(ctx, f.tenant, c.user, c.stored, crypto.SecretString(c.typed))
		if err != crypto.ErrMismatch || v != (crypto.Verified{}) { // the very same error, or the two could be told apart
			t.Errorf("%s: %+v, %v; want ErrMismatch itself", name, v, err)
		}
	}
}

// TestHashTransplantIsRefused puts the hash of a known password into the row of
// another user, and of another tenant's user, as somebody who can write to the
// database would to sign in as them.
func TestHashTransplantIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	mine, admin := uuid.New(), uuid.New()
	known := mustStore(t, f, f.tenant, mine, password)
	mustStore(t, f, f.other, admin, "something else entirely")
	for name, at := range map[string]struct {
		tenant tenancy.ID
		user   uuid.UUID
	}{"another user": {f.tenant, admin}, "another tenant": {f.other, mine}, "an unknown user": {f.tenant, uuid.Nil}} {
		if _, err := f.passwords.Verify(ctx, at.tenant, at.user, known, crypto.SecretString(password)); !errors.Is(err, crypto.ErrOpen) {
			t.Errorf("%s: %v, want ErrOpen", name, err)
		}
	}
	plain, err := f.hasher.Hash(ctx, crypto.SecretString(password))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.passwords.Verify(ctx, f.tenant, admin, []byte(plain), crypto.SecretString(password)); !errors.Is(err, crypto.ErrOpen) {
		t.Errorf("an unsealed hash: %v, want ErrOpen", err)
	}
}

func TestRehashOnLogin(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	user := uuid.New()
	strong, err := crypto.NewHasher(crypto.HasherConfig{Cost: 5, WeakCostForTests: true})
	if err != nil {
		t.Fatal(err)
	}
	stronger, err := crypto.NewPasswords(f.ring, strong)
	if err != nil {
		t.Fatal(err)
	}
	stored := mustStore(t, f, f.tenant, user, password)
	if v, err := stronger.Verify(ctx, f.tenant, user, stored, crypto.SecretString(password)); err != nil || !v.Rehash {
		t.Errorf("a cheaper hash: %+v, %v", v, err)
	}
	f.rotate(t, f.tenant, 2)
	if v, err := f.passwords.Verify(ctx, f.tenant, user, stored, crypto.SecretString(password)); err != nil || !v.Rehash {
		t.Errorf("a hash under an old key: %+v, %v", v, err)
	}
	stored = mustStore(t, f, f.tenant, user, password)
	if v, err := f.passwords.Verify(ctx, f.tenant, user, stored, crypto.SecretString(password)); err != nil || v.Rehash {
		t.Errorf("after hashing again: %+v, %v", v, err)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	user := uuid.New()
	// From PHP, whose hashes are $2y$.
	stored, err := f.passwords.Import(ctx, f.tenant, user, "$2y$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := f.passwords.Verify(ctx, f.tenant, user, stored, crypto.SecretString("abc")); err != nil || !v.Rehash {
		t.Errorf("imported hash: %+v, %v", v, err)
	}
	if _, err := f.passwords.Import(ctx, f.tenant, user, "5f4dcc3b5aa765d61d8327deb882cf99"); !errors.Is(err, crypto.ErrHashFormat) {
		t.Errorf("an MD5 was imported: %v", err)
	}
}

// TestKeyTroubleIsNoMismatch: a user must not be told that his password is
// wrong because the key service is down.
func TestKeyTroubleIsNoMismatch(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	user := uuid.New()
	stored := mustStore(t, f, f.tenant, user, password)
	down, err := crypto.NewRing(crypto.RingConfig{Store: brokenStore{}, KEKs: []crypto.KEK{brokenKEK{}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := crypto.NewPasswords(down, f.hasher)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string][]byte{"known": stored, "unknown": nil} {
		if _, err := p.Verify(ctx, f.tenant, user, s, crypto.SecretString(password)); !errors.Is(err, errDown) || errors.Is(err, crypto.ErrMismatch) {
			t.Errorf("%s: %v, want the store's own error", name, err)
		}
	}
	if _, err := crypto.NewPasswords(nil, f.hasher); err == nil {
		t.Error("passwords without a ring")
	}
}

var errDown = errors.New("the store is down")

type brokenStore struct{}

func (brokenStore) LoadKey(context.Context, tenancy.ID, uint32) (crypto.WrappedKey, error) {
	return crypto.WrappedKey{}, errDown
}
func (brokenStore) AddFirstKey(context.Context, crypto.WrappedKey) error { return errDown }

type brokenKEK struct{}

func (brokenKEK) ID() string { return "broken" }

func (brokenKEK) Wrap(context.Context, []byte, []byte) ([]byte, error) { return nil, errDown }

func (brokenKEK) Unwrap(context.Context, []byte, []byte) ([]byte, error) { return nil, errDown }
