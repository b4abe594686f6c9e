package service

import (
	"context"
	"net/netip"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

// Entrance is how people come in and go out, by a form or by the API: a password
// starts a session of one tenant, whose tokens live for a minute.
type Entrance struct {
	Passwords *accounts.SignIn
	Issuer    *session.Issuer
	Verifier  *session.Verifier
}

// Visitor is who knocks, before anything is known of him.
type Visitor struct {
	IP        netip.Addr
	UserAgent string
}

// Credentials are what somebody signs in with. Tenant may be zero for an address
// that has one account.
type Credentials struct {
	Email    string        `json:"email"`
	Password crypto.Secret `json:"password"`
	Tenant   tenancy.ID    `json:"tenant,omitzero"`
}

// SignIn starts a session, or returns accounts.ErrSignIn whatever was wrong.
func (e *Entrance) SignIn(ctx context.Context, v Visitor, c Credentials) (tenancy.ID, session.Tokens, error) {
	scope, err := e.Passwords.Password(ctx, accounts.Attempt{Email: c.Email, Password: c.Password, Tenant: c.Tenant, IP: v.IP})
	if err != nil {
		return tenancy.ID{}, session.Tokens{}, err
	}
	tokens, err := e.Issuer.Start(ctx, scope, v.UserAgent, "pwd")
	return scope.Tenant(), tokens, err
}

// Renew exchanges a refresh handle, which is good once, for new tokens.
func (e *Entrance) Renew(ctx context.Context, v Visitor, handle crypto.Secret) (session.Tokens, error) {
	return e.Issuer.Refresh(ctx, handle, v.UserAgent, session.Request{IP: v.IP})
}

// SignOut ends the session of a handle.
func (e *Entrance) SignOut(ctx context.Context, v Visitor, handle crypto.Secret) error {
	return e.Issuer.SignOut(ctx, handle, session.Request{IP: v.IP})
}
