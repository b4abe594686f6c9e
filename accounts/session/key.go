package session

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/watertight-go/watertight/crypto"
)

// Key signs access tokens. Like a [crypto.Secret] it shows nothing of itself.
type Key struct {
	public PublicKey
	sign   func() ed25519.PrivateKey
}

// GenerateSeed returns what [NewKey] makes a key of: 32 random bytes. Keep it
// where the service's other secrets are kept.
func GenerateSeed() crypto.Secret {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails; the process ends if the system has no randomness
	return crypto.NewSecret(seed)
}

// NewKey returns the key of a seed (RFC 8032).
func NewKey(seed crypto.Secret) (Key, error) {
	b := seed.Reveal()
	defer clear(b)
	if len(b) != ed25519.SeedSize {
		return Key{}, fmt.Errorf("the seed of a signing key has %d bytes, not %d (make one with GenerateSeed)", len(b), ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(b)
	public, err := NewPublicKey(private.Public().(ed25519.PublicKey))
	if err != nil {
		return Key{}, err
	}
	return Key{public: public, sign: func() ed25519.PrivateKey { return private }}, nil
}

// Public returns what verifies the key's tokens.
func (k Key) Public() PublicKey { return k.public }

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.sign == nil }

// PublicKey verifies access tokens. It is no secret.
type PublicKey struct {
	id  string
	key ed25519.PublicKey
}

// NewPublicKey returns the public key of 32 bytes.
func NewPublicKey(key ed25519.PublicKey) (PublicKey, error) {
	if len(key) != ed25519.PublicKeySize {
		return PublicKey{}, errors.New("a public key of Ed25519 has 32 bytes")
	}
	// The id is made of the key, so that two keys never share one.
	sum := sha256.Sum256(key)
	return PublicKey{id: base64.RawURLEncoding.EncodeToString(sum[:12]), key: key}, nil
}

// ID is the "kid" of tokens that the key signed.
func (p PublicKey) ID() string { return p.id }

// Bytes returns the 32 bytes of the key.
func (p PublicKey) Bytes() ed25519.PublicKey { return append(ed25519.PublicKey(nil), p.key...) }
