package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/schema"
)

// tables are what the scripts find in their database: one table that can be
// protected, and one whose tenant has another name.
const tables = `
create table public.bookings (tenant_id uuid not null, id uuid not null, subject text, primary key (tenant_id, id));
create table public.orders (account_id uuid not null, id uuid not null, total int, primary key (account_id, id));`

// TestDatabaseScripts runs testdata/database/*.txtar, each with a database of
// its own at $URL, as the administrator of a server.
func TestDatabaseScripts(t *testing.T) {
	t.Parallel()
	server := serve(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "database"),
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"code": expectCode},
		Condition:           sqlcCondition(t),
		Setup: func(e *testscript.Env) error {
			setSqlc(t, e)
			ctx := context.Background()
			db, err := server.CreateDatabase(ctx, "", pgtest.Config{Empty: true})
			if err != nil {
				return err
			}
			e.Defer(func() { _ = db.Drop(ctx) }) // the server ends with the test
			e.Setenv("URL", db.AdminURL)
			conn, err := pgx.Connect(ctx, db.AdminURL)
			if err != nil {
				return err
			}
			_, err = conn.Exec(ctx, tables)
			return errors.Join(err, conn.Close(ctx))
		},
	})
}

func TestPrintLimitations(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	printLimitations(&b, nil)
	if b.Len() != 0 {
		t.Errorf("nothing was left out, and yet: %s", &b)
	}
	printLimitations(&b, []schema.Limitation{{ID: "event-trigger", What: "run x", Consequence: "new tables are open"}})
	want := "\nThis role was not allowed to do everything. What is left for a superuser:\n\n  event-trigger: run x\n    until then: new tables are open\n"
	if b.String() != want {
		t.Errorf("%q, want %q", &b, want)
	}
}
