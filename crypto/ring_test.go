package crypto_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/tenancy"
)

var (
	rowID = uuid.MustParse("5b8f5c0e-6a37-4a8c-9d4b-0d6f2f6f7a11")
	ref   = crypto.Ref{Table: "calendar_connection", Column: "access_token", Row: crypto.RowUUID(rowID)}
)

// fixture is a ring over keys in memory, and what goes with it.
type fixture struct {
	ring          *crypto.Ring
	store         *insecurekeys.Store
	hasher        *crypto.Hasher
	passwords     *crypto.Passwords
	tenant, other tenancy.ID
}

func newFixture(tb testing.TB) fixture {
	tb.Helper()
	f := fixture{store: insecurekeys.NewStore(), tenant: tenancy.NewID(), other: tenancy.NewID()}
	var err error
	if f.ring, err = crypto.NewRing(crypto.RingConfig{Store: f.store, KEKs: []crypto.KEK{insecurekeys.KEK{}}}); err != nil {
		tb.Fatal(err)
	}
	if f.hasher, err = crypto.NewHasher(crypto.HasherConfig{Cost: 4, WeakCostForTests: true}); err != nil {
		tb.Fatal(err)
	}
	if f.passwords, err = crypto.NewPasswords(f.ring, f.hasher); err != nil {
		tb.Fatal(err)
	}
	return f
}

func (f fixture) seal(tb testing.TB, t tenancy.ID, r crypto.Ref, plaintext string) []byte {
	tb.Helper()
	sealed, err := f.ring.Seal(context.Background(), t, r, crypto.SecretString(plaintext))
	if err != nil {
		tb.Fatal(err)
	}
	return sealed
}

// rotate gives the tenant a new active key and returns its number.
func (f fixture) rotate(tb testing.TB, t tenancy.ID, id uint32) {
	tb.Helper()
	k, err := f.ring.NewWrappedKey(context.Background(), t, id)
	if err != nil {
		tb.Fatal(err)
	}
	f.store.Put(k)
	f.ring.Forget(t)
}

func TestRingSealOpen(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	sealed := f.seal(t, f.tenant, ref, "token")
	got, err := f.ring.Open(ctx, f.tenant, ref, sealed)
	if err != nil || string(got.Reveal()) != "token" {
		t.Fatalf("opened to %q, %v", got.Reveal(), err)
	}
	if again := f.seal(t, f.tenant, ref, "token"); string(again[5:]) == string(sealed[5:]) {
		t.Error("the same value sealed twice is the same bytes")
	}
}

// TestRingRefusesEverySwap moves a value between rows, columns, tables and
// tenants. The two tenants both have a key with the number 1.
func TestRingRefusesEverySwap(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	sealed := f.seal(t, f.tenant, ref, "token")
	f.seal(t, f.other, ref, "token")
	row, column, table, kind := ref, ref, ref, ref
	row.Row = crypto.RowUUID(uuid.New())
	column.Column = "refresh_token"
	table.Table = "user"
	kind.Row = crypto.RowInt(1)
	for name, c := range map[string]struct {
		tenant tenancy.ID
		ref    crypto.Ref
	}{
		"tenant": {f.other, ref}, "row": {f.tenant, row}, "column": {f.tenant, column},
		"table": {f.tenant, table}, "kind of row": {f.tenant, kind}, "no place": {f.tenant, crypto.Ref{}},
		"a tenant without keys": {tenancy.NewID(), ref},
	} {
		if _, err := f.ring.Open(ctx, c.tenant, c.ref, sealed); err != crypto.ErrOpen { // this very value: anything around it would tell more
			t.Errorf("%s: %v, want ErrOpen itself", name, err)
		}
	}
	if _, err := f.ring.Open(ctx, tenancy.ID{}, ref, sealed); !errors.Is(err, tenancy.ErrNoTenant) {
		t.Errorf("no tenant: %v", err)
	}
}

// TestRingRefusesEveryBitFlip includes the bits of the key number, which lead
// to keys that do not exist.
func TestRingRefusesEveryBitFlip(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	sealed := f.seal(t, f.tenant, ref, "token")
	for i := range sealed {
		for bit := range 8 {
			sealed[i] ^= 1 << bit
			if _, err := f.ring.Open(ctx, f.tenant, ref, sealed); err != crypto.ErrOpen {
				t.Errorf("byte %d bit %d: %v", i, bit, err)
			}
			sealed[i] ^= 1 << bit
		}
	}
	for n := range sealed {
		if _, err := f.ring.Open(ctx, f.tenant, ref, sealed[:n]); err != crypto.ErrOpen {
			t.Errorf("first %d bytes: %v", n, err)
		}
	}
}

