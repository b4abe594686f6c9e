package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// sealedTable is what the scripts find in their database beside the library's
// own tables.
const sealedTable = `
create schema app;
create table app.doors (tenant_id uuid not null, id bigint not null, code bytea, primary key (tenant_id, id));
select watertight.protect('app.doors');
select watertight.seal_column('app.doors', 'code', 'door');`

// TestKeysScripts runs testdata/keys/*.txtar, each with a database of its own
// in which the tenant $TENANT has three values that are sealed under the KEK in
// $WORK/kek, and for attack.txtar a second one, $OTHER. $SYSTEM_URL and $APP_URL are the two roles that the command needs.
func TestKeysScripts(t *testing.T) {
	t.Parallel()
	server := serve(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "keys"),
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"code": expectCode},
		Setup: func(e *testscript.Env) error {
			ctx := context.Background()
			db, err := server.CreateDatabase(ctx, "", pgtest.Config{Setup: []string{sealedTable}})
			if err != nil {
				return err
			}
			e.Defer(func() { _ = db.Drop(ctx) })
			e.Setenv("SYSTEM_URL", db.SystemURL)
			e.Setenv("APP_URL", db.AppURL)
			e.Setenv("ADMIN_URL", db.AdminURL)
			e.Setenv("WATERTIGHT_CONTEXT_KEY", db.Key.Encode())
			kek, err := crypto.CreateKeyFile(filepath.Join(e.WorkDir, "kek"))
			if err != nil {
				return err
			}
			tenant, err := sealThree(ctx, db, kek)
			e.Setenv("TENANT", tenant.String())
			if err != nil || !strings.HasSuffix(e.WorkDir, "attack") {
				return err
			}
			other, err := sealThree(ctx, db, kek)
			e.Setenv("OTHER", other.String())
			return err
		},
	})
}

// sealThree makes a tenant with three sealed values.
func sealThree(ctx context.Context, db *pgtest.Database, kek crypto.KEK) (id tenancy.ID, err error) {
	sys, err := crosstenant.Open(ctx, db.SystemURL, crosstenant.Config{Key: db.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	if err != nil {
		return id, err
	}
	defer sys.Close()
	err = sys.Run(ctx, tenancy.Actor{Email: "ops@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) (err error) {
		id, _, err = accounts.CreateTenant(ctx, c, "Alpha", accounts.Owner{Email: "anna@alpha.example"})
		return err
	})
	if err != nil {
		return id, err
	}
	app, err := tenancy.Open(ctx, db.AppURL, tenancy.Config{Key: db.Key, Registry: accounts.Registry{}, Version: "v1"})
	if err != nil {
		return id, err
	}
	defer app.Close()
	store, err := keystore.New(app)
	if err != nil {
		return id, err
	}
	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{kek}})
	if err != nil {
		return id, err
	}
	scope, err := app.AdmitJob(ctx, id, "test")
	if err != nil {
		return id, err
	}
	for n := range int64(3) {
		sealed, err := ring.Seal(ctx, id, crypto.Ref{Table: "door", Column: "code", Row: crypto.RowInt(n)}, crypto.SecretString("code"))
		if err != nil {
			return id, err
		}
		if _, err := app.For(scope).Exec(ctx, `insert into app.doors values ($1, $2, $3)`, id, n, sealed); err != nil {
			return id, err
		}
	}
	return id, nil
}
