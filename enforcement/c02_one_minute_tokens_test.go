package enforcement

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/tenancy"
)

// C2: tokens (JWT) for authentication and authorisation expire after 1 minute.
func TestC02TokensExpireAfterOneMinute(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	clock := time.Now().Truncate(time.Second)
	signedIn := clock
	issuer, verifier := o.sessions(t, func() time.Time { return clock })
	anna, err := o.db.Admit(ctx, o.anna, o.alpha)
	require.NoError(t, err)
	tokens, err := issuer.Start(ctx, anna, "a browser", "pwd")
	require.NoError(t, err)
	valid := func(after time.Duration) error {
		clock = signedIn.Add(after)
		_, err := verifier.Verify(ctx, string(tokens.Access.Reveal()), session.Request{Tenant: o.alpha})
		return err
	}
	require.NoError(t, valid(0))
	require.NoError(t, valid(59*time.Second), "the control")
	require.ErrorIs(t, valid(60*time.Second), session.ErrExpired)
	require.ErrorIs(t, valid(24*time.Hour), session.ErrExpired)

	// After the minute a new token is issued to those only who still belong to
	// the tenant, and the handle for it is good once.
	clock = signedIn.Add(time.Minute)
	fresh, err := issuer.Refresh(ctx, tokens.Refresh, "a browser", session.Request{})
	require.NoError(t, err)
	_, err = verifier.Verify(ctx, string(fresh.Access.Reveal()), session.Request{Tenant: o.alpha})
	require.NoError(t, err)
	_, err = issuer.Refresh(ctx, tokens.Refresh, "a browser", session.Request{})
	require.ErrorIs(t, err, session.ErrReused)
	_, err = issuer.Refresh(ctx, fresh.Refresh, "a browser", session.Request{})
	require.ErrorIs(t, err, session.ErrEnded, "and its second use ended the session")

	again, err := issuer.Start(ctx, anna, "a browser", "pwd")
	require.NoError(t, err)
	_, err = o.asAnna(t).Exec(ctx, "update watertight.memberships set status = 'suspended' where tenant_id = $1 and user_id = $2", o.alpha, o.anna.UserID)
	require.NoError(t, err)
	_, err = issuer.Refresh(ctx, again.Refresh, "a browser", session.Request{})
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)

	// Nobody can ask for tokens that live for long.
	key, err := session.NewKey(session.GenerateSeed())
	require.NoError(t, err)
	cfg := session.IssuerConfig{DB: o.db, Key: key, Issuer: "i", Audience: "a"}
	_, err = session.NewIssuer(cfg)
	require.NoError(t, err, "the control")
	cfg.TTL = time.Hour
	_, err = session.NewIssuer(cfg)
	require.ErrorContains(t, err, "tokens cannot live for 1h0m0s")
}
