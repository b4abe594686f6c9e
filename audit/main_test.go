package audit_test

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/internal/pooler"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const contacts = `
create schema app;
create table app.contacts (
	tenant_id uuid not null,
	id        bigint not null,
	name      text not null default '',
	visits    int not null default 0,
	rate      numeric,
	tags      text[] not null default '{}',
	iban      text,
	password_hash text,
	avatar    bytea,
	sealed    bytea,
	primary key (tenant_id, id)
);
create table app.calls (
	tenant_id uuid not null,
	id        bigint not null,
	contact   bigint not null,
	primary key (tenant_id, id),
	foreign key (tenant_id, contact) references app.contacts (tenant_id, id) on delete cascade
);
select watertight.audit_columns('app.contacts', 'mask', 'iban');
select watertight.audit_columns('app.contacts', 'omit', 'sealed');
select watertight.protect('app.contacts');
select watertight.protect('app.calls');
`

// world is a database with two tenants: anna works for a, bob for b.
type world struct {
	*pgtest.Database
	db        *tenancy.DB
	refusals  *audit.Refusals
	a, b      tenancy.ID
	anna, bob tenancy.Actor
	key       audit.SigningKey

	// How the handles connect: AppURL and SystemURL or, when the suite runs behind
	// a pooler, through that.
	url, systemURL string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{Database: pgtest.New(t, pgtest.Config{Setup: []string{contacts}}), refusals: &audit.Refusals{}}
	w.url, w.systemURL = w.AppURL, w.SystemURL
	pooler.Route(t, "audit", &w.url, &w.systemURL)
	db, err := tenancy.Open(t.Context(), w.url, tenancy.Config{
		Key: w.Key, Registry: accounts.Registry{}, Version: "v1.2.3", Refused: w.refusals.Record, MaxConns: 16,
		Binding: pooler.Binding(),
	})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w.db = db
	w.refusals.Use(db)
	w.a, w.anna = w.tenant(t, "Alpha", "anna@alpha.example")
	w.b, w.bob = w.tenant(t, "Beta", "bob@beta.example")
	w.key, _, err = audit.NewSigningKey("log.example")
	require.NoError(t, err)
	return w
}

// system opens the cross-tenant pool with the recorder of this package.
func (w *world) system(t testing.TB) *crosstenant.DB {
	t.Helper()
	cfg := crosstenant.Config{Key: w.Key, Version: "v1.2.3", Binding: pooler.Binding()}
	recorder, err := audit.OpenRecorder(t.Context(), w.systemURL, cfg)
	require.NoError(t, err)
	t.Cleanup(recorder.Close)
	cfg.Record = recorder
	sys, err := crosstenant.Open(t.Context(), w.systemURL, cfg)
	require.NoError(t, err)
	t.Cleanup(sys.Close)
	return sys
}

func (w *world) tenant(t testing.TB, name, email string) (tenancy.ID, tenancy.Actor) {
	t.Helper()
	sys, err := crosstenant.Open(t.Context(), w.systemURL, crosstenant.Config{
		Key: w.Key, Version: "v1.2.3", Record: crosstenant.Log(slog.New(slog.DiscardHandler)), Binding: pooler.Binding(),
	})
	require.NoError(t, err)
	defer sys.Close()
	var id tenancy.ID
	var user uuid.UUID
	err = sys.Run(t.Context(), tenancy.Actor{Email: "ops@example"}, "set up the test", func(ctx context.Context, c *crosstenant.Conn) error {
		id, user, err = accounts.CreateTenant(ctx, c, name, accounts.Owner{Email: email})
		return err
	})
	require.NoError(t, err)
	return id, tenancy.Actor{UserID: user, Email: email, IP: netip.MustParseAddr("203.0.113.7"), Request: "req-1"}
}

func (w *world) admit(t testing.TB, a tenancy.Actor, id tenancy.ID) tenancy.Scope {
	t.Helper()
	s, err := w.db.Admit(t.Context(), a, id)
	require.NoError(t, err)
	return s
}

func (w *world) asA(t testing.TB) *tenancy.Conn { t.Helper(); return w.db.For(w.admit(t, w.anna, w.a)) }

func (w *world) asB(t testing.TB) *tenancy.Conn { t.Helper(); return w.db.For(w.admit(t, w.bob, w.b)) }

// events are those of app tables in a tenant's log, oldest first.
func (w *world) events(t testing.TB, c *tenancy.Conn, f audit.Filter) []audit.Event {
	t.Helper()
	var all []audit.Event
	for {
		page, next, err := audit.Events(t.Context(), c, f)
		require.NoError(t, err)
		all = append(all, page...)
		if next == "" {
			break
		}
		f.After = next
	}
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// admin runs a statement as a superuser.
func (w *world) admin(t testing.TB, sql string, args ...any) {
	t.Helper()
	_, err := w.Admin(t).Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// scan reads one value as a superuser.
func scan[T any](t testing.TB, w *world, sql string, args ...any) T {
	t.Helper()
	rows, err := w.Admin(t).Query(t.Context(), sql, args...)
	require.NoError(t, err)
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	require.NoError(t, err)
	return v
}
