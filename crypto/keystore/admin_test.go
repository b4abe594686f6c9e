package keystore_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// age moves a retirement into the past.
func (w *world) age(t testing.TB, by time.Duration) {
	t.Helper()
	_, err := w.admin.Exec(t.Context(), `update watertight.tenant_keys set retired_at = retired_at - make_interval(secs => $1) where state = 'decrypt_only'`, by.Seconds())
	require.NoError(t, err)
}

func (w *world) retire(t testing.TB, tenant tenancy.ID) (out []keystore.Retired) {
	t.Helper()
	require.NoError(t, w.run(t, func(ctx context.Context, c *crosstenant.Conn) (err error) {
		out, err = keystore.Retire(ctx, c, tenant, keystore.RetireAfter)
		return err
	}))
	return out
}

// TestRotateResealRetire is the whole life of a data key.
func TestRotateResealRetire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for id := range int64(30) {
		w.putDoor(t, w.a, id, "code")
	}
	other := w.newRing(t, w.kek) // another process, which remembers the old key as active
	_, err := other.Seal(t.Context(), w.a, doorRef(1), crypto.SecretString("x"))
	require.NoError(t, err)

	require.EqualValues(t, 2, w.rotate(t, w.a))
	got, err := w.door(t, w.ring, w.a, 1)
	require.NoError(t, err)
	require.Equal(t, "code", got, "the old key still opens")

	late, err := other.Seal(t.Context(), w.a, doorRef(1), crypto.SecretString("late"))
	require.NoError(t, err)
	id, _ := crypto.KeyID(late)
	require.EqualValues(t, 1, id, "a process may seal under the old key for one TTL")

	require.Equal(t, []keystore.Retired{{KeyID: 1, Why: "30 values are still sealed under it (run watertight keys reseal)"}}, w.retire(t, w.a))
	w.age(t, 3*time.Hour)
	require.False(t, w.retire(t, w.a)[0].Destroyed, "30 values would be lost")

	// The ring of the process that still takes the old key for the active one.
	r := keystore.Resealer{DB: w.db, Ring: other, Pause: -1}
	done, err := r.Tenant(t.Context(), w.a)
	require.NoError(t, err)
	require.Equal(t, keystore.Resealed{Resealed: 30}, done)

	w.age(t, -3*time.Hour)
	out := w.retire(t, w.a)
	require.False(t, out[0].Destroyed)
	require.Contains(t, out[0].Why, "less than 2h0m0s ago")
	w.age(t, 2*time.Hour)
	require.Equal(t, []keystore.Retired{{KeyID: 1, Destroyed: true}}, w.retire(t, w.a))
	require.Empty(t, w.retire(t, w.a))

	fresh := w.newRing(t, w.kek)
	got, err = w.door(t, fresh, w.a, 29)
	require.NoError(t, err)
	require.Equal(t, "code", got)
	_, err = fresh.Open(t.Context(), w.a, doorRef(1), late)
	require.ErrorIs(t, err, crypto.ErrOpen, "what was sealed under the retired key is gone")
}

func TestRetireNeedsItsGrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Error(t, w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
		_, err := keystore.Retire(ctx, c, w.a, time.Hour)
		return err
	}))
}

func TestRotateWithoutKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rotate := func() error {
		return w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
			_, err := keystore.Rotate(ctx, c, w.ring, w.a)
			return err
		})
	}
	require.ErrorIs(t, rotate(), crypto.ErrNoKey)
	w.putDoor(t, w.a, 1, "x")
	require.NoError(t, w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
		_, err := keystore.Destroy(ctx, c, w.a)
		return err
	}))
	require.ErrorIs(t, rotate(), crypto.ErrKeyDestroyed)
}

