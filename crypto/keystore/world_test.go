package keystore_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// doors is a team's own table with a sealed column and an integer row id.
const doors = `
create schema app;
create table app.doors (
	tenant_id uuid not null,
	id        bigint not null,
	code      bytea,
	note      text not null default '',
	primary key (tenant_id, id)
) with (fillfactor = 60);
select watertight.protect('app.doors');
select watertight.seal_column('app.doors', 'code', 'door');
`

var operator = tenancy.Actor{Email: "ops@example", Kind: tenancy.KindJob}

// world is a database with the tenants a and b, and a ring over its key store.
type world struct {
	*pgtest.Database
	admin *pgxpool.Pool // past row-level security, to see what is really there
	db    *tenancy.DB
	sys   *crosstenant.DB
	kek   *crypto.FileKEK
	path  string // of the key file
	ring  *crypto.Ring
	a, b  tenancy.ID
	user  uuid.UUID // of a
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{Database: pgtest.New(t, pgtest.Config{Setup: []string{doors}})}
	w.admin = w.Admin(t)
	w.path = filepath.Join(t.TempDir(), "kek")
	var err error
	w.kek, err = crypto.CreateKeyFile(w.path)
	require.NoError(t, err)
	w.db, err = tenancy.Open(t.Context(), w.AppURL, tenancy.Config{Key: w.Key, Registry: accounts.Registry{}, Version: "v1"})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	w.sys, err = crosstenant.Open(t.Context(), w.SystemURL, crosstenant.Config{
		Key: w.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	t.Cleanup(w.sys.Close)
	w.ring = w.newRing(t, w.kek)
	w.a, w.user = w.tenant(t, "Alpha", "anna@alpha.example")
	w.b, _ = w.tenant(t, "Beta", "bob@beta.example")
	return w
}

// newRing returns a ring as another process would have it, with its own cache.
func (w *world) newRing(t testing.TB, keks ...crypto.KEK) *crypto.Ring {
	t.Helper()
	store, err := keystore.New(w.db)
	require.NoError(t, err)
	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: keks})
	require.NoError(t, err)
	return ring
}

// run is one cross-tenant transaction.
func (w *world) run(t testing.TB, fn func(context.Context, *crosstenant.Conn) error) error {
	t.Helper()
	return w.sys.Run(t.Context(), operator, "test", fn)
}

func (w *world) tenant(t testing.TB, name, email string) (id tenancy.ID, user uuid.UUID) {
	t.Helper()
	require.NoError(t, w.run(t, func(ctx context.Context, c *crosstenant.Conn) (err error) {
		id, user, err = accounts.CreateTenant(ctx, c, name, accounts.Owner{Email: email})
		return err
	}))
	return id, user
}

func (w *world) rotate(t testing.TB, tenant tenancy.ID) (id uint32) {
	t.Helper()
	require.NoError(t, w.run(t, func(ctx context.Context, c *crosstenant.Conn) (err error) {
		id, err = keystore.Rotate(ctx, c, w.ring, tenant)
		return err
	}))
	w.ring.Forget(tenant)
	return id
}

func (w *world) conn(t testing.TB, tenant tenancy.ID) *tenancy.Conn {
	t.Helper()
	s, err := w.db.AdmitJob(t.Context(), tenant, "test")
	require.NoError(t, err)
	return w.db.For(s)
}

func doorRef(id int64) crypto.Ref {
	return crypto.Ref{Table: "door", Column: "code", Row: crypto.RowInt(id)}
}

// putDoor stores a door with its sealed code.
func (w *world) putDoor(t testing.TB, tenant tenancy.ID, id int64, code string) []byte {
	t.Helper()
	sealed, err := w.ring.Seal(t.Context(), tenant, doorRef(id), crypto.SecretString(code))
	require.NoError(t, err)
	_, err = w.conn(t, tenant).Exec(t.Context(), `insert into app.doors (tenant_id, id, code) values ($1, $2, $3)
		on conflict (tenant_id, id) do update set code = excluded.code`, tenant, id, sealed)
	require.NoError(t, err)
	return sealed
}

// door reads and opens a door's code.
func (w *world) door(t testing.TB, ring *crypto.Ring, tenant tenancy.ID, id int64) (string, error) {
	t.Helper()
	var sealed []byte
	require.NoError(t, w.conn(t, tenant).QueryRow(t.Context(),
		`select code from app.doors where tenant_id = $1 and id = $2`, tenant, id).Scan(&sealed))
	s, err := ring.Open(t.Context(), tenant, doorRef(id), sealed)
	return string(s.Reveal()), err
}
