package tenancy

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// ContextKey signs the tenant context. The application holds it; the database
// holds what is needed to verify, readable by no role that logs in. Whoever
// has it can act as every tenant, so it is handled like a password: it prints
// as its ID only, and leaves the process through [ContextKey.Encode] alone.
type ContextKey struct {
	id     string
	secret *[32]byte // a pointer, so that %#v and a debugger's dump of a Config show an address
}

var errContextKey = errors.New("not a context key (write wtk_ID_SECRET as NewContextKey(…).Encode() prints it)")

// NewContextKey makes a random key with a random ID.
func NewContextKey() (ContextKey, error) {
	var id [4]byte
	key := ContextKey{secret: new([32]byte)}
	if _, err := io.ReadFull(rand.Reader, id[:]); err != nil {
		return ContextKey{}, fmt.Errorf("make a context key: %w", err)
	}
	if _, err := io.ReadFull(rand.Reader, key.secret[:]); err != nil {
		return ContextKey{}, fmt.Errorf("make a context key: %w", err)
	}
	key.id = hex.EncodeToString(id[:])
	return key, nil
}

// ParseContextKey reads what [ContextKey.Encode] wrote, usually from an
// environment variable or a secret store. Its error does not repeat the text.
func ParseContextKey(s string) (ContextKey, error) {
	rest, ok := strings.CutPrefix(s, "wtk_")
	id, encoded, ok2 := strings.Cut(rest, "_")
	if !ok || !ok2 || !validKeyID(id) {
		return ContextKey{}, errContextKey
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != 32 {
		return ContextKey{}, errContextKey
	}
	return ContextKey{id: id, secret: (*[32]byte)(raw)}, nil
}

func validKeyID(id string) bool {
	if len(id) < 1 || len(id) > 16 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// ID is the key's public name.
func (k ContextKey) ID() string { return k.id }

// IsZero reports whether k is no key.
func (k ContextKey) IsZero() bool { return k.secret == nil }

// Secret returns the 32 bytes, for package schema to give to the database.
// The zero key gives zero bytes, which the database would take: check IsZero.
func (k ContextKey) Secret() [32]byte {
	if k.secret == nil {
		return [32]byte{}
	}
	return *k.secret
}

// Encode writes the key, secret included, for a secret store.
func (k ContextKey) Encode() string {
	if k.IsZero() {
		return ""
	}
	return "wtk_" + k.id + "_" + base64.RawURLEncoding.EncodeToString(k.secret[:])
}

// Format implements [fmt.Formatter]: every verb prints the ID only.
func (k ContextKey) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "context key %s", k.id) }

// LogValue implements [slog.LogValuer]: the ID only.
func (k ContextKey) LogValue() slog.Value { return slog.StringValue("context key " + k.id) }

// MarshalText refuses, and with it encoding/json, xml and the like.
func (k ContextKey) MarshalText() ([]byte, error) {
	return nil, errors.New("a context key is not marshalled (call Encode where a secret store wants it)")
}
