package lifecycle

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/tenancy"
)

// ringOf is what the application of a database has.
func ringOf(t *testing.T, w *world, keks ...crypto.KEK) *crypto.Ring {
	t.Helper()
	db, err := tenancy.Open(t.Context(), w.AppURL, tenancy.Config{Key: w.Key, Registry: accounts.Registry{}})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	store, err := keystore.New(db)
	require.NoError(t, err)
	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: keks})
	require.NoError(t, err)
	return ring
}

// What is sealed opens after the move to a database with another KEK, for the
// same tenant, table, column and row only; and is lost with the source's keys.
func TestSealedValuesComeAlong(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w, other := newWorld(t), newWorld(t)
	here, err := crypto.CreateKeyFile(filepath.Join(t.TempDir(), "here"))
	require.NoError(t, err)
	there, err := crypto.CreateKeyFile(filepath.Join(t.TempDir(), "there"))
	require.NoError(t, err)
	gamma, _ := w.tenant(t, "Gamma", "gina@gamma.example")
	ring := ringOf(t, w, here)
	ref := crypto.Ref{Table: "calendar_connection", Column: "refresh_token", Row: crypto.RowUUID(uuid.New())}
	sealed, err := ring.Seal(ctx, gamma, ref, crypto.SecretString("the token"))
	require.NoError(t, err)
	bundle, out := w.export(t, gamma)

	// Without the source's KEK the import does not begin to succeed.
	only, err := crypto.NewRing(crypto.RingConfig{Store: nowhere{}, KEKs: []crypto.KEK{there}})
	require.NoError(t, err)
	require.ErrorContains(t, other.importBundle(t, bundle, ImportConfig{Ring: only}), "wrap the tenant's data key")
	both, err := crypto.NewRing(crypto.RingConfig{Store: nowhere{}, KEKs: []crypto.KEK{there, here}})
	require.NoError(t, err)
	require.NoError(t, other.importBundle(t, bundle, ImportConfig{Ring: both, Digest: out.Digest}))

	target := ringOf(t, other, there)
	secret, err := target.Open(ctx, gamma, ref, sealed)
	require.NoError(t, err)
	require.Equal(t, "the token", string(secret.Reveal()))
	ref.Column = "access_token"
	_, err = target.Open(ctx, gamma, ref, sealed)
	require.ErrorIs(t, err, crypto.ErrOpen)
	ref.Column = "refresh_token"

	// Erased at the source: a copy of the value that somebody kept is lost there.
	w.eraseNow(t, gamma)
	_, err = ringOf(t, w, here).Open(ctx, gamma, ref, sealed)
	require.Error(t, err)
}

type nowhere struct{}

func (nowhere) LoadKey(context.Context, tenancy.ID, uint32) (crypto.WrappedKey, error) {
	return crypto.WrappedKey{}, crypto.ErrNoKey
}
func (nowhere) AddFirstKey(context.Context, crypto.WrappedKey) error { return crypto.ErrKeyExists }

// The log of the source verifies inside a bundle, and still after the import,
// as the document that it is kept as; a changed one does not.
func TestTheLogOfTheSourceStillVerifies(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w, other := newWorld(t), newWorld(t)
	_, sealerURL := w.Login(t, "in role watertight_sealer")
	key, _, err := audit.NewSigningKey("log.test")
	require.NoError(t, err)
	sealer, err := audit.OpenSealer(ctx, sealerURL, audit.SealerConfig{Keys: []audit.SigningKey{key}})
	require.NoError(t, err)
	t.Cleanup(sealer.Close)
	w.seal(t, sealer)
	verify := func(bundle []byte) audit.Verdict {
		t.Helper()
		log := entries(t, bundle)["audit/0001.zip"]
		require.NotEmpty(t, log)
		v, err := audit.VerifyBundle(bytes.NewReader([]byte(log)), int64(len(log)), audit.VerifyConfig{Keys: []audit.VerifyingKey{key.Public()}})
		require.NoError(t, err)
		return v
	}
	first, _ := w.export(t, w.alpha)
	v := verify(first)
	require.True(t, v.OK(), v.Problems)
	require.Positive(t, v.Checked)

	require.NoError(t, other.importBundle(t, first, ImportConfig{}))
	second, _ := other.export(t, w.alpha)
	again := verify(second)
	require.True(t, again.OK(), again.Problems)
	require.Equal(t, v.Root, again.Root)

	// With a key of somebody else it does not.
	stranger, _, err := audit.NewSigningKey("log.test")
	require.NoError(t, err)
	log := entries(t, second)["audit/0001.zip"]
	bad, err := audit.VerifyBundle(bytes.NewReader([]byte(log)), int64(len(log)), audit.VerifyConfig{Keys: []audit.VerifyingKey{stranger.Public()}})
	require.NoError(t, err)
	require.False(t, bad.OK())
}