func TestRingRefusesIncompletePlaces(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	for name, r := range map[string]crypto.Ref{
		"table": {Column: "c", Row: crypto.RowInt(1)}, "column": {Table: "t", Row: crypto.RowInt(1)},
		"row": {Table: "t", Column: "c"}, "nil row": {Table: "t", Column: "c", Row: crypto.RowUUID(uuid.Nil)},
	} {
		if _, err := f.ring.Seal(ctx, f.tenant, r, crypto.SecretString("x")); !errors.Is(err, crypto.ErrRef) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if _, err := f.ring.Seal(ctx, tenancy.ID{}, ref, crypto.SecretString("x")); !errors.Is(err, tenancy.ErrNoTenant) {
		t.Errorf("without tenant: %v", err)
	}
	if _, err := f.ring.Seal(ctx, f.tenant, ref, crypto.NewSecret(make([]byte, 64<<20+1))); err == nil {
		t.Error("a value above the limit was sealed")
	}
}

func TestRotationAndReseal(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	old := f.seal(t, f.tenant, ref, "token")
	if stale, err := f.ring.NeedsReseal(ctx, f.tenant, old); stale || err != nil {
		t.Errorf("before the rotation: %v, %v", stale, err)
	}
	f.rotate(t, f.tenant, 2)
	if stale, err := f.ring.NeedsReseal(ctx, f.tenant, old); !stale || err != nil {
		t.Errorf("after the rotation: %v, %v", stale, err)
	}
	if s, err := f.ring.Open(ctx, f.tenant, ref, old); err != nil || string(s.Reveal()) != "token" {
		t.Errorf("the old value: %v", err)
	}
	renewed, err := f.ring.Reseal(ctx, f.tenant, ref, old)
	if err != nil {
		t.Fatal(err)
	}
	if id, _ := crypto.KeyID(renewed); id != 2 {
		t.Errorf("re-sealed under key %d, want 2", id)
	}
	if s, err := f.ring.Open(ctx, f.tenant, ref, renewed); err != nil || string(s.Reveal()) != "token" {
		t.Errorf("the new value: %q, %v", s.Reveal(), err)
	}
	if _, err := f.ring.Reseal(ctx, f.other, ref, old); !errors.Is(err, crypto.ErrOpen) {
		t.Errorf("re-sealed for another tenant: %v", err)
	}
}

func TestDestroyedKeys(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	sealed := f.seal(t, f.tenant, ref, "token")
	f.store.Destroy(f.tenant)
	if _, err := f.ring.Open(ctx, f.tenant, ref, sealed); err != nil {
		t.Errorf("a remembered key should work until it is forgotten: %v", err)
	}
	f.ring.Forget(f.tenant)
	if _, err := f.ring.Open(ctx, f.tenant, ref, sealed); !errors.Is(err, crypto.ErrOpen) {
		t.Errorf("open: %v, want ErrOpen", err)
	}
	if _, err := f.ring.Seal(ctx, f.tenant, ref, crypto.SecretString("x")); !errors.Is(err, crypto.ErrKeyDestroyed) {
		t.Errorf("seal: %v, want ErrKeyDestroyed: a destroyed tenant must not get a new key", err)
	}
}

func TestKEKRotation(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	sealed := f.seal(t, f.tenant, ref, "token")
	file, err := crypto.CreateKeyFile(t.TempDir() + "/kek")
	if err != nil {
		t.Fatal(err)
	}
	newRing := func(keks ...crypto.KEK) *crypto.Ring {
		r, err := crypto.NewRing(crypto.RingConfig{Store: f.store, KEKs: keks})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, err := newRing(file).Open(ctx, f.tenant, ref, sealed); !errors.Is(err, crypto.ErrUnknownKEK) {
		t.Errorf("without the old KEK: %v, want ErrUnknownKEK", err)
	}
	both := newRing(file, insecurekeys.KEK{})
	w, err := f.store.LoadKey(ctx, f.tenant, 1)
	if err != nil {
		t.Fatal(err)
	}
	if w, err = both.Rewrap(ctx, w); err != nil || w.KEK != file.ID() {
		t.Fatalf("rewrapped with %s, %v", w.KEK, err)
	}
	f.store.Put(w)
	if s, err := newRing(file).Open(ctx, f.tenant, ref, sealed); err != nil || string(s.Reveal()) != "token" {
		t.Errorf("after the re-wrap, with the new KEK alone: %v", err)
	}
}

// TestWrappedKeysAreBound moves a wrapped key to another tenant and to another
// number, as somebody with write access to the key table could.
func TestWrappedKeysAreBound(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	file, err := crypto.CreateKeyFile(t.TempDir() + "/kek")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := crypto.NewRing(crypto.RingConfig{Store: f.store, KEKs: []crypto.KEK{file}})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := ring.Seal(ctx, f.tenant, ref, crypto.SecretString("token"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.store.LoadKey(ctx, f.tenant, 1)
	if err != nil {
		t.Fatal(err)
	}
	moved := w
	moved.Tenant = f.other
	f.store.Put(moved)
	if _, err := ring.Open(ctx, f.other, ref, sealed); err == nil {
		t.Error("a key of one tenant unwrapped for another")
	}
	renumbered := w
	renumbered.ID = 2
	f.store.Put(renumbered)
	ring.Clear()
	if _, err := ring.Seal(ctx, f.tenant, ref, crypto.SecretString("x")); err == nil {
		t.Error("a key unwrapped under another number")
	}
}

// TestSealedVectorsThroughTheRing opens the published values by the public API.
func TestSealedVectorsThroughTheRing(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/sealed_v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			TcID                                    int
			Comment, Result, Table, Column          string
			Tenant, Row, DataKey, Plaintext, Sealed string
			KeyID                                   uint32
		}
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Vectors) == 0 {
		t.Fatal("no vectors", err)
	}
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, v := range file.Vectors {
		if v.KeyID == 0 {
			continue // the ring cannot be given such a key
		}
		tenant, err := tenancy.IDFromUUID(uuid.UUID(unhex(v.Tenant)))
		if err != nil {
			t.Fatal(err)
		}
		ring, err := insecurekeys.NewRingWithKey(tenant, v.KeyID, [32]byte(unhex(v.DataKey)))
		if err != nil {
			t.Fatal(err)
		}
		r := crypto.Ref{Table: v.Table, Column: v.Column}
		if row := unhex(v.Row); len(row) == 16 {
			r.Row = crypto.RowUUID(uuid.UUID(row))
		} else {
			r.Row = crypto.RowInt(4711)
		}
		got, err := ring.Open(context.Background(), tenant, r, unhex(v.Sealed))
		if ok := v.Result == "valid"; ok != (err == nil) || ok && hex.EncodeToString(got.Reveal()) != v.Plaintext {
			t.Errorf("vector %d (%s): %v, want %s", v.TcID, v.Comment, err, v.Result)
		}
	}
}

func TestRingConfigIsValidated(t *testing.T) {
	t.Parallel()
	store, kek := insecurekeys.NewStore(), insecurekeys.KEK{}
	for name, cfg := range map[string]crypto.RingConfig{
		"no store":     {KEKs: []crypto.KEK{kek}},
		"no KEK":       {Store: store},
		"nil KEK":      {Store: store, KEKs: []crypto.KEK{nil}},
		"repeated KEK": {Store: store, KEKs: []crypto.KEK{kek, kek}},
		"long TTL":     {Store: store, KEKs: []crypto.KEK{kek}, TTL: 2 * crypto.MaxKeyTTL},
		"short TTL":    {Store: store, KEKs: []crypto.KEK{kek}, TTL: 1},
		"cache size":   {Store: store, KEKs: []crypto.KEK{kek}, CacheSize: -1},
	} {
		if _, err := crypto.NewRing(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestRingConcurrently is for the race detector.
func TestRingConcurrently(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				tenant := f.tenant
				if i%2 == 0 {
					tenant = f.other
				}
				sealed, err := f.ring.Seal(ctx, tenant, ref, crypto.SecretString("token"))
				if err != nil {
					t.Error(err)
					return
				}
				if i%17 == 0 {
					f.ring.Forget(tenant)
				}
				if s, err := f.ring.Open(ctx, tenant, ref, sealed); err != nil || string(s.Reveal()) != "token" {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
