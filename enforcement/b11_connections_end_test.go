package enforcement

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// providerOfCalendars is told which tokens to forget.
type providerOfCalendars struct{ forgot []string }

func (p *providerOfCalendars) Revoke(_ context.Context, token crypto.Secret) error {
	p.forgot = append(p.forgot, string(token.Reveal()))
	return nil
}

// B11: calendar connections can be revoked at any time; when the account is
// deleted or downgraded to free, all are disconnected.
func TestB11ConnectionsEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	ring, err := insecurekeys.NewRing()
	require.NoError(t, err)
	calendars := accounts.Calendars{DB: o.db, Ring: ring}
	provider := &providerOfCalendars{}
	tell := func() []string {
		provider.forgot = nil
		job := accounts.Revocations{DB: o.db, Ring: ring, Providers: map[string]accounts.Revoker{"google": provider}}
		_, err := job.Run(ctx)
		require.NoError(t, err)
		return provider.forgot
	}
	scope := func() tenancy.Scope {
		s, err := o.db.Admit(ctx, o.anna, o.alpha)
		require.NoError(t, err)
		return s
	}
	connect := func(user uuid.UUID, token string) uuid.UUID {
		id, err := calendars.Connect(ctx, scope(), accounts.Connection{
			User: user, Provider: "google", Account: token, Tokens: accounts.Tokens{Refresh: crypto.SecretString(token)},
		})
		require.NoError(t, err)
		credential, err := calendars.Credential(ctx, scope(), id)
		require.NoError(t, err, "it is connected")
		require.Equal(t, token, string(credential.Tokens.Refresh.Reveal()))
		return id
	}
	gone := func(id uuid.UUID) {
		_, err := calendars.Credential(ctx, scope(), id)
		require.ErrorIs(t, err, accounts.ErrNoConnection)
	}

	// At any time.
	first := connect(o.anna.UserID, "first")
	require.NoError(t, calendars.Disconnect(ctx, scope(), first))
	gone(first)
	require.Equal(t, []string{"first"}, tell())

	// With the account.
	carl := uuid.New()
	require.NoError(t, accounts.AddUser(ctx, o.db, scope(), carl, "carl@alpha.example", "Carl", tenancy.RoleMember))
	second := connect(carl, "second")
	require.NoError(t, accounts.RemoveUser(ctx, o.db, scope(), carl))
	gone(second)
	require.Equal(t, []string{"second"}, tell())

	// With the plan; and a plan without calendars takes no new one.
	third := connect(o.anna.UserID, "third")
	system, err := crosstenant.Open(ctx, o.SystemURL, crosstenant.Config{Key: o.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer system.Close()
	require.NoError(t, system.Run(ctx, tenancy.Actor{Email: "billing@example"}, "downgrade", func(ctx context.Context, c *crosstenant.Conn) error {
		return accounts.SetPlan(ctx, c, o.alpha, accounts.Plan{Name: "free"})
	}))
	gone(third)
	require.Equal(t, []string{"third"}, tell())
	_, err = calendars.Connect(ctx, scope(), accounts.Connection{
		User: o.anna.UserID, Provider: "google", Account: "again", Tokens: accounts.Tokens{Refresh: crypto.SecretString("again")},
	})
	require.ErrorIs(t, err, accounts.ErrNoCalendars)
}
