package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// Making a tenant is the platform's work.
func ExampleCreateTenant() {
	ctx := context.Background()
	e := pgtest.ForExample()
	defer e.Close()
	sys, err := crosstenant.Open(ctx, e.SystemURL, crosstenant.Config{Key: e.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	if err != nil {
		log.Fatal(err)
	}
	defer sys.Close()
	db, err := tenancy.Open(ctx, e.AppURL, tenancy.Config{Key: e.Key, Registry: accounts.Registry{}})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	var tenant tenancy.ID
	var owner tenancy.Actor
	err = sys.Run(ctx, tenancy.Actor{Email: "olga@operator.example"}, "new customer", func(ctx context.Context, c *crosstenant.Conn) error {
		tenant, owner.UserID, err = accounts.CreateTenant(ctx, c, "Gamma", accounts.Owner{Email: "greta@gamma.example"})
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	scope, err := db.Admit(ctx, owner, tenant)
	fmt.Println(scope.Role(), err)
	_, err = db.Admit(ctx, owner, e.Alpha)
	fmt.Println(errors.Is(err, tenancy.ErrNotAdmitted))
	// Output:
	// owner <nil>
	// true
}

func ExampleSignIn() {
	ctx := context.Background()
	e := pgtest.ForExample()
	defer e.Close()
	refusals := &audit.Refusals{}
	db, err := tenancy.Open(ctx, e.AppURL, tenancy.Config{Key: e.Key, Registry: accounts.Registry{}, Refused: refusals.Record})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	refusals.Use(db)
	ring, err := insecurekeys.NewRing() // in production: a keystore and a KEK
	if err != nil {
		log.Fatal(err)
	}
	hasher, err := crypto.NewHasher(crypto.HasherConfig{Cost: 10})
	if err != nil {
		log.Fatal(err)
	}
	passwords, err := crypto.NewPasswords(ring, hasher)
	if err != nil {
		log.Fatal(err)
	}
	in, err := accounts.NewSignIn(accounts.SignInConfig{DB: db, Passwords: passwords, Hasher: hasher})
	if err != nil {
		log.Fatal(err)
	}

	// Somebody followed the link that was sent to him: a job sets the password.
	job, err := db.AdmitJob(ctx, e.Alpha, "password link")
	if err != nil {
		log.Fatal(err)
	}
	if err := in.SetPassword(ctx, job, e.Anna.UserID, crypto.SecretString("correct horse battery"), false); err != nil {
		log.Fatal(err)
	}

	scope, err := in.Password(ctx, accounts.Attempt{Email: e.Anna.Email, Password: crypto.SecretString("correct horse battery"), Tenant: e.Alpha})
	fmt.Println(scope.Role(), err)
	_, err = in.Password(ctx, accounts.Attempt{Email: e.Anna.Email, Password: crypto.SecretString("correct horse stapler"), Tenant: e.Alpha})
	fmt.Println("wrong password:", errors.Is(err, accounts.ErrSignIn))
	_, err = in.Password(ctx, accounts.Attempt{Email: "nobody@alpha.example", Password: crypto.SecretString("correct horse battery"), Tenant: e.Alpha})
	fmt.Println("nobody there:", errors.Is(err, accounts.ErrSignIn))
	// Output:
	// owner <nil>
	// wrong password: true
	// nobody there: true
}

func ExampleAPIKeys() {
	ctx := context.Background()
	e := pgtest.ForExample()
	defer e.Close()
	db, err := tenancy.Open(ctx, e.AppURL, tenancy.Config{Key: e.Key, Registry: accounts.Registry{}})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	keys, err := accounts.NewAPIKeys(db, nil)
	if err != nil {
		log.Fatal(err)
	}
	anna, err := db.Admit(ctx, e.Anna, e.Alpha)
	if err != nil {
		log.Fatal(err)
	}

	_, secret, err := keys.Create(ctx, anna, "invoices", tenancy.RoleMember, 90*24*time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	scope, err := keys.Resolve(ctx, secret, e.Anna.IP, "request 1") // for each request of the program
	fmt.Println(scope.Role(), scope.Tenant() == e.Alpha, err)
	// Output: member true <nil>
}
