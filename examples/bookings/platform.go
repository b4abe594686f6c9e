package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/examples/bookings/store"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

//go:embed schema.sql
var schemaSQL string

// customer is one tenant of the demonstration, with its owner's sign-in.
type customer struct {
	name   string
	email  string
	tenant tenancy.ID
	user   uuid.UUID
	room   uuid.UUID
	signIn string
}

// platform is what an operator sets up once: the database, its schema, and the
// first two customers.
type platform struct {
	server    *pgtest.Server
	database  *pgtest.Database
	db        *tenancy.DB
	people    *people
	customers []*customer
}

func startPlatform(ctx context.Context) (_ *platform, err error) {
	p := &platform{people: newPeople()}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop())
		}
	}()
	cfg := pgtest.Config{Setup: []string{schemaSQL}}
	if p.server, err = pgtest.Start(ctx, cfg); err != nil {
		return nil, fmt.Errorf("start Postgres: %w", err)
	}
	if p.database, err = p.server.CreateDatabase(ctx, "", cfg); err != nil {
		return nil, fmt.Errorf("make the database: %w", err)
	}
	// From here on everything runs as the application's role.
	p.db, err = tenancy.Open(ctx, p.database.AppURL, tenancy.Config{Key: p.database.Key, Registry: accounts.Registry{}})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	for _, c := range []*customer{
		{name: "Northwind Dental", email: "anna@northwind.example"},
		{name: "Harbour Studio", email: "ben@harbour.example"},
	} {
		if err := p.addCustomer(ctx, c); err != nil {
			return nil, fmt.Errorf("add the customer %s: %w", c.name, err)
		}
		p.customers = append(p.customers, c)
	}
	return p, nil
}

// addCustomer makes the tenant, which only the platform's operator can, and
// then its first room, as the tenant's owner.
func (p *platform) addCustomer(ctx context.Context, c *customer) error {
	system, err := crosstenant.Open(ctx, p.database.SystemURL, crosstenant.Config{
		Key: p.database.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler)), MaxConns: 1,
	})
	if err != nil {
		return err
	}
	defer system.Close()
	operator := tenancy.Actor{Email: "operator@bookings.example"}
	err = system.Run(ctx, operator, "new customer", func(ctx context.Context, conn *crosstenant.Conn) error {
		c.tenant, c.user, err = accounts.CreateTenant(ctx, conn, c.name, accounts.Owner{Email: c.email})
		return err
	})
	if err != nil {
		return err
	}
	c.signIn = p.people.signIn(tenancy.Actor{UserID: c.user, Email: c.email})
	scope, err := p.db.Admit(ctx, tenancy.Actor{UserID: c.user, Email: c.email}, c.tenant)
	if err != nil {
		return err
	}
	c.room, err = store.New(p.db.For(scope)).AddRoom(ctx, scope.Tenant(), "Room 1")
	return err
}

// stop takes down what was started, as far as it was.
func (p *platform) stop() error {
	if p.db != nil {
		p.db.Close()
	}
	if p.server == nil {
		return nil
	}
	var err error
	if p.database != nil {
		err = p.database.Drop(context.Background())
	}
	return errors.Join(err, p.server.Stop())
}
