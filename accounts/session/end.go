package session

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// SignOut ends the session of a handle, which the client shows when its user
// signs out; his access token may have expired by then. A handle that does not
// work any more is [ErrEnded], or [ErrReused] if it was used before.
//
// An access token cannot be taken back: it is good for the rest of its TTL.
func (i *Issuer) SignOut(ctx context.Context, refresh crypto.Secret, r Request) error {
	h, err := parseHandle(refresh)
	if err != nil {
		return err
	}
	s, err := i.find(ctx, h, r)
	if err != nil {
		return err
	}
	// Without asking the registry: who was removed may sign out all the same.
	return i.own(ctx, tenancy.Actor{UserID: s.UserID, Email: s.Email, IP: r.IP, Request: r.ID}, h.tenant, h.session)
}

// End ends one session of the scope's tenant: a user's own, or for an owner or
// an admin anybody's. A session that is not there, has ended, or is somebody
// else's is [ErrEnded].
func (i *Issuer) End(ctx context.Context, scope tenancy.Scope, session uuid.UUID) error {
	if scope.Role() != tenancy.RoleOwner && scope.Role() != tenancy.RoleAdmin {
		return i.own(ctx, scope.Actor(), scope.Tenant(), session)
	}
	return i.end(ctx, scope, "accounts.session_revoked", "session", session, func(ctx context.Context, q *query.Queries) (int64, error) {
		return q.EndSession(ctx, scope.Tenant(), session, &revoked)
	})
}

// own ends one session of the actor.
func (i *Issuer) own(ctx context.Context, a tenancy.Actor, t tenancy.ID, session uuid.UUID) error {
	keeper, err := i.keeper(a, t)
	if err != nil {
		return err
	}
	return i.end(ctx, keeper, "accounts.sign_out", "session", session, func(ctx context.Context, q *query.Queries) (int64, error) {
		return q.EndOwnSession(ctx, t, session, a.UserID, &signedOut)
	})
}

// EndAll signs the scope's own user out everywhere in this tenant.
func (i *Issuer) EndAll(ctx context.Context, scope tenancy.Scope) error {
	a := scope.Actor()
	keeper, err := i.keeper(a, scope.Tenant())
	if err != nil {
		return err
	}
	return i.end(ctx, keeper, "accounts.sign_out_everywhere", "user", a.UserID, func(ctx context.Context, q *query.Queries) (int64, error) {
		return q.EndSessionsOf(ctx, scope.Tenant(), a.UserID, &signedOut)
	})
}

// Revoke ends all sessions of a user of the scope's tenant, for an owner or an
// admin; others get [tenancy.ErrForbidden]. It does not keep the user from
// signing in again: suspend the membership for that.
func (i *Issuer) Revoke(ctx context.Context, scope tenancy.Scope, user uuid.UUID) error {
	return i.end(ctx, scope, "accounts.sessions_revoked", "user", user, func(ctx context.Context, q *query.Queries) (int64, error) {
		return q.EndSessionsOf(ctx, scope.Tenant(), user, &revoked)
	})
}

var signedOut, revoked = "signed out", "revoked"

func (i *Issuer) end(ctx context.Context, scope tenancy.Scope, action, object string, id uuid.UUID, end func(context.Context, *query.Queries) (int64, error)) error {
	err := i.cfg.DB.Tx(tenancy.WithAction(ctx, "end_session"), scope, func(ctx context.Context, c *tenancy.Conn) error {
		n, err := end(ctx, query.New(c))
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrEnded
		}
		return audit.Log(ctx, c, action, object, id.String(), map[string]any{"sessions": n})
	})
	if err != nil && !errors.Is(err, ErrEnded) {
		return fmt.Errorf("end a session: %w", err)
	}
	return err
}

// Info is a session in a list of them.
type Info struct {
	ID                     uuid.UUID
	Methods                []string
	IP                     netip.Addr // of the last refresh; zero if none was known
	UserAgent              string
	Created, Used, Expires time.Time
}

// List returns the live sessions of a user of the scope's tenant, the last used
// first: one's own, or for an owner or an admin anybody's. Others get
// [tenancy.ErrForbidden].
func (i *Issuer) List(ctx context.Context, scope tenancy.Scope, user uuid.UUID) ([]Info, error) {
	if a := scope.Actor(); user == a.UserID && !scope.IsZero() {
		keeper, err := i.keeper(a, scope.Tenant())
		if err != nil {
			return nil, err
		}
		scope = keeper
	}
	rows, err := query.New(i.cfg.DB.For(scope)).ListSessions(ctx, scope.Tenant(), user)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	list := make([]Info, 0, len(rows))
	for _, r := range rows {
		info := Info{ID: r.ID, Methods: r.Methods, UserAgent: r.UserAgent, Created: r.CreatedAt, Used: r.UsedAt, Expires: r.ExpiresAt}
		if r.IP != nil {
			info.IP = *r.IP
		}
		list = append(list, info)
	}
	return list, nil
}
