package faults

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const tables = `
create schema app;
create table app.entries (
	tenant_id uuid not null,
	id        bigint not null,
	amount    bigint not null default 0,
	seal      bytea not null,
	primary key (tenant_id, id)
);
select watertight.protect('app.entries');
`

const (
	addEntry = "insert into app.entries (tenant_id, id, seal) values ($1, $2, $3)"
	// What keeps tenants apart here is the database alone: there is no predicate.
	lastEntries = "select tenant_id, id, seal from app.entries order by id desc limit 20"
)

// tenantsOfATest are enough to be mixed up.
const tenantsOfATest = 8

// world is a database with tenants.
type world struct {
	*pgtest.Database
	server  *pgtest.Breakable // nil on the server that tests share
	admin   *pgxpool.Pool     // past row-level security, to see what is really there
	tenants []tenancy.ID
	owners  []uuid.UUID
	seals   *sealer
	lastID  atomic.Int64
	tried   sync.Map // of the rows that were sent: id → tenant
}

// newWorld is for faults that leave the server alone.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{Database: pgtest.New(t, pgtest.Config{Setup: []string{tables}})}
	w.fill(t, tenantsOfATest)
	return w
}

// newBreakableWorld has a server of its own.
func newBreakableWorld(t testing.TB, settings ...string) *world {
	t.Helper()
	w := &world{server: pgtest.NewBreakable(t, pgtest.Config{Settings: settings})}
	w.Database = w.server.NewDatabase(t, pgtest.Config{Setup: []string{tables}})
	w.fill(t, tenantsOfATest)
	return w
}

func (w *world) fill(t testing.TB, tenants int) {
	t.Helper()
	w.seals = newSealer(t)
	w.admin = w.Admin(t)
	sys, err := crosstenant.Open(t.Context(), w.SystemURL, crosstenant.Config{
		Key: w.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	defer sys.Close()
	err = sys.Run(t.Context(), tenancy.Actor{Email: "ops@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) error {
		for i := range tenants {
			id, user, err := accounts.CreateTenant(ctx, c, fmt.Sprintf("tenant %d", i), accounts.Owner{Email: "x@x.example"})
			if err != nil {
				return err
			}
			w.tenants, w.owners = append(w.tenants, id), append(w.owners, user)
			w.seals.tenants = w.tenants
		}
		return nil
	})
	require.NoError(t, err)
}

// client is an application that serves the tenants.
type client struct {
	*world
	db     *tenancy.DB
	scopes []tenancy.Scope
}

// open connects an application to the address, which may lead through a proxy.
func (w *world) open(t testing.TB, address string, change ...func(*tenancy.Config)) *client {
	t.Helper()
	cfg := tenancy.Config{Key: w.Key, Registry: accounts.Registry{}, Version: "v1.2.3", MaxConns: 6}
	for _, c := range change {
		c(&cfg)
	}
	db, err := tenancy.Open(t.Context(), address, cfg)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	c := &client{world: w, db: db}
	for i, id := range w.tenants {
		s, err := unverified.Scope(db, tenancy.Actor{UserID: w.owners[i]}, id, tenancy.RoleOwner)
		require.NoError(t, err)
		c.scopes = append(c.scopes, s)
	}
	return c
}

// try is the id of a row that is about to be sent.
func (w *world) try(tenant tenancy.ID) int64 {
	id := w.lastID.Add(1)
	w.tried.Store(id, tenant)
	return id
}

// add writes a new row through the handle.
func (w *world) add(ctx context.Context, c *tenancy.Conn, id int64) error {
	_, err := c.Exec(ctx, addEntry, c.Tenant(), id, w.seals.of(c.Tenant(), id))
	return err
}

// look reads rows through the handle, without any predicate.
func (w *world) look(ctx context.Context, c *tenancy.Conn) (int, error) {
	rows, err := c.Query(ctx, lastEntries)
	if err != nil {
		return 0, err
	}
	return w.seals.collect(c.Tenant(), rows)
}

// written are the rows in the database, whoever wrote them, with the tenant
// that they belong to by their seal.
func (w *world) written(t testing.TB) map[int64]tenancy.ID {
	t.Helper()
	rows, err := w.admin.Query(t.Context(), "select tenant_id, id, seal from app.entries")
	require.NoError(t, err)
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByPos[entry])
	require.NoError(t, err)
	found := make(map[int64]tenancy.ID, len(entries))
	for _, e := range entries {
		require.NoError(t, w.seals.readable(e.Tenant, []entry{e}), "a row written for another tenant")
		require.NotContains(t, found, e.ID, "a row written twice")
		found[e.ID] = e.Tenant
	}
	return found
}

// withParam adds a parameter to a URL.
func withParam(t testing.TB, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// together is one URL for several servers, of which clients choose.
func together(t testing.TB, addresses ...string) string {
	t.Helper()
	var hosts, ports []string
	for _, a := range addresses {
		u, err := url.Parse(a)
		require.NoError(t, err)
		hosts, ports = append(hosts, u.Query().Get("host")), append(ports, u.Query().Get("port"))
	}
	require.False(t, slices.Contains(hosts, ""), "servers on sockets")
	return withParam(t, withParam(t, addresses[0], "host", strings.Join(hosts, ",")), "port", strings.Join(ports, ","))
}
