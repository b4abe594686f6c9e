package keystore_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func TestMain(m *testing.M) {
	if runAsResealer() {
		return
	}
	pgtest.Main(m)
}

func requireCode(t testing.TB, err error, code string) {
	t.Helper()
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, code, pg.Code, pg.Message)
}

func TestKeysLiveInTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.putDoor(t, w.a, 1, "1234")
	got, err := w.door(t, w.newRing(t, w.kek), w.a, 1)
	require.NoError(t, err)
	require.Equal(t, "1234", got)

	var wrapped []byte
	var kek, state string
	require.NoError(t, w.admin.QueryRow(t.Context(), `select wrapped, kek_id, state from watertight.tenant_keys where tenant_id = $1`, w.a).Scan(&wrapped, &kek, &state))
	require.Equal(t, w.kek.ID(), kek)
	require.Equal(t, "active", state)
	require.Len(t, wrapped, 32+65)
	var keys int
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from watertight.tenant_keys`).Scan(&keys))
	require.Equal(t, 1, keys, "the other tenant sealed nothing and has no key")
}

// TestFirstKeyOnce lets many processes seal a new tenant's first value at once.
func TestFirstKeyOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rings := make([]*crypto.Ring, 8)
	for i := range rings {
		rings[i] = w.newRing(t, w.kek)
	}
	sealed := make([][]byte, len(rings))
	var wg sync.WaitGroup
	for i, ring := range rings {
		wg.Go(func() {
			var err error
			if sealed[i], err = ring.Seal(t.Context(), w.a, doorRef(1), crypto.SecretString("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range sealed {
		_, err := w.ring.Open(t.Context(), w.a, doorRef(1), s)
		require.NoError(t, err)
	}
	var keys int
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from watertight.tenant_keys`).Scan(&keys))
	require.Equal(t, 1, keys)
}

// TestCiphertextSwap copies sealed values between rows and tenants in the
// database itself, past row-level security. None opens where it was put.
func TestCiphertextSwap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.putDoor(t, w.a, 1, "alpha one")
	w.putDoor(t, w.a, 2, "alpha two")
	w.putDoor(t, w.b, 1, "beta one")
	w.putDoor(t, w.b, 9, "beta nine")
	got, err := w.door(t, w.ring, w.b, 1)
	require.NoError(t, err)
	require.Equal(t, "beta one", got, "its own value opens: the refusals below are about something")

	for _, swap := range []string{
		`update app.doors d set code = s.code from app.doors s where d.tenant_id = $2 and d.id = 1 and s.tenant_id = $1 and s.id = 1`, // same row id, other tenant
		`update app.doors d set code = s.code from app.doors s where d.tenant_id = $2 and d.id = 1 and s.tenant_id = $1 and s.id = 2`,
		`update app.doors d set code = s.code from app.doors s where d.tenant_id = $2 and d.id = 1 and s.tenant_id = $2 and s.id = 9 and $1::uuid is not null`,
	} {
		_, err := w.admin.Exec(t.Context(), swap, w.a, w.b)
		require.NoError(t, err)
		_, err = w.door(t, w.ring, w.b, 1)
		require.ErrorIs(t, err, crypto.ErrOpen)
	}
	// A row that is moved to another tenant with its key, as far as a database
	// superuser can take it.
	_, err = w.admin.Exec(t.Context(), `update watertight.tenant_keys k set wrapped = s.wrapped from watertight.tenant_keys s where k.tenant_id = $2 and s.tenant_id = $1`, w.a, w.b)
	require.NoError(t, err)
	w.ring.Clear()
	_, err = w.door(t, w.ring, w.b, 1)
	require.Error(t, err, "a data key of one tenant unwrapped for another")
}

// TestKeysOfOthersAreHidden is lock 3 on the key table.
func TestKeysOfOthersAreHidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.putDoor(t, w.a, 1, "x")
	w.putDoor(t, w.b, 1, "x")
	var own, all int
	c := w.conn(t, w.a)
	require.NoError(t, c.QueryRow(t.Context(), `select count(*) filter (where tenant_id = $1), count(*) from watertight.tenant_keys`, w.a).Scan(&own, &all))
	require.Equal(t, 1, own)
	require.Equal(t, 1, all)
	store, err := keystore.New(w.db)
	require.NoError(t, err)
	_, err = store.LoadKey(t.Context(), tenancy.NewID(), 0)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	_, err = store.LoadKey(t.Context(), w.a, 2)
	require.ErrorIs(t, err, crypto.ErrNoKey)
	_, err = store.LoadKey(t.Context(), w.a, 1<<31)
	require.ErrorIs(t, err, crypto.ErrNoKey)
}

