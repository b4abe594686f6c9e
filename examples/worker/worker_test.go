package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/examples/worker"
	"github.com/watertight-go/watertight/inspect"
	"github.com/watertight-go/watertight/internal/typecheck"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// A job without a tenant does not compile.
func TestMistakesDoNotCompile(t *testing.T) {
	t.Parallel()
	typecheck.Run(t, "testdata/reject", "testdata/accept")
}

const bookings = `
create schema app;
create table app.bookings (tenant_id uuid not null, id bigint not null, guest text not null, primary key (tenant_id, id));
select watertight.protect('app.bookings');`

// remind is a job: it says which booking, not whose.
type remind struct{ Booking int64 }

func (remind) Kind() string { return "remind" }

// fail is a job whose handler fails, by an error or a panic.
type fail struct{ Panic bool }

func (fail) Kind() string { return "fail" }

// platform is a database with two customers that each have the booking 1.
type platform struct {
	*pgtest.Database
	db       *tenancy.DB
	admin    *pgxpool.Pool
	queueURL string
	queue    *worker.Queue
	reminded chan reminder
	scopes   map[string]tenancy.Scope
}

type reminder struct {
	tenant tenancy.ID
	role   tenancy.Role
	guests []string
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	p := &platform{
		Database: pgtest.New(t, pgtest.Config{Setup: []string{bookings}}),
		reminded: make(chan reminder, 10), scopes: map[string]tenancy.Scope{},
	}
	ctx := t.Context()
	p.admin = p.Admin(t)
	role, address := p.Login(t)
	p.queueURL = address
	require.NoError(t, worker.Migrate(ctx, p.admin, role))
	require.NoError(t, worker.Migrate(ctx, p.admin, role), "as often as one likes")
	var err error
	p.db, err = tenancy.Open(ctx, p.AppURL, tenancy.Config{Key: p.Key, Registry: accounts.Registry{}})
	require.NoError(t, err)
	t.Cleanup(p.db.Close)
	for _, name := range []string{"Alpha", "Beta"} {
		p.scopes[name] = p.customer(t, name)
		_, err := p.db.For(p.scopes[name]).Exec(ctx, "insert into app.bookings (tenant_id, id, guest) values ($1, 1, $2)", p.scopes[name].Tenant(), name+"'s guest")
		require.NoError(t, err)
	}
	workers := worker.NewWorkers(p.db, slog.New(slog.DiscardHandler))
	worker.Handle(workers, p.remind)
	worker.Handle(workers, func(_ context.Context, _ tenancy.Scope, args fail) error {
		if args.Panic {
			panic("Alpha's guest")
		}
		return errors.New("Alpha's guest")
	})
	p.queue, err = worker.Open(ctx, p.queueURL, workers)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, p.queue.Close(ctx))
	})
	return p
}

