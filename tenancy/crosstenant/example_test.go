package crosstenant_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"testing"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func Example() {
	e := pgtest.ForExample()
	defer e.Close()
	ctx := context.Background()
	// A service keeps its records in the audit log, see audit.OpenRecorder.
	sys, err := crosstenant.Open(ctx, e.SystemURL, crosstenant.Config{Key: e.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	if err != nil {
		log.Fatal(err)
	}
	defer sys.Close()

	operator := tenancy.Actor{Email: "olga@operator.example"}
	var tenants int
	err = sys.Run(ctx, operator, "monthly invoice", func(ctx context.Context, c *crosstenant.Conn) error {
		return c.QueryRow(ctx, "select count(*) from watertight.tenants").Scan(&tenants)
	})
	fmt.Println(tenants, err)

	// Without a reason nothing is sent.
	err = sys.Run(ctx, operator, "", func(context.Context, *crosstenant.Conn) error { return nil })
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// no reason given for a cross-tenant transaction (say why, for the audit log)
}
