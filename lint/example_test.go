package lint_test

import (
	"fmt"
	"log"

	"github.com/watertight-go/watertight/lint"
)

// Each occurrence of a tenant table is asked, not each statement.
func Example() {
	schema, err := lint.ParseSchema("schema.sql", `
		create table customers (tenant_id uuid not null, id uuid not null, name text, primary key (tenant_id, id));
		create table bookings (tenant_id uuid not null, id uuid not null, customer_id uuid, primary key (tenant_id, id));`)
	if err != nil {
		log.Fatal(err)
	}
	report, err := lint.Check(schema, []lint.File{{Name: "bookings.sql", SQL: `
-- name: ListBookings :many
select b.id, c.name
from bookings b
join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id
where b.tenant_id = $1;

-- name: ListBookingsOfAll :many
select b.id, c.name
from bookings b
join customers c on c.id = b.customer_id
where b.tenant_id = $1;`}}, lint.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Proved, "of", report.Queries, "proved")
	for _, f := range report.Findings {
		fmt.Printf("%s:%d: %s in %s: %s\n", f.File, f.Line, f.Rule, f.Query, f.Fix)
	}
	// Output:
	// 1 of 2 proved
	// bookings.sql:11: WTL001 in ListBookingsOfAll: AND c.tenant_id = $1
}
