// Package service is what the booking service does, for its pages (package web)
// and its programs (package api) alike: rooms and appointments, the files that
// belong to them, connected calendars, the team, the tenant's own log, support,
// and a copy of everything.
//
// Every function takes the scope of an admitted request and has no other way to
// the database, so none of them can be asked about another customer. Who may do
// what inside the tenant stands on the queries ("watertight:roles"), where no
// handler can forget it.
package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/examples/bookings/store"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/lifecycle"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// Config of [New]. Every field is required.
type Config struct {
	DB     *tenancy.DB
	Ring   *crypto.Ring
	SignIn *accounts.SignIn
	Files  *files.Store

	// Source fetches the events of connected calendars.
	Source CalendarSource

	// Exporter writes a whole tenant; [lifecycle.DB] is one.
	Exporter Exporter
}

// An Exporter writes everything that is kept of one tenant.
type Exporter interface {
	Export(ctx context.Context, a tenancy.Actor, t tenancy.ID, w io.Writer, cfg lifecycle.ExportConfig) (lifecycle.Exported, error)
}

// A CalendarSource is a client of calendar providers.
type CalendarSource interface {
	Events(ctx context.Context, c accounts.Credential, from, to time.Time) ([]accounts.Busy, error)
}

// Bookings is the service. It is safe for use by any number of goroutines.
type Bookings struct {
	cfg       Config
	calendars accounts.Calendars
}

// New returns the service, or an error that names the field that is missing.
func New(cfg Config) (*Bookings, error) {
	for _, f := range []struct {
		name    string
		missing bool
	}{
		{"DB", cfg.DB == nil},
		{"Ring", cfg.Ring == nil},
		{"SignIn", cfg.SignIn == nil},
		{"Files", cfg.Files == nil},
		{"Source", cfg.Source == nil},
		{"Exporter", cfg.Exporter == nil},
	} {
		if f.missing {
			return nil, fmt.Errorf("service.Config has no %s (all fields are required)", f.name)
		}
	}
	return &Bookings{cfg: cfg, calendars: accounts.Calendars{DB: cfg.DB, Ring: cfg.Ring}}, nil
}

// in returns the service's own queries in the scope's tenant.
func (b *Bookings) in(s tenancy.Scope) *store.Queries { return store.New(b.cfg.DB.For(s)) }

// ErrNotFound: the tenant has nothing by that id. What another tenant has is
// not told apart from what never was.
var ErrNotFound = errors.New("there is nothing here by that id (it may have been removed)")

// changed turns the number of rows that a statement changed into an answer.
func changed(rows int64, err error) error {
	if err == nil && rows == 0 {
		return ErrNotFound
	}
	return err
}

// Customer returns the name of the scope's tenant.
func (b *Bookings) Customer(ctx context.Context, s tenancy.Scope) (string, error) {
	t, err := query.New(b.cfg.DB.For(s)).GetTenant(ctx, s.Tenant())
	return t.Name, err
}
