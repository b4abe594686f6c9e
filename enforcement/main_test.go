package enforcement

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// office is a database with two customers. Anna works for Alpha and Bob for
// Beta; each customer has one document, with the id 1.
type office struct {
	*pgtest.Database
	db          *tenancy.DB
	alpha, beta tenancy.ID
	anna, bob   tenancy.Actor
}

const documents = `
create schema app;
create table app.documents (
	tenant_id uuid not null,
	id        bigint not null,
	title     text not null,
	primary key (tenant_id, id)
);
select watertight.protect('app.documents');`

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{Database: pgtest.New(t, pgtest.Config{Setup: []string{documents}})}
	var err error
	o.db, err = tenancy.Open(t.Context(), o.AppURL, tenancy.Config{Key: o.Key, Registry: accounts.Registry{}})
	require.NoError(t, err)
	t.Cleanup(o.db.Close)
	o.alpha, o.anna = o.customer(t, "Alpha", "anna@alpha.example")
	o.beta, o.bob = o.customer(t, "Beta", "bob@beta.example")
	o.write(t, o.asAnna(t), o.alpha, "Alpha's secret")
	o.write(t, o.asBob(t), o.beta, "Beta's secret")
	return o
}

func (o *office) customer(t *testing.T, name, email string) (id tenancy.ID, owner tenancy.Actor) {
	t.Helper()
	system, err := crosstenant.Open(t.Context(), o.SystemURL, crosstenant.Config{Key: o.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer system.Close()
	var user uuid.UUID
	err = system.Run(t.Context(), tenancy.Actor{Email: "operator@example"}, "new customer", func(ctx context.Context, c *crosstenant.Conn) error {
		id, user, err = accounts.CreateTenant(ctx, c, name, accounts.Owner{Email: email})
		return err
	})
	require.NoError(t, err)
	return id, tenancy.Actor{UserID: user, Email: email}
}

func (o *office) write(t *testing.T, c *tenancy.Conn, tenant tenancy.ID, title string) {
	t.Helper()
	_, err := c.Exec(t.Context(), "insert into app.documents (tenant_id, id, title) values ($1, 1, $2)", tenant, title)
	require.NoError(t, err)
}

func (o *office) asAnna(t *testing.T) *tenancy.Conn { return o.in(t, o.anna, o.alpha) }
func (o *office) asBob(t *testing.T) *tenancy.Conn  { return o.in(t, o.bob, o.beta) }

func (o *office) in(t *testing.T, who tenancy.Actor, tenant tenancy.ID) *tenancy.Conn {
	t.Helper()
	scope, err := o.db.Admit(t.Context(), who, tenant)
	require.NoError(t, err)
	return o.db.For(scope)
}

// titles are the documents that a query shows.
func titles(t *testing.T, c *tenancy.Conn, sql string, args ...any) []string {
	t.Helper()
	rows, err := c.Query(t.Context(), sql, args...)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return list
}

// requireDenied wants PostgreSQL's own refusal, SQLSTATE 42501. Another error
// would mean that the attempt was never made.
func requireDenied(t *testing.T, err error) {
	t.Helper()
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "42501", pg.Code, pg.Message)
}
