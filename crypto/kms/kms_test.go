package kms_test

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/driver"
	"gocloud.dev/secrets/localsecrets"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/crypto/kms"
	"github.com/watertight-go/watertight/tenancy"
)

func newKEK(t *testing.T) *kms.KEK {
	t.Helper()
	key, err := localsecrets.NewRandomKey()
	if err != nil {
		t.Fatal(err)
	}
	k, err := kms.New(localsecrets.NewKeeper(key), "local://test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// TestBinding moves wrapped keys between tenants and numbers. The keeper, which
// knows no binding, would decrypt all of them.
func TestBinding(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	k := newKEK(t)
	tenant, key := tenancy.NewID(), bytes.Repeat([]byte{7}, 32)
	binding := crypto.KeyBinding(tenant, 1)
	wrapped, err := k.Wrap(ctx, key, binding)
	if err != nil || bytes.Contains(wrapped, key) {
		t.Fatal(err)
	}
	if got, err := k.Unwrap(ctx, wrapped, binding); err != nil || !bytes.Equal(got, key) {
		t.Fatalf("unwrap: %v", err)
	}
	for name, other := range map[string][]byte{
		"another tenant": crypto.KeyBinding(tenancy.NewID(), 1),
		"another number": crypto.KeyBinding(tenant, 2),
		"none":           nil,
		"shorter":        binding[:len(binding)-1],
		"longer":         append(bytes.Clone(binding), key[0]),
	} {
		if got, err := k.Unwrap(ctx, wrapped, other); err == nil || got != nil {
			t.Errorf("%s: unwrapped", name)
		}
	}
	for i := range wrapped {
		wrapped[i] ^= 1
		if _, err := k.Unwrap(ctx, wrapped, binding); err == nil {
			t.Errorf("byte %d changed: unwrapped", i)
		}
		wrapped[i] ^= 1
	}
	if _, err := newKEK(t).Unwrap(ctx, wrapped, binding); err == nil {
		t.Error("another key unwrapped")
	}
}

func TestRingOverKMS(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := insecurekeys.NewStore()
	k := newKEK(t)
	ring := func() *crypto.Ring {
		r, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{k}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	tenant, ref := tenancy.NewID(), crypto.Ref{Table: "t", Column: "c", Row: crypto.RowUUID(uuid.New())}
	sealed, err := ring().Seal(ctx, tenant, ref, crypto.SecretString("token"))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := ring().Open(ctx, tenant, ref, sealed); err != nil || string(s.Reveal()) != "token" {
		t.Errorf("open: %v", err)
	}
}

// counting is a keeper that counts its calls and can be switched off.
type counting struct {
	driver.Keeper
	decrypts int
	down     bool
}

var errDown = errors.New("the service is down")

func (c *counting) Encrypt(_ context.Context, b []byte) ([]byte, error) {
	return append([]byte("x"), b...), nil
}

func (c *counting) Decrypt(_ context.Context, b []byte) ([]byte, error) {
	if c.decrypts++; c.down {
		return nil, errDown
	}
	return b[1:], nil
}
func (c *counting) Close() error                       { return nil }
func (c *counting) ErrorAs(error, any) bool            { return false }
func (c *counting) ErrorCode(error) gcerrors.ErrorCode { return gcerrors.Unknown }

// TestServiceIsAskedOnce for each key and TTL, and what is in memory goes on
// working while it is down.
func TestServiceIsAskedOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &counting{}
	k, err := kms.New(secrets.NewKeeper(c), "counting://")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := crypto.NewRing(crypto.RingConfig{Store: insecurekeys.NewStore(), KEKs: []crypto.KEK{k}})
	if err != nil {
		t.Fatal(err)
	}
	tenant, ref := tenancy.NewID(), crypto.Ref{Table: "t", Column: "c", Row: crypto.RowInt(1)}
	for range 100 {
		sealed, err := ring.Seal(ctx, tenant, ref, crypto.SecretString("token"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ring.Open(ctx, tenant, ref, sealed); err != nil {
			t.Fatal(err)
		}
		c.down = true
	}
	if c.decrypts != 1 {
		t.Errorf("asked %d times, want once", c.decrypts)
	}
	ring.Clear()
	if _, err := ring.Seal(ctx, tenant, ref, crypto.SecretString("token")); err == nil || errors.Is(err, crypto.ErrOpen) {
		t.Errorf("with the service down: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for keyURL, want := range map[string]string{
		"":                  "not a URL",
		"alias/watertight":  "not a URL",
		"%zz":               "not a URL",
		"awskms:///alias/x": "gocloud.dev/secrets/awskms",
		"vault://x":         "no driver",
		"base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4=": "itself the key",
	} {
		_, err := kms.Open(context.Background(), keyURL)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want it to say %q", keyURL, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "smGbjm71") {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	if _, err := kms.New(nil, "x"); err == nil {
		t.Error("no keeper was accepted")
	}
}

// opener registers a scheme, so that Open has something to open.
type opener struct{}

func (opener) OpenKeeperURL(context.Context, *url.URL) (*secrets.Keeper, error) {
	return secrets.NewKeeper(&counting{}), nil
}

// TestOpenNamesWithoutCredentials: the ID is stored in the database.
func TestOpenNamesWithoutCredentials(t *testing.T) {
	t.Parallel()
	secrets.DefaultURLMux().RegisterKeeper("fakekms", opener{})
	k, err := kms.Open(context.Background(), "fakekms://user:hunter2@host.example/keys/name?region=eu&token=hunter3")
	if err != nil || k.ID() != "fakekms://host.example/keys/name" {
		t.Errorf("ID %q, %v", k.ID(), err)
	}
}
