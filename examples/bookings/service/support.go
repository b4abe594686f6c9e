package service

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/examples/bookings/store"
	"github.com/watertight-go/watertight/tenancy"
)

// SupportRequests lists what the team asked for.
func (b *Bookings) SupportRequests(ctx context.Context, s tenancy.Scope) ([]store.ListSupportRequestsRow, error) {
	return b.in(s).ListSupportRequests(ctx, s.Tenant())
}

// AskForSupport notes that somebody wants help. It lets nobody in.
func (b *Bookings) AskForSupport(ctx context.Context, s tenancy.Scope, question string) (uuid.UUID, error) {
	question = strings.TrimSpace(question)
	if len(question) < 5 || len(question) > 500 {
		return uuid.Nil, &InputError{"question", "Say what you need help with, in 5 to 500 characters."}
	}
	by := s.Actor().UserID
	return b.in(s).AskForSupport(ctx, s.Tenant(), question, &by)
}

// SupportPeople lists whom the tenant can let in.
func (b *Bookings) SupportPeople(ctx context.Context, s tenancy.Scope) ([]accounts.SupportPerson, error) {
	return accounts.SupportPeople(ctx, b.cfg.DB, s)
}

// Grant lets one person of support in.
type Grant struct {
	Person  uuid.UUID            `json:"person"`
	Mode    accounts.SupportMode `json:"mode"`
	Reason  string               `json:"reason"`
	Hours   int                  `json:"hours"`
	Request uuid.UUID            `json:"request,omitzero"` // that it answers, if any
}

func (g Grant) validate() error {
	switch {
	case g.Mode != accounts.SupportRead && g.Mode != accounts.SupportWrite:
		return &InputError{"mode", "Choose what support may do."}
	case len(g.Reason) < 5 || len(g.Reason) > 500:
		return &InputError{"reason", "Give the reason, in 5 to 500 characters. It stands in your log."}
	case g.Hours < 1 || time.Duration(g.Hours)*time.Hour > accounts.MaxSupportGrant:
		return &InputError{"hours", "Support can be let in for 1 to 72 hours."}
	}
	return nil
}

// GrantSupport is for owners and admins.
func (b *Bookings) GrantSupport(ctx context.Context, s tenancy.Scope, g Grant) (uuid.UUID, error) {
	g.Reason = strings.TrimSpace(g.Reason)
	if err := g.validate(); err != nil {
		return uuid.Nil, err
	}
	id, _, err := accounts.GrantSupport(ctx, b.cfg.DB, s, g.Person, g.Mode, g.Reason, time.Duration(g.Hours)*time.Hour)
	if err != nil || g.Request == uuid.Nil {
		return id, err
	}
	// The grant stands whether or not the request was still open.
	_, err = b.in(s).AnswerSupportRequest(ctx, s.Tenant(), g.Request)
	return id, err
}

// SupportGrants lists the grants of the tenant, for owners and admins.
func (b *Bookings) SupportGrants(ctx context.Context, s tenancy.Scope) ([]accounts.SupportGrant, error) {
	return accounts.SupportGrants(ctx, b.cfg.DB, s)
}

// RevokeSupport ends a grant at once, for owners and admins.
func (b *Bookings) RevokeSupport(ctx context.Context, s tenancy.Scope, grant uuid.UUID) error {
	return accounts.RevokeSupport(ctx, b.cfg.DB, s, grant)
}

// SupportActivity is what was done under a grant, the newest first.
func (b *Bookings) SupportActivity(ctx context.Context, s tenancy.Scope, grant uuid.UUID) ([]accounts.SupportEvent, error) {
	return accounts.SupportActivity(ctx, b.cfg.DB, s, grant, 0, 50)
}
