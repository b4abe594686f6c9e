package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/bootstrap"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// ErrAPIKey: no such key, or one that was revoked or has expired, or of a
// tenant that is not active. Answer 401.
var ErrAPIKey = errors.New("the API key is not valid (make a new one)")

// MaxAPIKeyLife is the longest that a key can be good for.
const MaxAPIKeyLife = 366 * 24 * time.Hour

// An API key, written, is wt_, eight letters and digits that may be shown, _,
// and 256 random bits as base64url (RFC 4648). Scanners for leaked secrets find
// it by that form.
var apiKeyForm = regexp.MustCompile(`^(wt_[A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}$`)

// APIKeys are keys of programs that act in one tenant, each with a role. The
// database keeps their SHA-256 hashes only: 256 random bits need no slow hash.
type APIKeys struct {
	db      *tenancy.DB
	limiter Limiter
}

// NewAPIKeys returns the keys behind db. The limiter is asked before each
// look-up; nil stands for a [MemoryLimiter].
func NewAPIKeys(db *tenancy.DB, limiter Limiter) (*APIKeys, error) {
	if db == nil {
		return nil, errors.New("API keys without a database (open one with tenancy.Open)")
	}
	if limiter == nil {
		limiter = &MemoryLimiter{}
	}
	return &APIKeys{db, limiter}, nil
}

// APIKey is a key in a list of them.
type APIKey struct {
	ID               uuid.UUID
	Name             string
	Prefix           string // the part that may be shown
	Role             tenancy.Role
	CreatedBy        uuid.UUID
	Created, Expires time.Time
	Revoked          time.Time // zero if it was not
}

// Create makes a key for the scope's tenant and returns it. The secret is shown
// this once. The key ends after life, at most [MaxAPIKeyLife], and with the
// account that made it.
//
// Owners and admins may, and nobody gives a key more than he has: owners any
// role, admins any but owner. The database checks it too, against the signed
// context. Others get [tenancy.ErrForbidden].
func (k *APIKeys) Create(ctx context.Context, scope tenancy.Scope, name string, role tenancy.Role, life time.Duration) (APIKey, crypto.Secret, error) {
	if life <= 0 || life > MaxAPIKeyLife {
		return APIKey{}, crypto.Secret{}, fmt.Errorf("an API key cannot be good for %s (at most %s)", life, MaxAPIKeyLife)
	}
	if role == tenancy.RoleOwner && scope.Role() != tenancy.RoleOwner {
		return APIKey{}, crypto.Secret{}, fmt.Errorf("make an API key of the role owner as %s: %w", scope.Role(), tenancy.ErrForbidden)
	}
	text, prefix := newAPIKey()
	hash := sha256.Sum256([]byte(text))
	now := time.Now()
	key := APIKey{
		ID: uuid.New(), Name: name, Prefix: prefix, Role: role, CreatedBy: scope.Actor().UserID,
		Created: now, Expires: now.Add(life),
	}
	err := query.New(k.db.For(scope)).AddAPIKey(ctx, scope.Tenant(), key.ID, name, prefix, hash[:], string(role), key.CreatedBy, key.Expires)
	if err != nil {
		return APIKey{}, crypto.Secret{}, fmt.Errorf("make an API key: %w", err)
	}
	return key, crypto.SecretString(text), nil
}

func newAPIKey() (text, prefix string) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz23456789" // 60, without 0 and 1
	secret, shown := make([]byte, 32), make([]byte, 8)
	_, _ = rand.Read(secret) // never fails; the process ends if the system has no randomness
	_, _ = rand.Read(shown)
	for i, b := range shown {
		shown[i] = letters[int(b)%len(letters)] // not even, and no secret
	}
	prefix = "wt_" + string(shown)
	return prefix + "_" + base64.RawURLEncoding.EncodeToString(secret), prefix
}

// Resolve returns the scope that a key stands for, in one round trip. The actor
// is the key: its id, and its visible prefix where a person's address would
// stand. Everything that is wrong with a key is [ErrAPIKey].
//
// A request names its tenant as well: compare it with the scope's, as the
// middleware does.
func (k *APIKeys) Resolve(ctx context.Context, key crypto.Secret, ip netip.Addr, request string) (tenancy.Scope, error) {
	if ip.IsValid() {
		if err := k.limiter.Allow(ctx, "api_key.ip", limitedAddress(ip)); err != nil {
			return tenancy.Scope{}, err
		}
	}
	text := key.Reveal()
	defer clear(text)
	form := apiKeyForm.FindSubmatch(text)
	if form == nil {
		return tenancy.Scope{}, ErrAPIKey
	}
	found, err := bootstrap.KeyByHash(ctx, k.db, sha256.Sum256(text))
	if errors.Is(err, tenancy.ErrNotAdmitted) || err == nil && found.Prefix != string(form[1]) {
		return tenancy.Scope{}, ErrAPIKey
	}
	if err != nil {
		return tenancy.Scope{}, err
	}
	actor := tenancy.Actor{UserID: found.ID, Email: found.Prefix, IP: ip, Request: request}
	return unverified.Scope(k.db, actor, found.Tenant, found.Role)
}

// List returns all keys of the scope's tenant, the newest first, for owners and
// admins.
func (k *APIKeys) List(ctx context.Context, scope tenancy.Scope) ([]APIKey, error) {
	rows, err := query.New(k.db.For(scope)).ListAPIKeys(ctx, scope.Tenant())
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	keys := make([]APIKey, 0, len(rows))
	for _, r := range rows {
		key := APIKey{
			ID: r.ID, Name: r.Name, Prefix: r.Prefix, Role: tenancy.Role(r.Role), CreatedBy: r.CreatedBy,
			Created: r.CreatedAt, Expires: r.ExpiresAt,
		}
		if r.RevokedAt != nil {
			key.Revoked = *r.RevokedAt
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Revoke ends a key at once, for owners and admins. A key that is not there, or
// was revoked before, is [ErrAPIKey].
func (k *APIKeys) Revoke(ctx context.Context, scope tenancy.Scope, id uuid.UUID) error {
	n, err := query.New(k.db.For(scope)).RevokeAPIKey(ctx, scope.Tenant(), id)
	if err != nil {
		return fmt.Errorf("revoke an API key: %w", err)
	}
	if n == 0 {
		return ErrAPIKey
	}
	return nil
}
