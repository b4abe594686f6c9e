package leaktest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// generated is a schema of n tables in chains of five, each table with a foreign
// key to the one before it, a natural key and columns of several types.
func generated(n int) string {
	var b strings.Builder
	b.WriteString(`create schema gen; grant usage on schema gen to app;
create function gen.tenant() returns uuid language sql stable return nullif(pg_catalog.current_setting('app.tenant_id', true), '')::uuid;
create table gen.tenants (id uuid primary key, name text not null);
`)
	for i := range n {
		parent := ""
		if i%5 > 0 {
			parent = fmt.Sprintf("parent uuid not null, foreign key (tenant_id, parent) references gen.t%d (tenant_id, id),", i-1)
		}
		fmt.Fprintf(&b, `create table gen.t%d (tenant_id uuid not null references gen.tenants (id), id uuid not null default gen_random_uuid(), %s
  code text not null, amount numeric(9, 2) not null check (amount >= 0), on_day date not null, done boolean not null default false,
  primary key (tenant_id, id), unique (tenant_id, code));
alter table gen.t%[1]d enable row level security, force row level security;
create policy tenant on gen.t%[1]d using (tenant_id = (select gen.tenant()));
grant select, insert, update, delete on gen.t%[1]d to app;
`, i, parent)
	}
	return b.String()
}

// queriesOf makes five queries a table.
func queriesOf(n int) []Query {
	var out []Query
	for i := range n {
		table := fmt.Sprintf("gen.t%d", i)
		for k, sql := range []string{
			"select id, code from " + table + " where tenant_id = $1 and id = $2",
			"select id, amount from " + table + " where tenant_id = $1 and code = $2 order by on_day",
			"select count(*) from " + table + " where tenant_id = $1 and amount > $2",
			"update " + table + " set done = true where tenant_id = $1 and id = $2",
			"delete from " + table + " where tenant_id = $1 and code = $2",
		} {
			out = append(out, Query{Name: fmt.Sprintf("Q%d_%d", i, k), File: "generated.sql", SQL: sql})
		}
	}
	return out
}

// BenchmarkAttack is the whole attack, its copy of the database included. What
// it has to show is that the time for a table and its five queries stays the
// same as the schema grows.
//
//	go test ./leaktest -run xxx -bench Attack -benchtime 1x
func BenchmarkAttack(b *testing.B) {
	for _, n := range []int{25, 50, 100, 200} {
		b.Run(fmt.Sprintf("tables=%d", n), func(b *testing.B) {
			d := pgtest.New(b, pgtest.Config{Empty: true})
			role, _ := d.Login(b)
			d.Exec(b, forRole(generated(n), role))
			for b.Loop() {
				report, err := Check(b.Context(), Config{URL: d.AdminURL, AppRole: role, Queries: queriesOf(n)})
				if err != nil {
					b.Fatal(err)
				}
				if report.Tables < n || report.Queries != 5*n {
					b.Fatalf("%d tables and %d queries were attacked", report.Tables, report.Queries)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N*n), "ms/table")
		})
	}
}