func (p *platform) customer(t *testing.T, name string) tenancy.Scope {
	t.Helper()
	sys, err := crosstenant.Open(t.Context(), p.SystemURL, crosstenant.Config{Key: p.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer sys.Close()
	var id tenancy.ID
	var owner uuid.UUID
	err = sys.Run(t.Context(), tenancy.Actor{Email: "operator@example"}, "new customer", func(ctx context.Context, c *crosstenant.Conn) error {
		id, owner, err = accounts.CreateTenant(ctx, c, name, accounts.Owner{Email: "owner@" + name + ".example"})
		return err
	})
	require.NoError(t, err)
	scope, err := p.db.Admit(t.Context(), tenancy.Actor{UserID: owner}, id)
	require.NoError(t, err)
	return scope
}

// remind reads without a clause, so that it would see what it should not.
func (p *platform) remind(ctx context.Context, s tenancy.Scope, args remind) error {
	rows, err := p.db.For(s).Query(ctx, "select guest from app.bookings where id = $1", args.Booking)
	if err != nil {
		return err
	}
	guests, err := pgx.CollectRows(rows, pgx.RowTo[string])
	p.reminded <- reminder{s.Tenant(), s.Role(), guests}
	return err
}

func (p *platform) next(t *testing.T) reminder {
	t.Helper()
	select {
	case r := <-p.reminded:
		return r
	case <-time.After(60 * time.Second):
		t.Fatal("no job ran")
		return reminder{}
	}
}

// finished waits for the state of the newest job.
func (p *platform) finished(t *testing.T, where string) (state, errs string) {
	t.Helper()
	require.Eventually(t, func() bool {
		err := p.admin.QueryRow(t.Context(), "select state::text, coalesce(errors::text, '') from queue.river_job where "+where+" order by id desc limit 1").Scan(&state, &errs)
		return err == nil && state != "available" && state != "running"
	}, 60*time.Second, 20*time.Millisecond)
	return state, errs
}

func TestAJobSeesItsOwnTenant(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for _, name := range []string{"Alpha", "Beta"} {
		require.NoError(t, worker.Enqueue(t.Context(), p.queue, p.scopes[name], remind{Booking: 1}))
		require.Equal(t, reminder{p.scopes[name].Tenant(), tenancy.RoleJob, []string{name + "'s guest"}}, p.next(t))
		var n int
		require.NoError(t, p.admin.QueryRow(t.Context(),
			"select count(*) from watertight.audit_event where tenant_id = $1 and action = 'watertight.job' and actor_email = 'remind'", p.scopes[name].Tenant()).Scan(&n))
		require.Equal(t, 1, n, "the tenant's log tells of the job")
	}
	require.ErrorIs(t, worker.Enqueue(t.Context(), p.queue, tenancy.Scope{}, remind{}), tenancy.ErrNoTenant)
}

func TestJobsThatAreNotAdmitted(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	ctx := t.Context()
	_, err := p.admin.Exec(ctx, "update watertight.tenants set status = 'closing' where id = $1", p.scopes["Alpha"].Tenant())
	require.NoError(t, err)
	require.NoError(t, worker.Enqueue(ctx, p.queue, p.scopes["Alpha"], remind{Booking: 1}))
	state, _ := p.finished(t, "true")
	require.Equal(t, "cancelled", state, "its tenant is closed meanwhile")

	// Rows that Enqueue did not write.
	for _, args := range []string{`{"args": {"Booking": 1}}`, `{"tenant": null, "args": {"Booking": 2}}`, `{"tenant": "", "args": {"Booking": 3}}`, `{"tenant": "` + tenancy.NewID().String() + `", "args": {"Booking": 4}}`} {
		var id int64
		require.NoError(t, p.admin.QueryRow(ctx, "insert into queue.river_job (kind, args, max_attempts, state) values ('remind', $1, 1, 'available') returning id", args).Scan(&id))
		state, _ := p.finished(t, "args = '"+args+"'")
		require.Contains(t, []string{"cancelled", "discarded"}, state, args)
	}
	require.NoError(t, worker.Enqueue(ctx, p.queue, p.scopes["Beta"], remind{Booking: 1}))
	require.Equal(t, p.scopes["Beta"].Tenant(), p.next(t).tenant, "the control: and none of the others ran")
	require.Empty(t, p.reminded)
}

// River's tables belong to no tenant: no customer's data gets there.
func TestFailuresSayNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for _, args := range []fail{{}, {Panic: true}} {
		require.NoError(t, worker.Enqueue(t.Context(), p.queue, p.scopes["Alpha"], args))
		state, errs := p.finished(t, "kind = 'fail'")
		require.Equal(t, "retryable", state)
		require.Contains(t, errs, "the job failed")
		require.NotContains(t, errs, "guest")
	}
}

// The two roles share a database and nothing in it.
func TestTheQueueIsApart(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	ctx := t.Context()
	denied := func(pool *pgxpool.Pool, sql string) {
		t.Helper()
		_, err := pool.Exec(ctx, sql)
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, sql)
		require.Equal(t, "42501", pg.Code, sql)
	}
	queue, err := pgxpool.New(ctx, p.queueURL)
	require.NoError(t, err)
	t.Cleanup(queue.Close)
	_, err = queue.Exec(ctx, "select from queue.river_job")
	require.NoError(t, err, "the control: its own tables")
	app := p.App(t)
	for _, sql := range []string{"select from queue.river_job", "insert into queue.river_job (kind, args, max_attempts) values ('remind', '{}', 1)", "delete from queue.river_job", "update queue.river_queue set name = ''"} {
		denied(app, sql)
	}
	for _, sql := range []string{"select from app.bookings", "select from watertight.users", "select watertight.enter('x')", "select from watertight.tenants"} {
		denied(queue, sql)
	}

	conn, err := p.admin.Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	report, err := inspect.Check(ctx, conn.Conn(), inspect.Config{AppRole: "watertight_app", Enter: "select watertight.enter($1)"})
	require.NoError(t, err)
	require.Zero(t, report.Errors(), "%+v", report.Findings)
}
