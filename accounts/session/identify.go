package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/tenancy"
)

// Identify makes a Verifier what the middleware asks who somebody is:
//
//	middleware.Config{Authenticate: middleware.Bearer(verifier.Identify), …}
//	middleware.Config{Authenticate: middleware.Cookie("__Host-session", verifier.Identify), …}
//	grpcauth.Config{Authenticate: grpcauth.Bearer(verifier.Identify), …}
//
// The identity is bound to the token's tenant and carries its role, so an
// admitted request costs no round trip. For another tenant it is refused as
// Verify refuses it, with an event in the log of its own tenant.
func (v *Verifier) Identify(ctx context.Context, token string) (middleware.Identity, error) {
	s, err := v.Verify(ctx, token, Request{})
	if err != nil {
		return middleware.Identity{}, fmt.Errorf("%w: %w", middleware.ErrUnauthenticated, err)
	}
	return middleware.Identity{
		Actor:        s.Scope.Actor(),
		Tenant:       s.Scope.Tenant(),
		Role:         s.Scope.Role(),
		SecondFactor: twoFactors(s.Methods),
		Foreign: func(ctx context.Context, a tenancy.Actor, asked tenancy.ID) error {
			_, err := v.Verify(ctx, token, Request{Tenant: asked, IP: a.IP, ID: a.Request})
			if !errors.Is(err, tenancy.ErrNotAdmitted) { // the token has ended meanwhile
				err = v.cfg.DB.Refuse(ctx, a, asked)
			}
			return err
		},
	}, nil
}

// The kinds of factors (NIST SP 800-63B, section 4.2) by their names in RFC 8176.
const (
	known = iota
	held
	inherent
)

var factors = map[string]int{
	"pwd": known, "pin": known, "kba": known,
	"otp": held, "hwk": held, "swk": held, "sc": held, "sms": held, "tel": held,
	"fpt": inherent, "face": inherent, "iris": inherent, "retina": inherent, "vbm": inherent,
}

// twoFactors reports whether the methods are of two kinds, or say so
// themselves. Two passwords are one factor.
func twoFactors(methods []string) bool {
	if slices.Contains(methods, "mfa") {
		return true
	}
	var kinds [3]bool
	for _, m := range methods {
		if kind, ok := factors[m]; ok {
			kinds[kind] = true
		}
	}
	return kinds[known] && (kinds[held] || kinds[inherent]) || kinds[held] && kinds[inherent]
}
