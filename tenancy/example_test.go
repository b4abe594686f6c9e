package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// bookings is a table of the team's own.
const bookings = `
create schema app;
create table app.bookings (
	tenant_id uuid not null,
	id        bigint not null,
	room      text not null,
	primary key (tenant_id, id)
);
select watertight.protect('app.bookings');
insert into app.bookings values
	('aaaaaaaa-0000-4000-8000-000000000001', 1, 'Alpha''s room'),
	('bbbbbbbb-0000-4000-8000-000000000002', 1, 'Beta''s room');`

func openExample() (*pgtest.Example, *tenancy.DB) {
	e := pgtest.ForExample(bookings)
	db, err := tenancy.Open(context.Background(), e.AppURL, tenancy.Config{Key: e.Key, Registry: accounts.Registry{}})
	if err != nil {
		log.Fatal(err)
	}
	return e, db
}

// The usual path: open, admit, query.
func Example() {
	ctx := context.Background()
	e := pgtest.ForExample()
	defer e.Close()
	db, err := tenancy.Open(ctx, e.AppURL, tenancy.Config{
		Key:      e.Key,               // from where secrets are kept
		Registry: accounts.Registry{}, // knows who is registered with which tenant
	})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	// Anna asks for her own tenant, then for another.
	scope, err := db.Admit(ctx, e.Anna, e.Alpha)
	fmt.Println("Alpha:", scope.Role(), err)
	_, err = db.Admit(ctx, e.Anna, e.Beta)
	fmt.Println("Beta: not admitted:", errors.Is(err, tenancy.ErrNotAdmitted))

	users, err := query.New(db.For(scope)).ListUsers(ctx, scope.Tenant())
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range users {
		fmt.Println(u.Email)
	}
	// Output:
	// Alpha: owner <nil>
	// Beta: not admitted: true
	// anna@alpha.example
}

// A query that forgot its WHERE clause shows the tenant's own rows all the same.
func ExampleDB_For() {
	e, db := openExample()
	defer e.Close()
	defer db.Close()
	ctx := context.Background()
	scope, err := db.Admit(ctx, e.Anna, e.Alpha)
	if err != nil {
		log.Fatal(err)
	}
	c := db.For(scope)

	rows, err := c.Query(ctx, "select room from app.bookings")
	if err != nil {
		log.Fatal(err)
	}
	rooms, err := pgx.CollectRows(rows, pgx.RowTo[string])
	fmt.Println(rooms, err)

	// An ID of another tenant among the arguments is refused before it is sent.
	_, err = c.Exec(ctx, "delete from app.bookings where tenant_id = $1", e.Beta)
	fmt.Println(errors.Is(err, tenancy.ErrTenantMismatch))
	// Output:
	// [Alpha's room] <nil>
	// true
}

func ExampleDB_Tx() {
	e, db := openExample()
	defer e.Close()
	defer db.Close()
	ctx := context.Background()
	scope, err := db.Admit(ctx, e.Anna, e.Alpha)
	if err != nil {
		log.Fatal(err)
	}

	full := errors.New("the house is full")
	err = db.Tx(ctx, scope, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, "insert into app.bookings (tenant_id, id, room) values ($1, 2, 'Attic')", c.Tenant())
		if err != nil {
			return err
		}
		return full // rolls back
	})
	fmt.Println(err)

	var n int
	err = db.For(scope).QueryRow(ctx, "select count(*) from app.bookings").Scan(&n)
	fmt.Println(n, err)
	// Output:
	// the house is full
	// 1 <nil>
}

// A job goes through all tenants, in a scope and a transaction for each.
func ExampleDB_EachTenant() {
	e, db := openExample()
	defer e.Close()
	defer db.Close()

	rooms := map[tenancy.ID]string{}
	err := db.EachTenant(context.Background(), "nightly report", func(ctx context.Context, s tenancy.Scope, c *tenancy.Conn) error {
		var room string
		err := c.QueryRow(ctx, "select room from app.bookings where tenant_id = $1", s.Tenant()).Scan(&room)
		rooms[s.Tenant()] = room
		return err
	})
	fmt.Println(rooms[e.Alpha], rooms[e.Beta], err)
	// Output: Alpha's room Beta's room <nil>
}
