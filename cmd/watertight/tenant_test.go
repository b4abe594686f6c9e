package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// TestTenantScripts runs testdata/tenant/*.txtar, each with a database of its
// own: $LIFECYCLE_URL and $SYSTEM_URL are of the roles, $ADMIN_URL of a superuser.
func TestTenantScripts(t *testing.T) {
	t.Parallel()
	server := serve(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "tenant"),
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
			_, url := db.Login(t, "in role watertight_lifecycle")
			e.Setenv("LIFECYCLE_URL", url)
			e.Setenv("SYSTEM_URL", db.SystemURL)
			e.Setenv("ADMIN_URL", db.AdminURL)
			e.Setenv(envContextKey, db.Key.Encode())
			e.Setenv("TENANT", "11111111-1111-4111-8111-111111111111")
			return nil
		},
	})
}
