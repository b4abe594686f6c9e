package audit_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

// A write leaves its event by itself; what no trigger can see, the code says.
func Example() {
	ctx := context.Background()
	e := pgtest.ForExample(`
		create schema app;
		create table app.rooms (tenant_id uuid not null, id bigint not null, name text not null, primary key (tenant_id, id));
		select watertight.protect('app.rooms');`)
	defer e.Close()
	db, err := tenancy.Open(ctx, e.AppURL, tenancy.Config{Key: e.Key, Registry: accounts.Registry{}, Version: "v1.2.3"})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	scope, err := db.Admit(ctx, e.Anna, e.Alpha)
	if err != nil {
		log.Fatal(err)
	}
	c := db.For(scope)

	for _, sql := range []string{
		"insert into app.rooms (tenant_id, id, name) values ($1, 1, 'Attic')",
		"update app.rooms set name = 'Loft' where tenant_id = $1",
	} {
		if _, err := c.Exec(ctx, sql, e.Alpha); err != nil {
			log.Fatal(err)
		}
	}
	if err := audit.Log(ctx, c, "rooms.exported", "app.rooms", "all", map[string]any{"format": "csv"}); err != nil {
		log.Fatal(err)
	}

	events, _, err := audit.Events(ctx, c, audit.Filter{Entity: "app.rooms"})
	if err != nil {
		log.Fatal(err)
	}
	for _, ev := range events {
		op := "-"
		if ev.Op != nil {
			op = *ev.Op
		}
		fmt.Println(op, *ev.ActorEmail, ev.AppVersion, *ev.Diff)
	}
	// Output:
	// - anna@alpha.example v1.2.3 {"format":"csv"}
	// u anna@alpha.example v1.2.3 {"name":["Attic","Loft"]}
	// i anna@alpha.example v1.2.3 {"name":[null,"Attic"]}
}

// The sealer signs a tree over each log. Whoever has its public key notices an
// edit, also one by a superuser.
func ExampleVerify() {
	ctx := context.Background()
	e := pgtest.ForExample()
	defer e.Close()
	key, text, err := audit.NewSigningKey("log.example.com") // watertight audit keygen
	if err != nil || text == "" {
		log.Fatal(err)
	}
	_, url, err := e.NewLogin(ctx, "in role watertight_sealer")
	if err != nil {
		log.Fatal(err)
	}
	sealer, err := audit.OpenSealer(ctx, url, audit.SealerConfig{Keys: []audit.SigningKey{key}})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := sealer.Seal(ctx); err != nil { // Run goes on for ever
		log.Fatal(err)
	}
	sealer.Close()

	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	verify := func() bool {
		verdict, err := audit.Verify(ctx, pool, e.Alpha.UUID(), audit.VerifyConfig{Keys: []audit.VerifyingKey{key.Public()}})
		if err != nil {
			log.Fatal(err)
		}
		return verdict.OK()
	}
	fmt.Println("as it was:", verify())

	superuser, err := pgxpool.New(ctx, e.AdminURL)
	if err != nil {
		log.Fatal(err)
	}
	defer superuser.Close()
	_, err = superuser.Exec(ctx, `begin;
		set local session_replication_role = replica;
		alter table watertight.audit_event disable trigger all;
		update watertight.audit_event set action = 'nothing' where tenant_id = '`+e.Alpha.String()+`';
		commit`)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("edited:", verify())
	// Output:
	// as it was: true
	// edited: false
}
