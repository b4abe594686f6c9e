package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// Calendar is a connected calendar of the signed-in person. Its credential is
// nowhere in it.
type Calendar struct {
	ID       uuid.UUID  `json:"id"`
	Provider string     `json:"provider"`
	Account  string     `json:"account"`
	Since    time.Time  `json:"since"`
	Ended    *time.Time `json:"ended,omitempty"`
	Busy     []Busy     `json:"busy"`
}

// Busy is what is kept of an event in a calendar, and all that is.
type Busy struct {
	Subject  string    `json:"subject"`
	StartsAt time.Time `json:"starts_at"`
	Minutes  int32     `json:"minutes"`
}

// horizon is how far ahead events are fetched.
const horizon = 28 * 24 * time.Hour

// Calendars lists the calendars that the signed-in person has connected.
func (b *Bookings) Calendars(ctx context.Context, s tenancy.Scope) ([]Calendar, error) {
	q := query.New(b.cfg.DB.For(s))
	rows, err := q.CalendarConnectionsOfUser(ctx, s.Tenant(), s.Actor().UserID)
	if err != nil {
		return nil, err
	}
	list := make([]Calendar, len(rows))
	now := time.Now()
	for i, r := range rows {
		list[i] = Calendar{ID: r.ID, Provider: r.Provider, Account: r.Account, Since: r.CreatedAt, Ended: r.RevokedAt, Busy: []Busy{}}
		blocks, err := q.BusyBlocks(ctx, s.Tenant(), r.ID, now.Add(horizon), now)
		if err != nil {
			return nil, err
		}
		for _, block := range blocks {
			list[i].Busy = append(list[i].Busy, Busy(block))
		}
	}
	return list, nil
}

// NewCalendar is a calendar to be connected.
type NewCalendar struct {
	Account  string        `json:"account"`
	Password crypto.Secret `json:"password"`
}

// ConnectCalendar connects a calendar by CalDAV. The password is sealed with
// AES-256-GCM under a key of the tenant before it reaches the database.
func (b *Bookings) ConnectCalendar(ctx context.Context, s tenancy.Scope, n NewCalendar) (uuid.UUID, error) {
	n.Account = strings.TrimSpace(n.Account)
	switch {
	case n.Account == "" || len(n.Account) > 320:
		return uuid.Nil, &InputError{"account", "Give the address of the calendar's account."}
	case n.Password.IsZero() || n.Password.Len() > 1000:
		return uuid.Nil, &InputError{"password", "Give the password that the calendar asks for."}
	}
	return b.calendars.Connect(ctx, s, accounts.Connection{
		User: s.Actor().UserID, Provider: "caldav", Account: n.Account, Password: n.Password,
	})
}

// ImportCalendar fetches the coming events of a calendar.
func (b *Bookings) ImportCalendar(ctx context.Context, s tenancy.Scope, id uuid.UUID) error {
	if err := b.ownCalendar(ctx, s, id); err != nil {
		return err
	}
	credential, err := b.calendars.Credential(ctx, s, id)
	if err != nil {
		return err
	}
	from := time.Now()
	events, err := b.cfg.Source.Events(ctx, credential, from, from.Add(horizon))
	if err != nil {
		return fmt.Errorf("fetch the events of a calendar: %w", err)
	}
	return b.calendars.Import(ctx, s, id, from, from.Add(horizon), events)
}

// DisconnectCalendar ends a connection: its credential is gone at once.
func (b *Bookings) DisconnectCalendar(ctx context.Context, s tenancy.Scope, id uuid.UUID) error {
	if err := b.ownCalendar(ctx, s, id); err != nil {
		return err
	}
	return b.calendars.Disconnect(ctx, s, id)
}

// ownCalendar keeps colleagues out of each other's calendars. accounts.Calendars
// keeps tenants apart and leaves this to the service.
func (b *Bookings) ownCalendar(ctx context.Context, s tenancy.Scope, id uuid.UUID) error {
	rows, err := query.New(b.cfg.DB.For(s)).CalendarConnectionsOfUser(ctx, s.Tenant(), s.Actor().UserID)
	if err != nil {
		return err
	}
	mine := slices.ContainsFunc(rows, func(r query.CalendarConnectionsOfUserRow) bool { return r.ID == id })
	if !mine {
		return ErrNotFound
	}
	return nil
}
