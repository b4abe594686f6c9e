package tenancy_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/internal/pooler"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// notes is a tenant table with everything that attacks need: a natural key, a
// child, a deferred constraint, and columns of the less usual types.
const notes = `
create schema app;
create table app.notes (
	tenant_id uuid not null,
	id        bigint not null,
	body      text not null default '',
	tags      text[] not null default '{}',
	at        timestamptz not null default now(),
	primary key (tenant_id, id),
	unique (tenant_id, body) deferrable initially deferred
);
create table app.replies (
	tenant_id uuid not null,
	id        bigint not null,
	note_id   bigint not null,
	body      text not null default '',
	primary key (tenant_id, id),
	foreign key (tenant_id, note_id) references app.notes (tenant_id, id) deferrable initially deferred
);
create type app.mood as enum ('good', 'bad');
create table app.moods (
	tenant_id uuid not null,
	id        bigint not null,
	mood      app.mood not null,
	doc       jsonb,
	primary key (tenant_id, id)
);
create table app.countries (code text primary key);
insert into app.countries values ('pl'), ('cz');
select watertight.protect('app.notes');
select watertight.protect('app.replies');
select watertight.protect('app.moods');
select watertight.share('app.countries');
`

// world is a database with two tenants, a and b, that each have notes 1 to 3;
// the person anna is registered with a only, bob with b only.
type world struct {
	*pgtest.Database
	db        *tenancy.DB
	admin     *pgxpool.Pool // past row-level security, to see what is really there
	a, b      tenancy.ID
	anna, bob tenancy.Actor

	// How the handles connect: as AppURL and SystemURL say or, when the suite
	// runs behind a pooler, through that.
	url, systemURL string
	binding        tenancy.Binding
}

func newWorld(t testing.TB, change ...func(*tenancy.Config)) *world {
	t.Helper()
	w := &world{Database: pgtest.New(t, pgtest.Config{Setup: []string{notes}}), binding: pooler.Binding()}
	w.url, w.systemURL = w.AppURL, w.SystemURL
	pooler.Route(t, "tenancy", &w.url, &w.systemURL)
	w.admin = w.Admin(t)
	w.db = w.open(t, change...)
	w.a, w.anna = w.tenant(t, "Alpha", "anna@alpha.example")
	w.b, w.bob = w.tenant(t, "Beta", "bob@beta.example")
	for _, who := range []struct {
		t tenancy.ID
		a tenancy.Actor
	}{{w.a, w.anna}, {w.b, w.bob}} {
		c := w.db.For(w.admit(t, who.a, who.t))
		_, err := c.Exec(t.Context(), `insert into app.notes (tenant_id, id, body)
			select $1, n, $2 || n from generate_series(1, 3) n`, who.t, "of "+who.a.Email+" ")
		require.NoError(t, err)
	}
	return w
}

func (w *world) config() tenancy.Config {
	return tenancy.Config{Key: w.Key, Registry: accounts.Registry{}, Version: "v1.2.3", Binding: w.binding}
}

func (w *world) open(t testing.TB, change ...func(*tenancy.Config)) *tenancy.DB {
	t.Helper()
	cfg := w.config()
	for _, c := range change {
		c(&cfg)
	}
	db, err := tenancy.Open(t.Context(), w.url, cfg)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

func (w *world) tenant(t testing.TB, name, email string) (tenancy.ID, tenancy.Actor) {
	t.Helper()
	sys, err := crosstenant.Open(t.Context(), w.systemURL, crosstenant.Config{
		Key: w.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler)), Binding: w.binding,
	})
	require.NoError(t, err)
	defer sys.Close()
	var id tenancy.ID
	var user uuid.UUID
	err = sys.Run(t.Context(), tenancy.Actor{Email: "ops@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) error {
		id, user, err = accounts.CreateTenant(ctx, c, name, accounts.Owner{Email: email})
		return err
	})
	require.NoError(t, err)
	return id, tenancy.Actor{UserID: user, Email: email}
}

func (w *world) admit(t testing.TB, a tenancy.Actor, id tenancy.ID) tenancy.Scope {
	t.Helper()
	s, err := w.db.Admit(t.Context(), a, id)
	require.NoError(t, err)
	return s
}

// asA and asB are handles in the two tenants.
func (w *world) asA(t testing.TB) *tenancy.Conn { return w.db.For(w.admit(t, w.anna, w.a)) }
func (w *world) asB(t testing.TB) *tenancy.Conn { return w.db.For(w.admit(t, w.bob, w.b)) }

// tenantsSeen are the tenants whose notes a handle sees without any predicate.
func tenantsSeen(t testing.TB, ctx context.Context, c *tenancy.Conn) []tenancy.ID {
	t.Helper()
	rows, err := c.Query(ctx, "select distinct tenant_id from app.notes order by 1")
	require.NoError(t, err)
	var seen []tenancy.ID
	for rows.Next() {
		var id tenancy.ID
		require.NoError(t, rows.Scan(&id))
		seen = append(seen, id)
	}
	require.NoError(t, rows.Err())
	return seen
}
