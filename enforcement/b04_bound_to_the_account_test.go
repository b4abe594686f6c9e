package enforcement

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/tenancy"
)

// B4: the identifier is hard-bound to each user account; the user cannot change
// it or detach the session from it.
func TestB04TheAccountCannotLeaveItsTenant(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()

	// Anna's handle is in Alpha. What SQL she might get into a statement:
	for _, sql := range []string{
		"select set_config('watertight.context', '', true), title from app.documents",
		"select watertight.enter('w1.made.up')::text, title from app.documents",
		"update watertight.users set tenant_id = '" + o.beta.String() + "'",
		"insert into watertight.memberships (tenant_id, user_id, role) values ('" + o.beta.String() + "', '" + o.anna.UserID.String() + "', 'owner')",
	} {
		_, err := o.asAnna(t).Exec(ctx, sql)
		requireDenied(t, err)
	}
	// Commands that would change the session are not carried at all.
	for _, sql := range []string{"set role watertight_owner", "reset all", "commit", "discard all"} {
		_, err := o.asAnna(t).Exec(ctx, sql)
		require.ErrorIs(t, err, tenancy.ErrStatement)
	}

	// In the middle of Anna's transaction no other tenant can be entered.
	anna, err := o.db.Admit(ctx, o.anna, o.alpha)
	require.NoError(t, err)
	bob, err := o.db.Admit(ctx, o.bob, o.beta)
	require.NoError(t, err)
	err = o.db.Tx(ctx, anna, func(ctx context.Context, c *tenancy.Conn) error {
		require.ErrorIs(t, o.db.Tx(ctx, bob, nil), tenancy.ErrTenantMismatch)
		// The control: her own tenant is still there.
		require.Equal(t, []string{"Alpha's secret"}, titles(t, c, "select title from app.documents"))
		return nil
	})
	require.NoError(t, err)

	// A connection that carries no account sees nothing at all.
	conn, err := pgx.Connect(ctx, o.AppURL)
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "select title from app.documents where $1", true)
	requireDenied(t, err)
}

// B4, the session: what a signed-in person holds is good for one tenant and one
// account, and nobody can change that in it.
func TestB04TheSessionCannotLeaveItsTenant(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	// Anna has an account in Beta, too.
	bob, err := o.db.Admit(ctx, o.bob, o.beta)
	require.NoError(t, err)
	require.NoError(t, accounts.AddUser(ctx, o.db, bob, o.anna.UserID, o.anna.Email, "Anna", tenancy.RoleMember))

	issuer, verifier := o.sessions(t, time.Now)
	anna, err := o.db.Admit(ctx, o.anna, o.alpha)
	require.NoError(t, err)
	tokens, err := issuer.Start(ctx, anna, "a browser", "pwd")
	require.NoError(t, err)
	show := func(token string, asked tenancy.ID) (session.Session, error) {
		return verifier.Verify(ctx, token, session.Request{Tenant: asked})
	}
	token := string(tokens.Access.Reveal())

	// It is not let into Beta, and Alpha's own log says that it was tried.
	_, err = show(token, o.beta)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	require.Equal(t, []string{"accounts.foreign_tenant"}, titles(t, o.asAnna(t),
		"select action from watertight.audit_event where action like 'accounts.%'"))
	_, err = issuer.Refresh(ctx, tokens.Refresh, "", session.Request{Tenant: o.beta})
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)

	// Written into the token, another tenant or another account makes it void.
	part := strings.Split(token, ".")
	body, err := base64.RawURLEncoding.DecodeString(part[1])
	require.NoError(t, err)
	for from, to := range map[string]string{
		o.alpha.String():       o.beta.String(),
		o.anna.UserID.String(): o.bob.UserID.String(),
		`"role":"owner"`:       `"role":"admin"`,
	} {
		changed := bytes.ReplaceAll(body, []byte(from), []byte(to))
		require.NotEqual(t, body, changed)
		_, err = show(part[0]+"."+base64.RawURLEncoding.EncodeToString(changed)+"."+part[2], tenancy.ID{})
		require.ErrorIs(t, err, session.ErrToken)
	}

	// The control: in Alpha it is good, and a refresh stays there.
	tokens, err = issuer.Refresh(ctx, tokens.Refresh, "", session.Request{})
	require.NoError(t, err)
	s, err := show(string(tokens.Access.Reveal()), o.alpha)
	require.NoError(t, err)
	require.Equal(t, []string{"Alpha's secret"}, titles(t, o.db.For(s.Scope), "select title from app.documents"))
}

// sessions are those of a service with its own signing key.
func (o *office) sessions(t *testing.T, now func() time.Time) (*session.Issuer, *session.Verifier) {
	t.Helper()
	key, err := session.NewKey(session.GenerateSeed())
	require.NoError(t, err)
	issuer, err := session.NewIssuer(session.IssuerConfig{DB: o.db, Key: key, Issuer: "https://id.example", Audience: "documents", Now: now})
	require.NoError(t, err)
	verifier, err := session.NewVerifier(session.VerifierConfig{
		DB: o.db, Keys: []session.PublicKey{key.Public()}, Issuer: "https://id.example", Audience: "documents", Now: now,
	})
	require.NoError(t, err)
	return issuer, verifier
}
