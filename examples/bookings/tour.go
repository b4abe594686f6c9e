package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/examples/bookings/platform"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/examples/bookings/store"
	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/tenancy"
)

//go:embed queries/*.sql
var queries embed.FS

// monday is when both customers book.
var monday = time.Date(2030, 1, 7, 9, 0, 0, 0, time.UTC)

// in is where the API has a customer.
func in(c *platform.Customer) string { return "/api/t/" + c.Tenant.String() }

// guide leads through the tour and keeps count: a step whose outcome is not
// what the library promises makes the tour fail.
type guide struct {
	out    io.Writer
	failed int
}

func (g *guide) heading(text string) { fmt.Fprintf(g.out, "\n%s\n", text) }

// step reports one attempt. held says whether the promise held.
func (g *guide) step(attempt string, held bool, outcome string) {
	mark := "ok  "
	if !held {
		mark = "LEAK"
		g.failed++
	}
	fmt.Fprintf(g.out, "  %s  %s\n        → %s\n", mark, attempt, outcome)
}

// tour books for two customers through real HTTP and then tries to reach one
// from the other, at each lock in turn.
func tour(ctx context.Context, p *platform.Platform, base string, out io.Writer) error {
	g := &guide{out: out}
	anna, ben := p.Customers[0], p.Customers[1]
	g.heading("Two customers book through HTTP")
	his, err := g.bookBoth(ctx, base, anna, ben)
	if err != nil {
		return err
	}
	for _, part := range []func(context.Context, *platform.Platform, string, *platform.Customer, *platform.Customer, string) error{
		g.admission, g.types, g.clauses, g.rowSecurity,
	} {
		if err := part(ctx, p, base, anna, ben, his); err != nil {
			return err
		}
	}
	if g.failed > 0 {
		return fmt.Errorf("%d attempts reached another customer's data", g.failed)
	}
	fmt.Fprintf(out, "\nEvery attempt was refused. The same as tests: go test ./...\n")
	return nil
}

// bookBoth returns the id of Ben's appointment, which Anna then goes after.
func (g *guide) bookBoth(ctx context.Context, base string, anna, ben *platform.Customer) (string, error) {
	var his string
	for _, c := range []*platform.Customer{anna, ben} {
		web, err := signIn(ctx, base, c)
		if err != nil {
			return "", err
		}
		status, body, err := web.do(ctx, http.MethodPost, in(c)+"/appointments",
			service.Booking{Room: c.Room, Subject: "Visit at " + c.Name, StartsAt: monday, Minutes: 30})
		if err != nil {
			return "", err
		}
		g.step(c.Email+" books", status == http.StatusCreated, fmt.Sprintf("%d %s", status, body))
		var made struct{ ID string }
		if err := json.Unmarshal([]byte(body), &made); err != nil {
			return "", fmt.Errorf("read the answer to a booking: %w", err)
		}
		his = made.ID
		status, body, err = web.do(ctx, "GET", in(c)+"/appointments?from=2030-01-01T00:00:00Z", nil)
		if err != nil {
			return "", err
		}
		own := strings.Contains(body, c.Name) && strings.Count(body, `"subject"`) == 1
		g.step(c.Email+" lists appointments", status == http.StatusOK && own, fmt.Sprintf("%d, one appointment, their own", status))
	}
	return his, nil
}

// admission: the account is not registered with the other customer.
func (g *guide) admission(ctx context.Context, _ *platform.Platform, base string, anna, ben *platform.Customer, his string) error {
	g.heading("Admission: Anna's account is registered with her customer only")
	web, err := signIn(ctx, base, anna)
	if err != nil {
		return err
	}
	for _, try := range []struct {
		what, method, path string
		want               int
	}{
		{"Anna opens Ben's calendar", "GET", in(ben) + "/appointments", http.StatusForbidden},
		{"Anna reads Ben's appointment by its id, under her own address", "GET", in(anna) + "/appointments/" + his, http.StatusNotFound},
		{"Anna cancels it", "DELETE", in(anna) + "/appointments/" + his, http.StatusNotFound},
		{"Anna asks for a customer that does not exist", "GET", "/api/t/" + tenancy.NewID().String() + "/appointments", http.StatusForbidden},
	} {
		status, body, err := web.do(ctx, try.method, try.path, nil)
		if err != nil {
			return err
		}
		g.step(try.what, status == try.want, fmt.Sprintf("%d %s", status, body))
	}
	return nil
}

