package keystore_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/tenancy"
)

func (w *world) reseal(t testing.TB, tenant tenancy.ID) (keystore.Resealed, error) {
	t.Helper()
	return (&keystore.Resealer{DB: w.db, Ring: w.ring, Pause: -1}).Tenant(t.Context(), tenant)
}

func TestResealTouchesOneTenantOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.putDoor(t, w.a, 1, "alpha")
	before := w.putDoor(t, w.b, 1, "beta")
	w.rotate(t, w.a)
	w.rotate(t, w.b)
	done, err := w.reseal(t, w.a)
	require.NoError(t, err)
	require.Equal(t, keystore.Resealed{Resealed: 1}, done)
	var after []byte
	require.NoError(t, w.admin.QueryRow(t.Context(), `select code from app.doors where tenant_id = $1`, w.b).Scan(&after))
	require.Equal(t, before, after)
}

// TestResealLeavesWhatItCannotRead counts broken values and goes on.
func TestResealLeavesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for id := range int64(10) {
		w.putDoor(t, w.a, id, "code")
	}
	_, err := w.admin.Exec(t.Context(), `update app.doors set code = set_byte(code, 60, get_byte(code, 60) # 1) where tenant_id = $1 and id in (3, 9)`, w.a)
	require.NoError(t, err)
	w.rotate(t, w.a)
	done, err := w.reseal(t, w.a)
	require.NoError(t, err)
	require.Equal(t, keystore.Resealed{Resealed: 8, Left: 2, Unreadable: 2}, done)
	done, err = w.reseal(t, w.a)
	require.NoError(t, err)
	require.Equal(t, keystore.Resealed{Left: 2, Unreadable: 2}, done)
	_, err = w.door(t, w.ring, w.a, 3)
	require.ErrorIs(t, err, crypto.ErrOpen)
}

// TestResealDoesNotWait leaves rows that a transaction has locked, without
// waiting for it, and takes them in the next run.
func TestResealDoesNotWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for id := range int64(5) {
		w.putDoor(t, w.a, id, "code")
	}
	w.rotate(t, w.a)
	tx, err := w.admin.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `update app.doors set note = 'busy' where tenant_id = $1 and id = 2`, w.a)
	require.NoError(t, err)
	done, err := w.reseal(t, w.a)
	require.NoError(t, err)
	require.Equal(t, keystore.Resealed{Resealed: 4, Left: 1}, done)
	require.NoError(t, tx.Commit(t.Context()))
	done, err = w.reseal(t, w.a)
	require.NoError(t, err)
	require.Equal(t, keystore.Resealed{Resealed: 1}, done)
}

// TestClausesAlonePinTheTenant runs the statements over registered columns as a
// superuser, whom row-level security does not stop: what keeps them in one
// tenant then is their own clause.
func TestClausesAlonePinTheTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for id := range int64(3) {
		w.putDoor(t, w.a, id, "alpha")
	}
	theirs := w.putDoor(t, w.b, 1, "beta")
	n, err := keystore.CountBatch(t.Context(), w.admin, w.a)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	count, err := keystore.CountByKey(t.Context(), w.admin, w.a)
	require.NoError(t, err)
	require.EqualValues(t, 3, count)
	// The other tenant's row and value, in the name of the first one.
	tag, err := w.admin.Exec(t.Context(), keystore.SwapStatement(), w.a, []int64{1}, [][]byte{theirs}, [][]byte{theirs})
	require.NoError(t, err)
	require.Zero(t, tag.RowsAffected())
	tag, err = w.admin.Exec(t.Context(), keystore.SwapStatement(), w.b, []int64{1}, [][]byte{theirs}, [][]byte{theirs})
	require.NoError(t, err)
	require.EqualValues(t, 1, tag.RowsAffected(), "the control")
}

func TestResealReportsAndStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for id := range int64(25) {
		w.putDoor(t, w.a, id, "code")
	}
	w.rotate(t, w.a)
	ctx, cancel := context.WithCancel(t.Context())
	var seen []keystore.Progress
	r := keystore.Resealer{DB: w.db, Ring: w.ring, BatchSize: 10, Progress: func(p keystore.Progress) {
		if seen = append(seen, p); len(seen) == 2 {
			cancel()
		}
	}}
	done, err := r.Tenant(ctx, w.a)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 20, done.Resealed)
	require.Equal(t, []keystore.Progress{{Tenant: w.a, Column: "app.doors.code", Resealed: 10}, {Tenant: w.a, Column: "app.doors.code", Resealed: 20}}, seen)
	done, err = w.reseal(t, w.a)
	require.NoError(t, err)
	require.Equal(t, 5, done.Resealed, "a stopped run is taken up where it was")
}

func TestResealIsValidated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, r := range map[string]*keystore.Resealer{
		"no database": {Ring: w.ring}, "no ring": {DB: w.db}, "batch": {DB: w.db, Ring: w.ring, BatchSize: -1}, "large batch": {DB: w.db, Ring: w.ring, BatchSize: 10_001},
	} {
		_, err := r.Tenant(t.Context(), w.a)
		require.Error(t, err, name)
	}
	_, err := w.reseal(t, w.a)
	require.ErrorIs(t, err, crypto.ErrNoKey)
	_, err = w.reseal(t, tenancy.NewID())
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
}