// TestShredding destroys one tenant's keys. Its values are lost, the other
// tenant notices nothing.
func TestShredding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.putDoor(t, w.a, 1, "alpha")
	w.rotate(t, w.a)
	w.putDoor(t, w.a, 2, "alpha")
	w.putDoor(t, w.b, 1, "beta")
	require.NoError(t, w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
		n, err := keystore.Destroy(ctx, c, w.a)
		require.Equal(t, 2, n)
		return err
	}))
	var left int
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from watertight.tenant_keys where tenant_id = $1 and wrapped is not null`, w.a).Scan(&left))
	require.Zero(t, left)

	fresh := w.newRing(t, w.kek)
	for id := range int64(2) {
		_, err := w.door(t, fresh, w.a, id+1)
		require.ErrorIs(t, err, crypto.ErrOpen)
	}
	_, err := fresh.Seal(t.Context(), w.a, doorRef(3), crypto.SecretString("x"))
	require.ErrorIs(t, err, crypto.ErrKeyDestroyed)
	got, err := w.door(t, fresh, w.b, 1)
	require.NoError(t, err)
	require.Equal(t, "beta", got)
	_, err = (&keystore.Resealer{DB: w.db, Ring: fresh}).Tenant(t.Context(), w.a)
	require.ErrorIs(t, err, crypto.ErrKeyDestroyed)

	store, err := keystore.New(w.db)
	require.NoError(t, err)
	_, err = store.LoadKey(t.Context(), w.a, 0)
	require.ErrorIs(t, err, crypto.ErrKeyDestroyed)
	destroyed, err := store.LoadKey(t.Context(), w.a, 1)
	require.NoError(t, err)
	require.Equal(t, crypto.KeyDestroyed, destroyed.State)
	require.Empty(t, destroyed.Wrapped)

	var status []keystore.KeyStatus
	require.NoError(t, w.run(t, func(ctx context.Context, c *crosstenant.Conn) (err error) {
		status, err = keystore.TenantStatus(ctx, c, w.a)
		return err
	}))
	require.Len(t, status, 2)
	require.Equal(t, crypto.KeyDestroyed, status[1].State)
	require.EqualValues(t, 1, status[1].Values, "the lost values are counted")
}

// TestRewrap changes the KEK of all tenants, with a run that stops half-way.
func TestRewrap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.putDoor(t, w.a, 1, "alpha")
	w.rotate(t, w.a)
	w.putDoor(t, w.b, 1, "beta")
	next, err := crypto.CreateKeyFile(filepath.Join(t.TempDir(), "kek2"))
	require.NoError(t, err)
	both := w.newRing(t, next, w.kek)

	_, err = keystore.Rewrap(t.Context(), w.sys, operator, w.newRing(t, next), false)
	require.ErrorIs(t, err, crypto.ErrUnknownKEK, "without the old KEK nothing can be unwrapped")

	n, err := keystore.Rewrap(t.Context(), w.sys, operator, both, false)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	n, err = keystore.Rewrap(t.Context(), w.sys, operator, both, false)
	require.NoError(t, err)
	require.Zero(t, n, "a second run finds nothing to do")
	n, err = keystore.Rewrap(t.Context(), w.sys, operator, both, true)
	require.NoError(t, err)
	require.Equal(t, 3, n, "every key, as for a KMS that renews its own")

	alone := w.newRing(t, next)
	for tenant, want := range map[tenancy.ID]string{w.a: "alpha", w.b: "beta"} {
		got, err := w.door(t, alone, tenant, 1)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err = w.door(t, w.newRing(t, w.kek), w.a, 1)
	require.ErrorIs(t, err, crypto.ErrUnknownKEK)
}

// TestRewrapManyPages has more keys than one batch.
func TestRewrapManyPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const tenants = 450
	_, err := w.admin.Exec(t.Context(), `insert into watertight.tenants (name) select 'T' || n from generate_series(1, $1::int) n`, tenants)
	require.NoError(t, err)
	ids, err := keystore.ActiveTenants(t.Context(), w.db)
	require.NoError(t, err)
	require.Len(t, ids, tenants+2)
	for _, id := range ids {
		k, err := w.ring.NewWrappedKey(t.Context(), id, 1)
		require.NoError(t, err)
		_, err = w.admin.Exec(t.Context(), `insert into watertight.tenant_keys (tenant_id, key_id, kek_id, wrapped) values ($1, 1, $2, $3)`, id, k.KEK, k.Wrapped)
		require.NoError(t, err)
	}
	next, err := crypto.CreateKeyFile(filepath.Join(t.TempDir(), "kek2"))
	require.NoError(t, err)
	n, err := keystore.Rewrap(t.Context(), w.sys, operator, w.newRing(t, next, w.kek), false)
	require.NoError(t, err)
	require.Equal(t, len(ids), n)
	var old int
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from watertight.tenant_keys where kek_id = $1`, w.kek.ID()).Scan(&old))
	require.Zero(t, old)
}

// TestWatch forgets a destroyed key at once, where the TTL would keep it.
func TestWatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sealed := w.putDoor(t, w.a, 1, "alpha")
	ring := w.newRing(t, w.kek)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- keystore.Watch(ctx, w.AppURL, ring, func(err error) { t.Log(err) }) }()
	require.Eventually(t, func() bool {
		var n int
		err := w.admin.QueryRow(t.Context(), `select count(*) from pg_stat_activity where datname = current_database() and query = 'listen watertight_keys' and state = 'idle'`).Scan(&n)
		return err == nil && n == 1
	}, 20*time.Second, 20*time.Millisecond)
	_, err := ring.Open(t.Context(), w.a, doorRef(1), sealed)
	require.NoError(t, err)
	require.NoError(t, w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
		_, err := keystore.Destroy(ctx, c, w.a)
		return err
	}))
	require.Eventually(t, func() bool {
		_, err := ring.Open(t.Context(), w.a, doorRef(1), sealed)
		return errors.Is(err, crypto.ErrOpen)
	}, 20*time.Second, 20*time.Millisecond)

	// A broken connection is made again.
	_, err = w.admin.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query = 'listen watertight_keys'`)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		var n int
		err := w.admin.QueryRow(t.Context(), `select count(*) from pg_stat_activity where datname = current_database() and query = 'listen watertight_keys' and state = 'idle'`).Scan(&n)
		return err == nil && n == 1
	}, 20*time.Second, 20*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)

	require.Error(t, keystore.Watch(t.Context(), w.AppURL, nil, nil))
	require.ErrorIs(t, keystore.Watch(t.Context(), "postgres://app@db.example/x?sslmode=disable", ring, nil), tenancy.ErrPlaintext)
	require.ErrorIs(t, keystore.Watch(t.Context(), "postgres://app@db.example/x?sslmode=prefer", ring, nil), tenancy.ErrPlaintext)
	err = keystore.Watch(t.Context(), "postgres://app:hunter2@%zz/x", ring, nil)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}
