// Package kms is a [crypto.KEK] in a key management service, by way of the Go
// Cloud Development Kit: AWS KMS, Google Cloud KMS, Azure Key Vault, HashiCorp
// Vault, and whatever else has a driver for gocloud.dev/secrets.
//
//	import (
//		"github.com/watertight-go/watertight/crypto/kms"
//		_ "gocloud.dev/secrets/awskms" // the driver of the service that you use
//	)
//
//	kek, err := kms.Open(ctx, "awskms:///alias/watertight?region=eu-central-1")
//	defer kek.Close()
//	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{kek}})
//
// The drivers are the program's choice, because each brings the whole client
// library of its service: the four together make a program 36 MB larger.
//
//	gocloud.dev/secrets/awskms         awskms:///alias/NAME?region=REGION
//	gocloud.dev/secrets/gcpkms         gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K
//	gocloud.dev/secrets/azurekeyvault  azurekeyvault://VAULT.vault.azure.net/keys/NAME
//	gocloud.dev/secrets/hashivault     hashivault://NAME (with VAULT_SERVER_URL and VAULT_SERVER_TOKEN)
//
// The command has them when it is built with -tags kms.
//
// # What is bound
//
// gocloud.dev/secrets has no authenticated data. So the binding to tenant and
// key number goes inside: what the service encrypts is
//
//	0x01 ‖ length of the binding in 4 bytes, big endian ‖ binding ‖ data key
//
// and Unwrap compares the binding in constant time. A wrapped key that is copied
// to another tenant is refused here, although the service decrypts it.
//
// An RSA key of Azure Key Vault encrypts with its public half, so the service
// does not vouch for who wrapped a key: somebody who knows that half and may
// write to the key table could plant a data key of his own making, and read
// what is sealed under it from then on. Use a symmetric key (managed HSM)
// there, or keep the public half to yourself. The other services wrap with a
// secret key.
//
// # Cost and failure
//
// The service is asked once for each tenant, process and RingConfig.TTL, not
// once for each value. While it is down, keys in memory go on working until
// their TTL ends; a longer TTL buys time for an outage and pays with a longer
// delay of a destroyed key.
//
// The permission to decrypt with the key is the permission to read everything:
// give it to the service's own identity only, and keep it from whoever can read
// the database's backups.
package kms

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"time"

	"gocloud.dev/secrets"

	"github.com/watertight-go/watertight/crypto"
)

// callTimeout bounds one call to the service.
const callTimeout = 10 * time.Second

// KEK is a key in a key management service.
type KEK struct {
	keeper *secrets.Keeper
	id     string
}

var _ crypto.KEK = (*KEK)(nil)

// Open opens the key that a URL of the Go CDK names. The driver of its scheme
// must be imported. The ID is the URL without its query and user, so neither a
// region nor a credential is part of it.
func Open(ctx context.Context, keyURL string) (*KEK, error) {
	u, err := url.Parse(keyURL)
	if err != nil || u.Scheme == "" {
		return nil, errors.New("the KMS key is not a URL (write it as awskms:///alias/NAME?region=REGION, gcpkms://…, azurekeyvault://… or hashivault://…)")
	}
	if u.Scheme == "base64key" {
		return nil, errors.New("a base64key URL is itself the key and would be stored with each data key (use a key file, crypto.CreateKeyFile)")
	}
	if !secrets.DefaultURLMux().ValidKeeperScheme(u.Scheme) {
		return nil, fmt.Errorf("no driver for %s keys in this program (import gocloud.dev/secrets/%s, or build the command with -tags kms)", u.Scheme, u.Scheme)
	}
	keeper, err := secrets.OpenKeeper(ctx, keyURL)
	if err != nil {
		return nil, fmt.Errorf("open the %s key: %w", u.Scheme, err)
	}
	return New(keeper, (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, Opaque: u.Opaque}).String())
}

// New returns a KEK over a keeper that the caller has opened. The id is stored
// with each wrapped key: choose it once, give no two keys the same, and put no
// credential in it. The KEK owns the keeper from now on.
func New(keeper *secrets.Keeper, id string) (*KEK, error) {
	if keeper == nil || id == "" {
		return nil, errors.New("a KMS key needs a keeper and a name (open one with kms.Open)")
	}
	return &KEK{keeper, id}, nil
}

// Close closes the connection to the service.
func (k *KEK) Close() error { return k.keeper.Close() }

// ID implements [crypto.KEK].
func (k *KEK) ID() string { return k.id }

// Wrap implements [crypto.KEK].
func (k *KEK) Wrap(ctx context.Context, key, binding []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	bound := bind(key, binding)
	defer clear(bound)
	return k.keeper.Encrypt(ctx, bound)
}

// Unwrap implements [crypto.KEK].
func (k *KEK) Unwrap(ctx context.Context, wrapped, binding []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	bound, err := k.keeper.Decrypt(ctx, wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(bound)
	prefix := bind(nil, binding)
	if len(bound) < len(prefix) || subtle.ConstantTimeCompare(bound[:len(prefix)], prefix) != 1 {
		return nil, errBinding
	}
	return bytes.Clone(bound[len(prefix):]), nil
}

var errBinding = errors.New("the wrapped key belongs to another tenant or has another number")

// bind puts the binding in front of the key.
func bind(key, binding []byte) []byte {
	b := make([]byte, 0, 5+len(binding)+len(key))
	b = append(b, 0x01)
	b = binary.BigEndian.AppendUint32(b, uint32(len(binding)))
	b = append(b, binding...)
	return append(b, key...)
}
