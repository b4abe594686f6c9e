package unverified_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// Behind a gateway that has verified account and tenant, nobody is asked again.
// The scope is still one of one tenant.
func Example() {
	e := pgtest.ForExample()
	defer e.Close()
	ctx := context.Background()
	db, err := tenancy.Open(ctx, e.AppURL, tenancy.Config{Key: e.Key, Registry: accounts.Registry{}})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	scope, err := unverified.Scope(db, e.Anna, e.Alpha, tenancy.RoleMember)
	if err != nil {
		log.Fatal(err)
	}
	var name string
	err = db.For(scope).QueryRow(ctx, "select string_agg(name, ', ') from watertight.tenants").Scan(&name)
	fmt.Println(scope.Role(), name, err)
	// Output: member Alpha <nil>
}