// TestApplicationCannotHarmKeys is what a statement injected into the
// application may do to the keys of its own tenant.
func TestApplicationCannotHarmKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.putDoor(t, w.a, 1, "x")
	c := w.conn(t, w.a)
	for _, sql := range []string{
		`update watertight.tenant_keys set wrapped = null, state = 'destroyed' where tenant_id = $1`,
		`update watertight.tenant_keys set state = 'decrypt_only' where tenant_id = $1`,
		`update watertight.tenant_keys set kek_id = 'x' where tenant_id = $1`,
		`delete from watertight.tenant_keys where tenant_id = $1`,
		`insert into watertight.tenant_keys (tenant_id, key_id, kek_id, state, destroyed_at, retired_at) values ($1, 2, 'x', 'destroyed', now(), now())`,
		`insert into watertight.sealed_columns values ('app.doors', 'note', 'tenant_id', 'id', 'bigint', 'x', $1::text)`,
	} {
		_, err := c.Exec(t.Context(), sql, w.a)
		requireCode(t, err, "42501")
	}
	_, err := c.Exec(t.Context(), `insert into watertight.tenant_keys (tenant_id, key_id, kek_id, wrapped) values ($1, 2, 'x', $2)`, w.a, make([]byte, 97))
	requireCode(t, err, "23505") // one active key
	_, err = c.Exec(t.Context(), `insert into watertight.tenant_keys (tenant_id, key_id, kek_id, wrapped) values ($1, 7, 'x', $2)`, w.a, make([]byte, 97))
	requireCode(t, err, "23514") // no number may be left out
}

// TestKeyStatesGoOneWay is for whoever may write: the operator's role.
func TestKeyStatesGoOneWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.putDoor(t, w.a, 1, "x")
	w.rotate(t, w.a)
	try := func(sql string, args ...any) error {
		return w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
			_, err := c.Exec(ctx, sql, args...)
			return err
		})
	}
	requireCode(t, try(`update watertight.tenant_keys set state = 'active', retired_at = null where tenant_id = $1 and key_id = 1`, w.a), "23514")
	requireCode(t, try(`delete from watertight.tenant_keys where tenant_id = $1 and key_id = 1`, w.a), "42501")
	requireCode(t, try(`update watertight.tenant_keys set wrapped = null where tenant_id = $1 and key_id = 1`, w.a), "23514")
	require.NoError(t, w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
		n, err := keystore.Destroy(ctx, c, w.a)
		require.Equal(t, 2, n)
		return err
	}))
	// Without the row of a destroyed key the number would be free for another.
	_, err := w.conn(t, w.a).Exec(t.Context(), `delete from watertight.tenant_keys where tenant_id = $1`, w.a)
	requireCode(t, err, "42501")
	requireCode(t, try(`update watertight.tenant_keys set state = 'decrypt_only', wrapped = $2, destroyed_at = null where tenant_id = $1 and key_id = 1`, w.a, make([]byte, 97)), "42501")
	requireCode(t, try(`insert into watertight.tenant_keys (tenant_id, key_id, kek_id, wrapped) values ($1, 3, 'x', $2)`, w.a, make([]byte, 97)), "42501")
	require.NoError(t, try(`delete from watertight.tenant_keys where tenant_id = $1`, w.a)) // for the tenant's removal
}

func TestNewNeedsADatabase(t *testing.T) {
	t.Parallel()
	_, err := keystore.New(nil)
	require.Error(t, err)
	w := newWorld(t)
	store, err := keystore.New(w.db)
	require.NoError(t, err)
	require.Error(t, store.AddFirstKey(t.Context(), crypto.WrappedKey{Tenant: w.a, ID: 2}))
}

// TestSuspendedTenant: keys of a tenant that is not active are not fetched, and
// the error says so instead of claiming that the value is broken.
func TestSuspendedTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sealed := w.putDoor(t, w.a, 1, "x")
	require.NoError(t, w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
		return accounts.SetTenantStatus(ctx, c, w.a, "suspended")
	}))
	w.ring.Clear()
	_, err := w.ring.Open(t.Context(), w.a, doorRef(1), sealed)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	require.False(t, errors.Is(err, crypto.ErrOpen))
}
