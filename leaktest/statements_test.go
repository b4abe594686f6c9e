package leaktest

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// verdicts are those of the attacks on one table; a leak outweighs the rest.
func verdicts(r Report, table string) map[string]Verdict {
	out := map[string]Verdict{}
	for _, c := range r.Cells {
		if c.Object == table && out[c.Attack] != Leaked {
			out[c.Attack] = c.Verdict
		}
	}
	return out
}

// TestEveryStatementIsAttacked opens one table by one statement at a time: the
// attack by that statement must come through, and with the table as it was each
// must be held, after its control.
func TestEveryStatementIsAttacked(t *testing.T) {
	t.Parallel()
	setup, err := os.ReadFile("testdata/leaks/shop.sql")
	if err != nil {
		t.Fatal(err)
	}
	lab := newLaboratory(t, Config{}, string(setup))
	const open = `alter table shop.notes disable row level security;`
	for attack, sql := range map[string]string{
		"select":    `create policy x on shop.notes for select using (true)`,
		"cursor":    `create policy x on shop.notes for select using (true)`,
		"copy to":   `create policy x on shop.notes for select using (true)`,
		"lock":      `create policy x on shop.notes for select using (true); create policy y on shop.notes for update using (true) with check (false)`,
		"insert":    `create policy x on shop.notes for insert with check (true)`,
		"copy from": open, // where row-level security applies, Postgres refuses COPY FROM
		"update":    `create policy x on shop.notes for update using (true)`,
		"returning": `create policy x on shop.notes using (true)`,
		"delete":    `create policy x on shop.notes for delete using (true)`,
		"merge":     open,
		"upsert":    open + `alter table shop.notes drop constraint notes_pkey, add primary key (id)`,
		"truncate":  `grant truncate on shop.notes to app`,
		"move":      `grant update on shop.notes to app; create policy x on shop.notes for update using (tenant_id = (select shop.tenant())) with check (true)`,
		"prepared": `create function shop.fixed() returns uuid language sql immutable as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;
			alter policy tenant on shop.notes using (tenant_id = shop.fixed())`,
		"foreign key orders_customer_id_fkey": `alter table shop.customers add unique (id); alter table shop.orders drop constraint orders_tenant_id_customer_id_fkey,
			add foreign key (customer_id) references shop.customers (id)`,
		"unique key notes_body_idx": `delete from shop.notes where tenant_id::text like 'c3ab%'; create unique index on shop.notes (body)`,
	} {
		t.Run(attack, func(t *testing.T) {
			table := "shop.notes"
			if strings.HasPrefix(attack, "foreign key") {
				table = "shop.orders"
			}
			got := verdicts(lab.attack(t.Context(), t, plantedCase{name: attack, sql: sql, table: table}), table)
			if got[attack] != Leaked {
				t.Errorf("opened for %s, the attack is %q; all: %v", attack, got[attack], got)
			}
			got = verdicts(lab.attack(t.Context(), t, plantedCase{name: "as it stands", sql: "select 1", table: table}), table)
			if v, ok := got[attack]; v != Held && (ok || !strings.Contains(attack, "_")) {
				t.Errorf("as it stands, the attack by %s is %q; made: %v", attack, v, slices.Sorted(maps.Keys(got)))
			}
		})
	}
}

// byLock keeps the tenant in a lock of the session, which no end of a
// transaction releases.
const byLock = `
create schema shop; grant usage on schema shop to app;
create function shop.tenant() returns int language sql stable as $$
  select objid::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() order by 1 limit 1 $$;
create table shop.tenants (id int primary key);
create table shop.notes (tenant_id int not null references shop.tenants (id), id int not null, body text not null, primary key (tenant_id, id));
alter table shop.notes enable row level security, force row level security;
create policy tenant on shop.notes using (tenant_id = (select shop.tenant()));
grant select, insert, update, delete on shop.notes to app;`

// TestResidueIsFound looks at a connection after a tenant's transaction, however
// it ended.
func TestResidueIsFound(t *testing.T) {
	t.Parallel()
	find := func(t *testing.T, cfg Config, table string) map[string]Verdict {
		t.Helper()
		report, err := Check(t.Context(), cfg)
		if early(err) != nil {
			t.Fatal(err)
		}
		return verdicts(report, table)
	}
	t.Run("set for the session", func(t *testing.T) {
		t.Parallel()
		cfg := shop(t, "select 1")
		cfg.Enter = "select set_config('app.tenant_id', $1, false)"
		got := find(t, cfg, "shop.notes")
		if got["pool reuse"] != Leaked || got["after rollback"] != Held || got["after an error"] != Held {
			t.Errorf("%v: a setting of the session outlives a commit, and no rollback", got)
		}
	})
	t.Run("set for the transaction", func(t *testing.T) {
		t.Parallel()
		got := find(t, shop(t, "select 1"), "shop.notes")
		for _, e := range endings {
			if got[e.attack] != Held {
				t.Errorf("%s: %q", e.attack, got[e.attack])
			}
		}
	})
	t.Run("kept outside the transaction", func(t *testing.T) {
		t.Parallel()
		d := pgtest.New(t, pgtest.Config{Empty: true})
		role, _ := d.Login(t)
		d.Exec(t, forRole(byLock, role))
		got := find(t, Config{URL: d.AdminURL, AppRole: role, Jobs: 1, TenantColumns: []string{"tenant_id"}, Enter: "select pg_advisory_lock_shared($1::bigint)"}, "shop.notes")
		for _, e := range endings {
			if got[e.attack] != Leaked {
				t.Errorf("%s: %q; all: %v", e.attack, got[e.attack], got)
			}
		}
	})
}
