package inspect

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

var update = flag.Bool("update", false, "write vouched.txt anew")

// The list is that of the functions which the migrations make, in both profiles.
func TestVouchedFunctions(t *testing.T) {
	t.Parallel()
	conn := adminOf(t, pgtest.New(t, pgtest.Config{}))
	var lines []string
	for _, profile := range []string{"plain", "citus"} {
		_, err := conn.Exec(t.Context(), "select watertight.use_profile('"+profile+"')")
		require.NoError(t, err)
		require.NoError(t, pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
			m, err := read(t.Context(), tx, Config{})
			require.NoError(t, err)
			for _, f := range m.cat.Functions {
				if f.Schema == "watertight" && f.Tree == "" {
					caller := "-"
					if m.callable[f.OID] != "" {
						caller = "app"
					}
					lines = append(lines, strings.Join([]string{m.fingerprint(f), caller, f.Name()}, " "))
				}
			}
			return nil
		}))
	}
	require.NotEmpty(t, lines)
	name := func(line string) string { return strings.SplitN(line, " ", 3)[2] + line }
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(name(a), name(b)) })
	want := strings.Join(slices.Compact(lines), "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile("vouched.txt", []byte(want), 0o644))
		return
	}
	require.Equal(t, want, vouchedList, "go test ./inspect -run TestVouchedFunctions -update writes it anew, with the migration that changes a function")
}

const protectedOrders = `create schema shop;
	create table shop.orders (tenant_id uuid not null, id uuid not null default gen_random_uuid(), note text, primary key (tenant_id, id));
	select watertight.protect('shop.orders')`

func adminOf(t *testing.T, d *pgtest.Database) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.AdminURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

// A project is told about itself, not about us; whatever is changed of ours is
// told at once.
func TestOwnFunctionsAreVouchedForUntilChanged(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Config{Setup: []string{protectedOrders}})
	conn := adminOf(t, d)
	found := func() map[string]int {
		report, err := Check(t.Context(), conn, Config{})
		require.NoError(t, err)
		count := map[string]int{}
		for _, f := range report.Findings {
			count[fmt.Sprintf("%s %s", f.Rule, f.Object)]++
		}
		return count
	}
	before := found()
	for finding := range before {
		require.NotContains(t, finding, "shop.orders", "a table that is protected as it should be")
		require.NotContains(t, finding, "tenant_isolation on")
		require.NotContains(t, finding, "()")
	}
	require.LessOrEqual(t, len(before), 2, "%v", before)

	for name, change := range map[string]struct{ sql, undo, finding string }{
		"the function that decides": {
			`do $do$ begin execute replace(pg_get_functiondef('watertight.tenant()'::regprocedure), 'return part[3]', 'perform 1; return part[3]'); end $do$`,
			`do $do$ begin execute replace(pg_get_functiondef('watertight.tenant()'::regprocedure), 'perform 1; return part[3]', 'return part[3]'); end $do$`,
			"WTI032 watertight.tenant()",
		},
		"its owner": {
			"alter function watertight.tenant() owner to watertight_owner",
			"alter function watertight.tenant() owner to watertight_context",
			"WTI032 watertight.tenant()",
		},
		"who may call one": {
			"grant execute on function watertight.audit_row(text, uuid, text, text, text) to watertight_app",
			"revoke execute on function watertight.audit_row(text, uuid, text, text, text) from watertight_app",
			"WTI084 watertight_audit on shop.orders",
		},
		"who may add keys": {
			"grant execute on function watertight.add_context_key(text, bytea, timestamptz) to watertight_app",
			"revoke execute on function watertight.add_context_key(text, bytea, timestamptz) from watertight_app",
			"WTI035 watertight.add_context_key(text, bytea, timestamp with time zone)",
		},
		"who may write the keys": {
			"grant insert on watertight.context_key to watertight_app",
			"revoke insert on watertight.context_key from watertight_app",
			"WTI026 watertight.context_key",
		},
	} {
		_, err := conn.Exec(t.Context(), change.sql)
		require.NoError(t, err)
		require.Contains(t, found(), change.finding, name)
		_, err = conn.Exec(t.Context(), change.undo)
		require.NoError(t, err)
		require.Equal(t, before, found(), name)
	}
}
