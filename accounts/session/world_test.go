package session_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is two tenants: Anna owns Alpha, where Carl is a member; Bob owns Beta,
// and Anna has an account there, too.
type world struct {
	*pgtest.Database
	db              *tenancy.DB
	alpha, beta     tenancy.ID
	anna, bob, carl tenancy.Actor
	key             session.Key
	clock           time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Database: pgtest.New(t), clock: time.Now().Truncate(time.Second)}
	var err error
	w.db, err = tenancy.Open(t.Context(), w.AppURL, tenancy.Config{Key: w.Key, Registry: accounts.Registry{}})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	w.key, err = session.NewKey(session.GenerateSeed())
	require.NoError(t, err)

	sys, err := crosstenant.Open(t.Context(), w.SystemURL, crosstenant.Config{Key: w.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer sys.Close()
	tenant := func(name string, owner tenancy.Actor) (id tenancy.ID) {
		require.NoError(t, sys.Run(t.Context(), tenancy.Actor{Email: "operator@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) error {
			id, _, err = accounts.CreateTenant(ctx, c, name, accounts.Owner{UserID: owner.UserID, Email: owner.Email})
			return err
		}))
		return id
	}
	w.anna = tenancy.Actor{UserID: uuid.New(), Email: "anna@alpha.example"}
	w.bob = tenancy.Actor{UserID: uuid.New(), Email: "bob@beta.example"}
	w.carl = tenancy.Actor{UserID: uuid.New(), Email: "carl@alpha.example"}
	w.alpha, w.beta = tenant("Alpha", w.anna), tenant("Beta", w.bob)
	require.NoError(t, accounts.AddUser(t.Context(), w.db, w.admit(t, w.anna, w.alpha), w.carl.UserID, w.carl.Email, "Carl", tenancy.RoleMember))
	require.NoError(t, accounts.AddUser(t.Context(), w.db, w.admit(t, w.bob, w.beta), w.anna.UserID, w.anna.Email, "Anna", tenancy.RoleViewer))
	return w
}

func (w *world) admit(t *testing.T, a tenancy.Actor, in tenancy.ID) tenancy.Scope {
	t.Helper()
	scope, err := w.db.Admit(t.Context(), a, in)
	require.NoError(t, err)
	return scope
}

func (w *world) now() time.Time { return w.clock }

func (w *world) issuer(t *testing.T) *session.Issuer {
	t.Helper()
	i, err := session.NewIssuer(session.IssuerConfig{DB: w.db, Key: w.key, Issuer: "https://id.example", Audience: "bookings", Now: w.now})
	require.NoError(t, err)
	return i
}

func (w *world) verifier(t *testing.T, change ...func(*session.VerifierConfig)) *session.Verifier {
	t.Helper()
	cfg := session.VerifierConfig{
		DB: w.db, Keys: []session.PublicKey{w.key.Public()}, Issuer: "https://id.example", Audience: "bookings", Now: w.now,
		Failed: func(err error) { t.Errorf("not recorded: %v", err) },
	}
	for _, c := range change {
		c(&cfg)
	}
	v, err := session.NewVerifier(cfg)
	require.NoError(t, err)
	return v
}

// start signs an actor in.
func (w *world) start(t *testing.T, a tenancy.Actor, in tenancy.ID) session.Tokens {
	t.Helper()
	tokens, err := w.issuer(t).Start(t.Context(), w.admit(t, a, in), "test browser", "pwd")
	require.NoError(t, err)
	return tokens
}

// events are the actions in a tenant's log that begin with accounts.
func (w *world) events(t *testing.T, in tenancy.ID) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.AdminURL)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows, err := conn.Query(t.Context(), "select action from watertight.audit_event where tenant_id = $1 and action like 'accounts.%' order by id", in)
	require.NoError(t, err)
	actions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return actions
}
