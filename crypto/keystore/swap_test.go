package keystore_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/tenancy"
)

func TestAttackBySwapFindsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := keystore.AttackBySwap(t.Context(), w.db, w.ring, w.a, w.b)
	require.ErrorContains(t, err, "no registered column has values of both tenants")
	for id := range int64(3) {
		w.putDoor(t, w.a, id, "alpha")
		w.putDoor(t, w.b, id+2, "beta")
	}
	out, err := keystore.AttackBySwap(t.Context(), w.db, w.ring, w.a, w.b)
	require.NoError(t, err)
	require.Empty(t, out.Opened)
	require.Equal(t, 6*(1+3+2+2), out.Tried)
	_, err = keystore.AttackBySwap(t.Context(), w.db, w.ring, w.a, w.a)
	require.Error(t, err)
	_, err = keystore.AttackBySwap(t.Context(), w.db, w.ring, w.a, tenancy.NewID())
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
}

// unbound is an opener as many systems have it: one key for all, bound to
// less than the place. It opens each value as its owner would, whoever asks.
type unbound struct {
	ring *crypto.Ring
	ref  func(crypto.Ref) crypto.Ref
}

func (u unbound) Open(ctx context.Context, t tenancy.ID, ref crypto.Ref, sealed []byte) (crypto.Secret, error) {
	return u.ring.Open(ctx, t, u.ref(ref), sealed)
}

// TestAttackBySwapFindsUnboundValues plants each missing binding: the attack
// must see it, or it is no attack.
func TestAttackBySwapFindsUnboundValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Values that are sealed for one and the same place.
	place := doorRef(0)
	for _, tenant := range []tenancy.ID{w.a, w.b} {
		for id := range int64(2) {
			sealed, err := w.ring.Seal(t.Context(), tenant, place, crypto.SecretString("code"))
			require.NoError(t, err)
			_, err = w.conn(t, tenant).Exec(t.Context(), `insert into app.doors (tenant_id, id, code) values ($1, $2, $3)`, tenant, id, sealed)
			require.NoError(t, err)
		}
	}
	noRow := unbound{ring: w.ring, ref: func(r crypto.Ref) crypto.Ref { r.Row = place.Row; return r }}
	out, err := keystore.AttackBySwap(t.Context(), w.db, noRow, w.a, w.b)
	require.NoError(t, err)
	require.Contains(t, out.Opened, "a value of app.doors.code opens in another row")
	require.NotContains(t, out.Opened, "a value of app.doors.code opens for another tenant")

	nothing := unbound{ring: w.ring, ref: func(crypto.Ref) crypto.Ref { return place }}
	out, err = keystore.AttackBySwap(t.Context(), w.db, nothing, w.a, w.b)
	require.NoError(t, err)
	require.Contains(t, out.Opened, "a value of app.doors.code opens in another column")
	require.Contains(t, out.Opened, "a value of app.doors.code opens in another table")

	out, err = keystore.AttackBySwap(t.Context(), w.db, everyTenant{w}, w.a, w.b)
	require.NoError(t, err)
	require.Contains(t, out.Opened, "a value of app.doors.code opens for another tenant")
	require.Contains(t, out.Opened, "a value of app.doors.code opens in a row of another tenant")

	_, err = keystore.AttackBySwap(t.Context(), w.db, w.ring, w.a, w.b)
	require.ErrorContains(t, err, "does not open where it belongs", "row 1 was sealed for row 0")
}

// everyTenant opens values of either tenant for either.
type everyTenant struct{ w *world }

func (e everyTenant) Open(ctx context.Context, _ tenancy.ID, _ crypto.Ref, sealed []byte) (crypto.Secret, error) {
	s, err := e.w.ring.Open(ctx, e.w.a, doorRef(0), sealed)
	if err != nil {
		s, err = e.w.ring.Open(ctx, e.w.b, doorRef(0), sealed)
	}
	return s, err
}
