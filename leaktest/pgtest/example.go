package pgtest

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/tenancy"
)

//go:embed customers.sql
var customersSQL string

// An Example is a database for Example functions, with two customers.
type Example struct {
	*Database

	// Anna owns Alpha, and Bob owns Beta. Their ids are the same in each run, so
	// that an example may print them.
	Alpha, Beta tenancy.ID
	Anna, Bob   tenancy.Actor
}

// ForExample returns a fresh database with two customers. It is for Example
// functions, which have no testing.TB; tests use [New]. It panics where there is
// no server, because an example cannot be skipped. Close it.
func ForExample(setup ...string) *Example {
	e, err := newExample(setup)
	if err != nil {
		panic(fmt.Errorf("pgtest: no database for an example: %w", err))
	}
	return e
}

func newExample(setup []string) (*Example, error) {
	cfg, err := Config{Setup: append([]string{customersSQL}, setup...)}.resolve()
	if err != nil {
		return nil, err
	}
	server, err := shared(cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d, err := server.CreateDatabase(ctx, "", cfg)
	if err != nil {
		return nil, err
	}
	e := &Example{
		Database: d,
		Anna:     tenancy.Actor{UserID: uuid.MustParse("a1a1a1a1-0000-4000-8000-000000000001"), Email: "anna@alpha.example"},
		Bob:      tenancy.Actor{UserID: uuid.MustParse("b2b2b2b2-0000-4000-8000-000000000002"), Email: "bob@beta.example"},
	}
	if e.Alpha, err = tenancy.ParseID("aaaaaaaa-0000-4000-8000-000000000001"); err != nil {
		return nil, err
	}
	e.Beta, err = tenancy.ParseID("bbbbbbbb-0000-4000-8000-000000000002")
	return e, err
}

// Close drops the database.
func (e *Example) Close() {
	if err := e.dropWithin(time.Minute); err != nil {
		panic(fmt.Errorf("pgtest: drop an example's database: %w", err))
	}
}
