package middleware

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// Identity is who sent a request, verified by an [Authenticator].
type Identity struct {
	// Actor needs UserID; IP and Request are filled in from the request.
	Actor tenancy.Actor

	// Tenant is what the session is bound to. The zero ID is none: the account
	// may ask for any tenant that it is registered with.
	Tenant tenancy.ID

	// Role is the account's role in Tenant as the registry gave it when the
	// session's token was issued, signed into that token. Empty: the registry
	// is asked. Only for tokens that live a minute or so: until it expires, a
	// suspended account keeps its role.
	Role tenancy.Role

	// SecondFactor says that this session was begun with two factors, such as
	// mfa, otp or hwk in the amr claim (RFC 8176).
	SecondFactor bool

	// Foreign, if not nil, refuses a session bound to Tenant that asks for
	// another, in place of [tenancy.DB.Refuse]: to record it in the session's
	// own tenant as well. It returns [tenancy.ErrNotAdmitted].
	Foreign func(ctx context.Context, a tenancy.Actor, asked tenancy.ID) error
}

// Errors of an admission, beside [tenancy.ErrNotAdmitted].
var (
	// ErrUnauthenticated: the request proves no identity.
	ErrUnauthenticated = errors.New("the request carries no valid credentials (sign in)")

	// ErrSecondFactor: the account's role needs a second factor and the session
	// was begun without one.
	ErrSecondFactor = errors.New("the role needs a second factor (sign in again with two factors)")
)

// Gate decides who comes into which tenant. It is what the middleware and
// package accounts/grpcauth have in common; use those.
type Gate struct {
	db           *tenancy.DB
	secondFactor []tenancy.Role
	nowhere      tenancy.ID // stands for every tenant that does not exist
}

// NewGate returns a gate in front of db. The roles are those that need a second
// factor.
func NewGate(db *tenancy.DB, requireSecondFactor []tenancy.Role) (*Gate, error) {
	if db == nil {
		return nil, errors.New("the gate has no DB (pass the one of tenancy.Open)")
	}
	return &Gate{db: db, secondFactor: slices.Clone(requireSecondFactor), nowhere: tenancy.NewID()}, nil
}

// Nowhere stands for every tenant that does not exist: what is asked for when a
// request names none. Nobody is registered with it.
func (g *Gate) Nowhere() tenancy.ID { return g.nowhere }

// Admit admits the identity to the tenant that was asked for; the zero ID asks
// for the one that the session is bound to. It returns [ErrUnauthenticated],
// [tenancy.ErrNotAdmitted], [ErrSecondFactor], or what kept it from asking.
func (g *Gate) Admit(ctx context.Context, id Identity, asked tenancy.ID) (tenancy.Scope, error) {
	if id.Actor.UserID == uuid.Nil || id.Actor.Kind == tenancy.KindJob {
		return tenancy.Scope{}, ErrUnauthenticated
	}
	if asked.IsZero() {
		asked = id.Tenant
	}
	if asked.IsZero() {
		// Not answered at once: it must take as long as a tenant that exists,
		// and count as one attempt, whatever was asked for.
		asked = g.nowhere
	}
	if !id.Tenant.IsZero() && asked != id.Tenant {
		return tenancy.Scope{}, g.foreign(ctx, id, asked)
	}
	scope, err := g.scope(ctx, id, asked)
	if err != nil {
		return tenancy.Scope{}, err
	}
	if !id.SecondFactor && slices.Contains(g.secondFactor, scope.Role()) {
		_ = g.db.Refuse(ctx, id.Actor, asked) // the reason is another
		return tenancy.Scope{}, ErrSecondFactor
	}
	return scope, nil
}

// foreign refuses whatever the hook answers.
func (g *Gate) foreign(ctx context.Context, id Identity, asked tenancy.ID) error {
	if id.Foreign == nil {
		return g.db.Refuse(ctx, id.Actor, asked)
	}
	if err := id.Foreign(ctx, id.Actor, asked); err != nil {
		return err
	}
	return tenancy.ErrNotAdmitted
}

func (g *Gate) scope(ctx context.Context, id Identity, asked tenancy.ID) (tenancy.Scope, error) {
	if id.Tenant.IsZero() || id.Role == "" {
		return g.db.Admit(ctx, id.Actor, asked)
	}
	// The registry was asked when the token was issued, and the token is bound
	// to this tenant.
	return unverified.Scope(g.db, id.Actor, id.Tenant, id.Role)
}
