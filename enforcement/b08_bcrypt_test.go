package enforcement

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
)

// B8: sensitive data whose original is not needed, such as passwords, is hashed
// with bcrypt.
func TestB08PasswordsAreHashedWithBcrypt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	ring, err := insecurekeys.NewRing()
	require.NoError(t, err)
	hasher, err := crypto.NewHasher(crypto.HasherConfig{Cost: 10})
	require.NoError(t, err)
	passwords, err := crypto.NewPasswords(ring, hasher)
	require.NoError(t, err)
	anna, bob := o.anna.UserID, o.bob.UserID
	right := crypto.SecretString("correct horse battery staple")

	// What is stored is a bcrypt hash, sealed for this one user.
	stored, err := passwords.Hash(ctx, o.alpha, anna, right)
	require.NoError(t, err)
	require.NotContains(t, string(stored), "horse")
	inside, err := ring.Open(ctx, o.alpha, crypto.Ref{Table: "user", Column: "password_hash", Row: crypto.RowUUID(anna)}, stored)
	require.NoError(t, err)
	require.Regexp(t, `^\$2a\$10\$[./A-Za-z0-9]{53}$`, string(inside.Reveal()))

	// The same password hashed again is another hash: bcrypt salts it.
	again, err := passwords.Hash(ctx, o.alpha, anna, right)
	require.NoError(t, err)
	require.NotEqual(t, stored, again)

	// Wrong passwords and unknown users get the very same answer.
	_, wrong := passwords.Verify(ctx, o.alpha, anna, stored, crypto.SecretString("correct horse battery stapler"))
	_, nobody := passwords.Verify(ctx, o.alpha, uuid.New(), nil, right)
	require.Equal(t, crypto.ErrMismatch, wrong)
	require.Equal(t, crypto.ErrMismatch, nobody)

	// bcrypt reads 72 bytes and would ignore the rest: such a password is
	// refused instead, when it is set and when it is tried.
	long := crypto.SecretString(strings.Repeat("x", 73))
	_, err = passwords.Hash(ctx, o.alpha, anna, long)
	require.ErrorIs(t, err, crypto.ErrPasswordTooLong)
	_, err = passwords.Verify(ctx, o.alpha, anna, stored, long)
	require.ErrorIs(t, err, crypto.ErrMismatch)

	// A hash that is copied into another user's row does not let anybody in.
	_, err = passwords.Verify(ctx, o.alpha, bob, stored, right)
	require.ErrorIs(t, err, crypto.ErrOpen)
	_, err = passwords.Verify(ctx, o.beta, anna, stored, right)
	require.ErrorIs(t, err, crypto.ErrOpen)

	// The control: the right password is recognised.
	_, err = passwords.Verify(ctx, o.alpha, anna, stored, right)
	require.NoError(t, err)
}