// types: the tenant is in the type of every call.
func (g *guide) types(ctx context.Context, p *platform.Platform, _ string, anna, ben *platform.Customer, _ string) error {
	g.heading("Lock 1, the types: a query takes a tenant's handle and a tenant's ID")
	scope, err := p.DB.Admit(ctx, anna.Owner, anna.Tenant)
	if err != nil {
		return err
	}
	_, err = store.New(p.DB.For(scope)).ListAppointments(ctx, ben.Tenant, monday, monday.Add(time.Hour))
	g.step("Ben's ID on Anna's handle", errors.Is(err, tenancy.ErrTenantMismatch), describe(err))
	_, err = store.New(p.DB.For(tenancy.Scope{})).ListAppointments(ctx, ben.Tenant, monday, monday.Add(time.Hour))
	g.step("a scope that nobody was admitted to", errors.Is(err, tenancy.ErrNoTenant), describe(err))
	message, ran := compile(ctx, "testdata/leak/pool.go")
	if ran {
		g.step("a program that runs a query on a pool", strings.Contains(message, "cannot use"), message)
	} else {
		fmt.Fprintf(g.out, "  skip  a program that runs a query on a pool: %s\n", message)
	}
	return nil
}

// clauses: the query alone, on a connection that row-level security does not
// apply to.
func (g *guide) clauses(ctx context.Context, p *platform.Platform, _ string, anna, ben *platform.Customer, his string) error {
	g.heading("Lock 2, the WHERE clauses alone: as a superuser, whom row-level security does not stop")
	conn, err := pgx.Connect(ctx, p.Database.AdminURL)
	if err != nil {
		return errors.New("connect as the administrator: no answer")
	}
	defer conn.Close(context.WithoutCancel(ctx))
	all, err := count(ctx, conn, "select 1 from app.appointments")
	if err != nil {
		return err
	}
	g.step("the table, without a clause, as a control", all == 2, fmt.Sprintf("rows: %d, of both: row-level security is out of the way", all))
	for _, q := range []struct {
		name string
		args []any
		want int
	}{
		{"ListAppointments", []any{anna.Tenant, monday, monday.Add(time.Hour)}, 1},
		{"GetAppointment", []any{anna.Tenant, uuid.MustParse(his)}, 0},
		{"CancelAppointment", []any{anna.Tenant, uuid.MustParse(his)}, 0},
	} {
		sql, err := statement(q.name)
		if err != nil {
			return err
		}
		n, err := count(ctx, conn, sql, q.args...)
		if err != nil {
			return err
		}
		g.step(q.name+" with Anna's tenant", n == q.want, fmt.Sprintf("rows: %d, none of Ben's", n))
	}
	left, err := count(ctx, conn, "select 1 from app.appointments where tenant_id = $1", ben.Tenant)
	if err != nil {
		return err
	}
	g.step("Ben's appointment afterwards", left == 1, "still there")
	return nil
}

// rowSecurity: the database alone, with queries that have no clause.
func (g *guide) rowSecurity(ctx context.Context, p *platform.Platform, _ string, anna, ben *platform.Customer, _ string) error {
	g.heading("Lock 3, the database alone: queries without any clause, and injected SQL")
	scope, err := p.DB.Admit(ctx, anna.Owner, anna.Tenant)
	if err != nil {
		return err
	}
	var subjects string
	err = p.DB.For(scope).QueryRow(ctx, "select string_agg(subject, ', ') from app.appointments").Scan(&subjects)
	if err != nil {
		return err
	}
	g.step("select … from app.appointments, on Anna's handle", subjects == "Visit at "+anna.Name, subjects)
	for _, sql := range []string{
		"select watertight.enter('w1.made-up')::text",
		"select set_config('watertight.context', 'w1.made-up', true)",
		"set role watertight_owner",
		"select 1; commit",
		"insert into app.rooms (tenant_id, name) values ('" + ben.Tenant.String() + "', 'x')",
	} {
		_, err := p.DB.For(scope).Exec(ctx, sql)
		g.step(sql, err != nil, describe(err))
	}
	conn, err := pgx.Connect(ctx, p.Database.AppURL)
	if err != nil {
		return errors.New("connect as the application: no answer")
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = count(ctx, conn, "select 1 from app.appointments")
	g.step("the application's own connection, without a tenant", err != nil, describe(err))
	return nil
}

func describe(err error) string {
	if err == nil {
		return "NOT refused"
	}
	return err.Error()
}

func count(ctx context.Context, conn *pgx.Conn, sql string, args ...any) (int, error) {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return 0, err
	}
	rows.Close()
	return int(rows.CommandTag().RowsAffected()), rows.Err()
}

// statement finds the text of a query by its name, with its parameters as the
// database wants them.
func statement(name string) (string, error) {
	files, err := queries.ReadDir("queries")
	if err != nil {
		return "", err
	}
	for _, f := range files {
		text, err := queries.ReadFile("queries/" + f.Name())
		if err != nil {
			return "", err
		}
		for _, q := range leaktest.ParseQueries(f.Name(), string(text)) {
			if q.Name == name {
				return q.SQL, nil
			}
		}
	}
	return "", fmt.Errorf("no query is named %s", name)
}
