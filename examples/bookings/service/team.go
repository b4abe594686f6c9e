package service

import (
	"context"
	"errors"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// Roles that a person of the team can have, the most powerful first.
var Roles = []tenancy.Role{tenancy.RoleOwner, tenancy.RoleAdmin, tenancy.RoleMember, tenancy.RoleViewer}

// Person is somebody who works for the tenant.
type Person struct {
	ID    uuid.UUID    `json:"id"`
	Email string       `json:"email"`
	Name  string       `json:"name"`
	Role  tenancy.Role `json:"role"`
	Since time.Time    `json:"since"`
}

// Team lists who works for the tenant.
func (b *Bookings) Team(ctx context.Context, s tenancy.Scope) ([]Person, error) {
	rows, err := query.New(b.cfg.DB.For(s)).ListUsers(ctx, s.Tenant())
	if err != nil {
		return nil, err
	}
	team := make([]Person, len(rows))
	for i, r := range rows {
		team[i] = Person{r.ID, r.Email, r.DisplayName, tenancy.Role(r.Role), r.CreatedAt}
	}
	return team, nil
}

// NewPerson joins the team.
type NewPerson struct {
	Email    string        `json:"email"`
	Name     string        `json:"name"`
	Role     tenancy.Role  `json:"role"`
	Password crypto.Secret `json:"password"`
}

func (n NewPerson) validate(ctx context.Context) error {
	address, err := mail.ParseAddress(n.Email)
	switch {
	case err != nil || address.Address != n.Email || len(n.Email) > 320:
		return &InputError{"email", "Give an e-mail address."}
	case n.Name == "" || len(n.Name) > 100:
		return &InputError{"name", "Give a name of up to 100 characters."}
	case !slices.Contains(Roles, n.Role):
		return &InputError{"role", "Choose a role."}
	}
	// Before the account is made: one without a password could not sign in.
	return crypto.Policy{}.Check(ctx, n.Password, crypto.PolicyContext{Words: []string{n.Email, n.Name}})
}

// AddPerson makes an account with its first password, which a real service would
// send a link for instead. Owners and admins may; only an owner makes an owner.
func (b *Bookings) AddPerson(ctx context.Context, s tenancy.Scope, n NewPerson) (uuid.UUID, error) {
	n.Email, n.Name = strings.TrimSpace(n.Email), strings.TrimSpace(n.Name)
	if err := n.validate(ctx); err != nil {
		return uuid.Nil, err
	}
	id := uuid.New()
	if err := accounts.AddUser(ctx, b.cfg.DB, s, id, n.Email, n.Name, n.Role); err != nil {
		return uuid.Nil, err
	}
	if err := b.cfg.SignIn.SetPassword(ctx, s, id, n.Password, false); err != nil {
		return uuid.Nil, errors.Join(err, accounts.RemoveUser(ctx, b.cfg.DB, s, id))
	}
	return id, nil
}

// SetRole gives a person another role, which is true at the latest when his
// token of one minute ends. An admin makes no owner and touches none, and nobody
// changes his own role: a tenant would be left without an owner.
func (b *Bookings) SetRole(ctx context.Context, s tenancy.Scope, person uuid.UUID, role tenancy.Role) error {
	if !slices.Contains(Roles, role) {
		return &InputError{"role", "Choose a role."}
	}
	if person == s.Actor().UserID {
		return &InputError{"role", "Somebody else has to change your role."}
	}
	q := query.New(b.cfg.DB.For(s))
	if s.Role() != tenancy.RoleOwner {
		return changed(q.ChangeMembership(ctx, s.Tenant(), person, string(role), "active"))
	}
	return q.SetMembership(ctx, s.Tenant(), person, string(role), "active")
}

// RemovePerson takes an account out of the tenant, with its sessions and
// calendar connections. Nobody removes himself.
func (b *Bookings) RemovePerson(ctx context.Context, s tenancy.Scope, person uuid.UUID) error {
	if person == s.Actor().UserID {
		return &InputError{"person", "Somebody else has to remove you."}
	}
	return accounts.RemoveUser(ctx, b.cfg.DB, s, person)
}
