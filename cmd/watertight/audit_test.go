package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// auditSetup makes one tenant with a table, and a role for each duty.
const auditSetup = `
create schema app;
create table app.contacts (tenant_id uuid not null, id bigint not null, name text, primary key (tenant_id, id));
select watertight.protect('app.contacts');
insert into watertight.tenants (id, name) values ('11111111-1111-4111-8111-111111111111', 'Alpha');
insert into app.contacts select '11111111-1111-4111-8111-111111111111', n, 'contact ' || n from generate_series(1, 5) n;`

// TestAuditScripts runs testdata/audit/*.txtar, each with a database of its own:
// $SEALER_URL and $PRIVACY_URL are of the log's roles, $ADMIN_URL of a
// superuser. Beside the usual commands a script may say
//
//	sql STATEMENT   as the superuser, with the triggers switched off
func TestAuditScripts(t *testing.T) {
	t.Parallel()
	server := serve(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "audit"),
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": expectCode,
			"sql": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(adminSQL(ts.Getenv("ADMIN_URL"), args[0]))
			},
		},
		Setup: func(e *testscript.Env) error {
			ctx := context.Background()
			db, err := server.CreateDatabase(ctx, "", pgtest.Config{Setup: []string{auditSetup}})
			if err != nil {
				return err
			}
			e.Defer(func() { _ = db.Drop(ctx) })
			e.Setenv("ADMIN_URL", db.AdminURL)
			// URLs with options=-c role=… would do for one login; the roles of
			// the log cannot log in themselves.
			for name, role := range map[string]string{"SEALER_URL": "watertight_sealer", "PRIVACY_URL": "watertight_privacy"} {
				_, url := db.Login(t, "in role "+role)
				e.Setenv(name, url)
			}
			e.Setenv("TENANT", "11111111-1111-4111-8111-111111111111")
			return nil
		},
	})
}

func adminSQL(url, sql string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, "set session_replication_role = replica; alter table watertight.audit_event disable trigger all; "+sql).ReadAll()
	return err
}
