package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// From a session to rows: a token is a scope, and only of its own tenant.
func TestATokenIsAScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	tokens := w.start(t, w.carl, w.alpha)
	v := w.verifier(t)

	s, err := v.Verify(ctx, string(tokens.Access.Reveal()), session.Request{Tenant: w.alpha})
	require.NoError(t, err)
	require.Equal(t, w.alpha, s.Scope.Tenant())
	require.Equal(t, w.carl.UserID, s.Scope.Actor().UserID)
	require.Equal(t, w.carl.Email, s.Scope.Actor().Email)
	require.Equal(t, tenancy.RoleMember, s.Scope.Role())
	require.Equal(t, tokens.Session, s.ID)
	require.Equal(t, []string{"pwd"}, s.Methods)
	users, err := query.New(w.db.For(s.Scope)).ListUsers(ctx, w.alpha)
	require.NoError(t, err)
	require.Len(t, users, 2)
	// Where nothing names a tenant, it is the token's own.
	s, err = v.Verify(ctx, string(tokens.Access.Reveal()), session.Request{})
	require.NoError(t, err)
	require.Equal(t, w.alpha, s.Scope.Tenant())

	next, err := w.issuer(t).Refresh(ctx, tokens.Refresh, "test browser", session.Request{})
	require.NoError(t, err)
	_, err = v.Verify(ctx, string(next.Access.Reveal()), session.Request{Tenant: w.alpha})
	require.NoError(t, err)
	require.Equal(t, tokens.Session, next.Session)
}
