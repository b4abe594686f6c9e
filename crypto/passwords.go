package crypto

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/tenancy"
)

// Passwords keeps users' passwords: hashed with bcrypt, and the hash sealed.
//
// The sealing is what other systems call a pepper: a copy of the database
// alone cannot be attacked with guesses. Unlike a pepper it can be changed
// without the users. And it binds the hash to its user, so that whoever can
// write to the database cannot put the hash of a password of his own into
// somebody else's row.
type Passwords struct {
	ring   *Ring
	hasher *Hasher
}

// NewPasswords returns a Passwords over a key ring and a hasher.
func NewPasswords(ring *Ring, hasher *Hasher) (*Passwords, error) {
	if ring == nil || hasher == nil {
		return nil, errors.New("passwords need a key ring and a hasher (make them with NewRing and NewHasher)")
	}
	return &Passwords{ring, hasher}, nil
}

// passwordRef is where a user's hash belongs. It is part of the stored format.
func passwordRef(user uuid.UUID) Ref {
	return Ref{Table: "user", Column: "password_hash", Row: RowUUID(user)}
}

// Hash returns the sealed hash of a user's password, to be stored as bytea. The
// errors are those of [Hasher.Hash] and [Ring.Seal].
func (p *Passwords) Hash(ctx context.Context, t tenancy.ID, user uuid.UUID, password Secret) ([]byte, error) {
	hash, err := p.hasher.Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	return p.ring.Seal(ctx, t, passwordRef(user), SecretString(hash))
}

// Import seals a bcrypt hash that another program made, without the password.
// A hash that is not of a form that Verify reads is [ErrHashFormat].
func (p *Passwords) Import(ctx context.Context, t tenancy.ID, user uuid.UUID, hash string) ([]byte, error) {
	if _, ok := hashCost(hash); !ok {
		return nil, ErrHashFormat
	}
	return p.ring.Seal(ctx, t, passwordRef(user), SecretString(hash))
}

// Verified is the answer to a right password.
type Verified struct {
	// Rehash says that the stored hash is out of date: cheaper than the
	// configured cost, of a foreign version, or sealed under an old key. Call
	// Hash with the password at hand and store the result where the column
	// still holds the value that was verified.
	Rehash bool
}

// Verify checks a user's password against what Hash or Import returned. For a
// user who does not exist, or has no password, stored is empty and user may be
// the nil UUID; the answer is [ErrMismatch] after the same time as for a wrong
// password.
//
// An error other than ErrMismatch says that the password could not be checked:
// [ErrBusy], [ErrOpen] for a hash that is not this user's, [ErrHashFormat], or
// a key that cannot be fetched. Show the user of a sign-in form the same words
// for all of them but ErrBusy.
func (p *Passwords) Verify(ctx context.Context, t tenancy.ID, user uuid.UUID, stored []byte, password Secret) (Verified, error) {
	hash, err := p.open(ctx, t, user, stored)
	if err != nil && !errors.Is(err, ErrOpen) {
		return Verified{}, fmt.Errorf("verify password: %w", err)
	}
	verifyErr := p.hasher.Verify(ctx, hash, password)
	switch {
	case err != nil && errors.Is(verifyErr, ErrMismatch):
		return Verified{}, err // after the time of a wrong password
	case verifyErr != nil:
		return Verified{}, verifyErr
	}
	old, err := p.ring.NeedsReseal(ctx, t, stored)
	if err != nil {
		return Verified{}, fmt.Errorf("verify password: %w", err)
	}
	return Verified{Rehash: old || p.hasher.NeedsRehash(hash)}, nil
}

// open returns the user's hash, or an empty one after the same work.
func (p *Passwords) open(ctx context.Context, t tenancy.ID, user uuid.UUID, stored []byte) (string, error) {
	if len(stored) != 0 {
		s, err := p.ring.Open(ctx, t, passwordRef(user), stored)
		return string(s.bytes()), err
	}
	// No user: fetch the tenant's key and do one sealing's worth of work, as
	// an opening would.
	nobody := passwordRef(uuid.UUID{15: 1})
	_, err := p.ring.Seal(ctx, t, nobody, SecretString(string(p.hasher.dummies[p.hasher.cost])))
	return "", err
}
