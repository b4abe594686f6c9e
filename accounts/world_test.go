package accounts_test

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/internal/pooler"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

const (
	annasPassword = "correct horse battery"
	carlsPassword = "staple paper lantern"
	betasPassword = "another house by the sea"
)

var visitor = netip.MustParseAddr("192.0.2.7")

// world is two tenants. Anna owns Alpha and has another account, with another
// password, in Beta; Carl and Vera, who has no password, work for Alpha.
type world struct {
	*pgtest.Database
	db               *tenancy.DB
	sys              *crosstenant.DB
	admin            *pgx.Conn
	refusals         *audit.Refusals
	hasher           *crypto.Hasher
	passwords        *crypto.Passwords
	alpha, beta      tenancy.ID
	anna, carl, vera tenancy.Actor
	bob              tenancy.Actor
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{Database: pgtest.New(t), refusals: &audit.Refusals{}}
	app, system := w.AppURL, w.SystemURL
	pooler.Route(t, "accounts", &app, &system)
	var err error
	w.db, err = tenancy.Open(ctx, app, tenancy.Config{
		Key: w.Key, Registry: accounts.Registry{}, Refused: w.refusals.Record, Binding: pooler.Binding(),
	})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	w.refusals.Use(w.db)
	w.sys, err = crosstenant.Open(ctx, system, crosstenant.Config{
		Key: w.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler)), Binding: pooler.Binding(),
	})
	require.NoError(t, err)
	t.Cleanup(w.sys.Close)
	w.admin, err = pgx.Connect(ctx, w.AdminURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.admin.Close(context.Background()) })
	w.setPasswords(t, 4)

	w.anna = tenancy.Actor{UserID: uuid.New(), Email: "anna@alpha.example"}
	w.bob = tenancy.Actor{UserID: uuid.New(), Email: "bob@beta.example"}
	w.carl = tenancy.Actor{UserID: uuid.New(), Email: "carl@alpha.example"}
	w.vera = tenancy.Actor{UserID: uuid.New(), Email: "vera@alpha.example"}
	w.alpha, w.beta = w.tenant(t, "Alpha", w.anna), w.tenant(t, "Beta", w.bob)
	inAlpha, inBeta := w.admit(t, w.anna, w.alpha), w.admit(t, w.bob, w.beta)
	require.NoError(t, accounts.AddUser(ctx, w.db, inAlpha, w.carl.UserID, w.carl.Email, "Carl", tenancy.RoleMember))
	require.NoError(t, accounts.AddUser(ctx, w.db, inAlpha, w.vera.UserID, w.vera.Email, "Vera", tenancy.RoleViewer))
	require.NoError(t, accounts.AddUser(ctx, w.db, inBeta, w.anna.UserID, w.anna.Email, "Anna", tenancy.RoleViewer))
	in := w.signIn(t)
	require.NoError(t, in.SetPassword(ctx, inAlpha, w.anna.UserID, crypto.SecretString(annasPassword), false))
	require.NoError(t, in.SetPassword(ctx, inAlpha, w.carl.UserID, crypto.SecretString(carlsPassword), false))
	require.NoError(t, in.SetPassword(ctx, inBeta, w.anna.UserID, crypto.SecretString(betasPassword), false))
	return w
}

// setPasswords makes new hashes cost so much. The keys are in the database, as
// in production, and stay from one call to the next.
func (w *world) setPasswords(t *testing.T, cost int) {
	t.Helper()
	store, err := keystore.New(w.db)
	require.NoError(t, err)
	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{insecurekeys.KEK{}}})
	require.NoError(t, err)
	w.hasher, err = crypto.NewHasher(crypto.HasherConfig{Cost: cost, WeakCostForTests: true})
	require.NoError(t, err)
	w.passwords, err = crypto.NewPasswords(ring, w.hasher)
	require.NoError(t, err)
}

func (w *world) tenant(t *testing.T, name string, owner tenancy.Actor) (id tenancy.ID) {
	t.Helper()
	require.NoError(t, w.sys.Run(t.Context(), tenancy.Actor{Email: "operator@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) (err error) {
		id, _, err = accounts.CreateTenant(ctx, c, name, accounts.Owner{UserID: owner.UserID, Email: owner.Email})
		return err
	}))
	return id
}

func (w *world) status(t *testing.T, id tenancy.ID, status string) {
	t.Helper()
	require.NoError(t, w.sys.Run(t.Context(), tenancy.Actor{Email: "operator@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) error {
		return accounts.SetTenantStatus(ctx, c, id, status)
	}))
}

func (w *world) admit(t *testing.T, a tenancy.Actor, in tenancy.ID) tenancy.Scope {
	t.Helper()
	scope, err := w.db.Admit(t.Context(), a, in)
	require.NoError(t, err)
	return scope
}

func (w *world) signIn(t *testing.T, change ...func(*accounts.SignInConfig)) *accounts.SignIn {
	t.Helper()
	cfg := accounts.SignInConfig{DB: w.db, Passwords: w.passwords, Hasher: w.hasher, Limiter: unlimited{}, Report: func(err error) { t.Errorf("reported: %v", err) }}
	for _, c := range change {
		c(&cfg)
	}
	in, err := accounts.NewSignIn(cfg)
	require.NoError(t, err)
	return in
}

type unlimited struct{}

func (unlimited) Allow(context.Context, string, string) error { return nil }

func attempt(email, password string, in tenancy.ID) accounts.Attempt {
	return accounts.Attempt{Email: email, Password: crypto.SecretString(password), Tenant: in, IP: visitor}
}

// exec runs SQL as the superuser, past every guard.
func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := w.admin.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// logged are the actions that begin with a prefix in a log, the oldest first.
func (w *world) logged(t *testing.T, in tenancy.ID, prefix string) []string {
	t.Helper()
	var id any = uuid.Nil
	if !in.IsZero() {
		id = in
	}
	rows, err := w.admin.Query(t.Context(), "select action from watertight.audit_event where tenant_id = $1 and starts_with(action, $2) order by id", id, prefix)
	require.NoError(t, err)
	actions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return actions
}
