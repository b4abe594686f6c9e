package platform

import (
	"context"
	"crypto/rand"
	"path/filepath"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/examples/bookings/service"
)

// openKeys makes the key that wraps the tenants' keys. It lies outside of the
// database, and here goes with the demonstration.
func (p *Platform) openKeys(_ context.Context, cfg Config) (err error) {
	if p.kek, err = crypto.CreateKeyFile(filepath.Join(p.dir, "kek")); err != nil {
		return err
	}
	store, err := keystore.New(p.DB)
	if err != nil {
		return err
	}
	if p.Ring, err = crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{p.kek}}); err != nil {
		return err
	}
	hashing := crypto.HasherConfig{}
	if cfg.WeakPasswordHashes {
		hashing = crypto.HasherConfig{Cost: 4, WeakCostForTests: true}
	}
	p.Hasher, err = crypto.NewHasher(hashing)
	return err
}

// issuer and audience stand in every token.
const issuer, audience = "https://bookings.example", "bookings"

func (p *Platform) openEntrance(context.Context, Config) error {
	passwords, err := crypto.NewPasswords(p.Ring, p.Hasher)
	if err != nil {
		return err
	}
	p.Entrance = &service.Entrance{}
	p.Entrance.Passwords, err = accounts.NewSignIn(accounts.SignInConfig{
		DB: p.DB, Passwords: passwords, Hasher: p.Hasher, Words: []string{"bookings"},
	})
	if err != nil {
		return err
	}
	key, err := session.NewKey(session.GenerateSeed())
	if err != nil {
		return err
	}
	p.Entrance.Issuer, err = session.NewIssuer(session.IssuerConfig{DB: p.DB, Key: key, Issuer: issuer, Audience: audience})
	if err != nil {
		return err
	}
	p.Entrance.Verifier, err = session.NewVerifier(session.VerifierConfig{
		DB: p.DB, Keys: []session.PublicKey{key.Public()}, Issuer: issuer, Audience: audience,
	})
	return err
}

// newSecret returns 256 random bits.
func newSecret() crypto.Secret {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return crypto.NewSecret(key[:])
}
