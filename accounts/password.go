package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// SetPassword gives an account of the scope's tenant a password, unlocks it, and
// ends its sessions. With a second factor, mfa, a shorter one is allowed. A
// password that the policy refuses is a [*crypto.PolicyError], with the reason
// in words for the user.
//
// It does not ask for the old password. An owner may set everybody's, an admin
// everybody's but an owner's, and a job, such as the one that follows a link
// which was sent by e-mail, everybody's; others get [tenancy.ErrForbidden]. A
// user who is signed in calls [SignIn.ChangePassword].
func (s *SignIn) SetPassword(ctx context.Context, scope tenancy.Scope, user uuid.UUID, password crypto.Secret, mfa bool) error {
	t := scope.Tenant()
	email, err := query.New(s.cfg.DB.For(scope)).UserEmail(ctx, t, user)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("set a password: the tenant has no user %s", user)
	}
	if err != nil {
		return fmt.Errorf("set a password: %w", err)
	}
	if err := s.cfg.Policy.Check(ctx, password, s.about(email, mfa)); err != nil {
		return err
	}
	sealed, err := s.cfg.Passwords.Hash(ctx, t, user, password)
	if err != nil {
		return fmt.Errorf("set a password: %w", err)
	}
	err = s.cfg.DB.Tx(tenancy.WithAction(ctx, "set_password"), scope, func(ctx context.Context, c *tenancy.Conn) error {
		q := query.New(c)
		set := q.SetPassword
		if scope.Role() == tenancy.RoleAdmin {
			set = q.SetPasswordOfMember
		}
		n, err := set(ctx, t, user, sealed)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("user %s is an owner, or gone: %w", user, tenancy.ErrForbidden)
		}
		// Whoever knew the old one may be signed in with it.
		why := "password"
		if _, err := q.EndSessionsOf(ctx, t, user, &why); err != nil {
			return err
		}
		return audit.Log(ctx, c, "accounts.password_set", "user", user.String(), nil)
	})
	if err != nil {
		return fmt.Errorf("set a password: %w", err)
	}
	return nil
}

// ChangePassword gives the scope's own user a new password after the old one
// was right. Every other answer about the old one is [ErrSignIn], and wrong
// ones are counted and lock the account as in [SignIn.Password].
func (s *SignIn) ChangePassword(ctx context.Context, scope tenancy.Scope, old, password crypto.Secret, mfa bool) error {
	a := scope.Actor()
	again, err := s.Password(ctx, Attempt{Email: a.Email, Password: old, Tenant: scope.Tenant(), IP: a.IP, Request: a.Request})
	if err != nil {
		return err
	}
	if again.Actor().UserID != a.UserID {
		return ErrSignIn // the address went to another account since
	}
	own, err := unverified.Scope(s.cfg.DB, again.Actor(), again.Tenant(), roleSignIn)
	if err != nil {
		return err
	}
	return s.SetPassword(ctx, own, a.UserID, password, mfa)
}

// about is what a user's password may not be.
func (s *SignIn) about(email string, mfa bool) crypto.PolicyContext {
	local, domain, _ := strings.Cut(email, "@")
	return crypto.PolicyContext{MFA: mfa, Words: append([]string{email, local, domain}, s.cfg.Words...)}
}
