package accounts_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// provider remembers what it was told, and fails as long as it is to.
type provider struct {
	mu   sync.Mutex
	told []string
	fail error
	then func() // after it was told
}

func (p *provider) Revoke(_ context.Context, token crypto.Secret) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	p.told = append(p.told, string(token.Reveal()))
	if p.then != nil {
		p.then()
	}
	return nil
}

// calendarWorld has a connected calendar of Carl in Alpha, one of Anna there,
// and one of Bob in Beta.
type calendarWorld struct {
	*world
	cals   accounts.Calendars
	google *provider
	carls  uuid.UUID
	annas  uuid.UUID
	bobs   uuid.UUID
}

func newCalendarWorld(t *testing.T) *calendarWorld {
	t.Helper()
	w := &calendarWorld{world: newWorld(t), google: &provider{}}
	store, err := keystore.New(w.db)
	require.NoError(t, err)
	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{insecurekeys.KEK{}}})
	require.NoError(t, err)
	w.cals = accounts.Calendars{DB: w.db, Ring: ring}
	w.carls = w.connect(t, w.carl, w.alpha, "carls")
	w.annas = w.connect(t, w.anna, w.alpha, "annas")
	w.bobs = w.connect(t, w.bob, w.beta, "bobs")
	return w
}

func (w *calendarWorld) connection(a tenancy.Actor, name string) accounts.Connection {
	return accounts.Connection{
		User: a.UserID, Provider: "google", Account: a.Email + name,
		Tokens: accounts.Tokens{Access: crypto.SecretString(name + "-access"), Refresh: crypto.SecretString(name + "-refresh"), Expires: time.Now().Add(time.Hour)},
	}
}

func (w *calendarWorld) connect(t *testing.T, a tenancy.Actor, in tenancy.ID, name string) uuid.UUID {
	t.Helper()
	id, err := w.cals.Connect(t.Context(), w.admit(t, a, in), w.connection(a, name))
	require.NoError(t, err)
	return id
}

func (w *calendarWorld) run(t *testing.T) accounts.Revoked {
	t.Helper()
	done, err := w.revocations().Run(t.Context())
	require.NoError(t, err)
	return done
}

func (w *calendarWorld) revocations() accounts.Revocations {
	return accounts.Revocations{DB: w.db, Ring: w.cals.Ring, Providers: map[string]accounts.Revoker{"google": w.google}}
}

func (w *calendarWorld) setPlan(t *testing.T, plan accounts.Plan) error {
	t.Helper()
	return w.sys.Run(t.Context(), tenancy.Actor{Email: "operator@example"}, "plan", func(ctx context.Context, c *crosstenant.Conn) error {
		return accounts.SetPlan(ctx, c, w.alpha, plan)
	})
}

// live counts the connections of a tenant that hold a credential, waiting the
// tokens in its outbox.
func (w *calendarWorld) live(t *testing.T, in tenancy.ID) (n int) {
	t.Helper()
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from watertight.calendar_connections
		where tenant_id = $1 and num_nonnulls(access_token, refresh_token, caldav_password) > 0`, in).Scan(&n))
	return n
}

func (w *calendarWorld) waiting(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from watertight.calendar_revocations`).Scan(&n))
	return n
}

var free = accounts.Plan{Name: "free"}

func TestCalendarConnectionLivesAndEnds(t *testing.T) {
	t.Parallel()
	w := newCalendarWorld(t)
	ctx := t.Context()
	carl := w.admit(t, w.carl, w.alpha)
	got, err := w.cals.Credential(ctx, carl, w.carls)
	require.NoError(t, err)
	require.Equal(t, "carls-refresh", string(got.Tokens.Refresh.Reveal()))
	_, err = w.cals.Credential(ctx, w.admit(t, w.bob, w.beta), w.carls)
	require.ErrorIs(t, err, accounts.ErrNoConnection, "another tenant's")

	// Two processes renew at once: the token of the one that was late is dropped.
	err = w.cals.Refresh(ctx, carl, w.carls, func(ctx context.Context, refresh crypto.Secret) (accounts.Tokens, error) {
		require.Equal(t, "carls-refresh", string(refresh.Reveal()))
		require.NoError(t, w.cals.Refresh(ctx, carl, w.carls, func(context.Context, crypto.Secret) (accounts.Tokens, error) {
			return accounts.Tokens{Access: crypto.SecretString("newer-access"), Refresh: crypto.SecretString("newer-refresh")}, nil
		}))
		return accounts.Tokens{Access: crypto.SecretString("late-access")}, nil
	})
	require.NoError(t, err)
	got, err = w.cals.Credential(ctx, carl, w.carls)
	require.NoError(t, err)
	require.Equal(t, "newer-access", string(got.Tokens.Access.Reveal()))

	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	require.NoError(t, w.cals.Import(ctx, carl, w.carls, day, day.AddDate(0, 0, 1), []accounts.Busy{{Subject: "Dentist", Start: day.Add(9 * time.Hour), Duration: 90 * time.Second}}))
	blocks, err := query.New(w.db.For(carl)).BusyBlocks(ctx, w.alpha, w.carls, day.AddDate(0, 0, 1), day)
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	require.Equal(t, int32(2), blocks[0].Minutes)

	require.NoError(t, w.cals.Disconnect(ctx, carl, w.carls))
	require.ErrorIs(t, w.cals.Disconnect(ctx, carl, w.carls), accounts.ErrNoConnection)
	_, err = w.cals.Credential(ctx, carl, w.carls)
	require.ErrorIs(t, err, accounts.ErrNoConnection)
	require.Equal(t, 1, w.waiting(t))
	require.Equal(t, accounts.Revoked{Told: 1}, w.run(t))
	require.Equal(t, []string{"newer-refresh"}, w.google.told)
	require.Zero(t, w.waiting(t))
	require.Equal(t, accounts.Revoked{}, w.run(t), "once is enough")
	require.Equal(t, 1, w.live(t, w.alpha), "Anna's stays")
}

func TestCalendarsEndWithTheAccount(t *testing.T) {
	t.Parallel()
	w := newCalendarWorld(t)
	owner := w.admit(t, w.anna, w.alpha)
	require.NoError(t, accounts.RemoveUser(t.Context(), w.db, owner, w.carl.UserID))
	require.Equal(t, 1, w.live(t, w.alpha))
	require.Equal(t, accounts.Revoked{Told: 1}, w.run(t))
	require.Equal(t, []string{"carls-refresh"}, w.google.told)
}

func TestCalendarsEndWithThePlan(t *testing.T) {
	t.Parallel()
	w := newCalendarWorld(t)
	require.NoError(t, w.setPlan(t, free))
	require.Zero(t, w.live(t, w.alpha))
	require.Equal(t, 1, w.live(t, w.beta))
	_, err := w.cals.Connect(t.Context(), w.admit(t, w.carl, w.alpha), w.connection(w.carl, "again"))
	require.ErrorIs(t, err, accounts.ErrNoCalendars)
	require.Equal(t, accounts.Revoked{Told: 2}, w.run(t))
	require.ElementsMatch(t, []string{"carls-refresh", "annas-refresh"}, w.google.told)
	tenant, err := query.New(w.db.For(w.admit(t, w.anna, w.alpha))).GetTenant(t.Context(), w.alpha)
	require.NoError(t, err)
	require.Equal(t, "free", tenant.Plan)
	require.NoError(t, w.setPlan(t, accounts.Plan{Name: "team", Calendars: true}))
	w.connect(t, w.carl, w.alpha, "again")
	require.Error(t, w.setPlan(t, accounts.Plan{Name: "No Plan"}))
}

// TestNoCalendarSurvivesADowngradeBesideIt connects calendars while the plan
// changes.
func TestNoCalendarSurvivesADowngradeBesideIt(t *testing.T) {
	t.Parallel()
	w := newCalendarWorld(t)
	carl := w.admit(t, w.carl, w.alpha)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for k := range 6 {
				_, err := w.cals.Connect(t.Context(), carl, w.connection(w.carl, string(rune('a'+n))+string(rune('a'+k))))
				if err != nil && !errors.Is(err, accounts.ErrNoCalendars) {
					t.Error(err)
				}
			}
		})
	}
	var err error
	for range 20 { // a connection made in between makes it fail as a whole
		if err = w.setPlan(t, free); err == nil {
			break
		}
	}
	wg.Wait()
	if err != nil {
		require.NoError(t, w.setPlan(t, free))
	}
	require.Zero(t, w.live(t, w.alpha))
}

// TestDowngradeKilledAtEveryStep ends the server's process in the middle of the
// transaction. Each time all is as before, and the next run completes.
func TestDowngradeKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	w := newCalendarWorld(t)
	steps := []func(context.Context, *crosstenant.Conn) error{
		func(context.Context, *crosstenant.Conn) error { return nil },
		func(ctx context.Context, c *crosstenant.Conn) error {
			_, err := platform.New(c).EndCalendarConnections(ctx, w.alpha)
			return err
		},
		func(ctx context.Context, c *crosstenant.Conn) error { return accounts.SetPlan(ctx, c, w.alpha, free) },
	}
	for i, step := range steps {
		err := w.sys.Run(t.Context(), tenancy.Actor{Email: "operator@example"}, "plan", func(ctx context.Context, c *crosstenant.Conn) error {
			if err := step(ctx, c); err != nil {
				return err
			}
			var pid int32
			if err := c.QueryRow(ctx, "select pg_backend_pid()").Scan(&pid); err != nil {
				return err
			}
			w.exec(t, "select pg_terminate_backend($1)", pid)
			return nil
		})
		require.Error(t, err, "step %d", i)
		require.Equal(t, 2, w.live(t, w.alpha), "step %d", i)
		require.Zero(t, w.waiting(t), "step %d", i)
	}
	require.NoError(t, w.setPlan(t, free))
	require.Zero(t, w.live(t, w.alpha))
	require.Equal(t, accounts.Revoked{Told: 2}, w.run(t))
}

// TestRevocationKilledAtEveryStep stops the job before and after the provider
// is told, and before the row is gone. No token is lost, and none is left.
func TestRevocationKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	w := newCalendarWorld(t)
	require.NoError(t, w.setPlan(t, free))
	stopped := errors.New("stopped")
	for name, stop := range map[string]func(cancel context.CancelFunc){
		"before the provider is told": func(cancel context.CancelFunc) { w.google.fail = stopped; cancel() },
		"after the provider was told": func(cancel context.CancelFunc) { w.google.then = cancel },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if name == "before the provider is told" {
			cancel()
		}
		stop(cancel)
		_, err := w.revocations().Run(ctx)
		cancel()
		require.Error(t, err, name)
		require.Equal(t, 2, w.waiting(t), name)
		w.google.fail, w.google.then = nil, nil
		w.exec(t, "update watertight.calendar_revocations set next_attempt_at = now()") // the time passes
	}
	require.Equal(t, accounts.Revoked{Told: 2}, w.run(t))
	require.Subset(t, w.google.told, []string{"carls-refresh", "annas-refresh"})
	require.Zero(t, w.waiting(t))
}

// TestNoTransactionWaitsForAProvider: the audit log's sealer would wait with it.
func TestNoTransactionWaitsForAProvider(t *testing.T) {
	t.Parallel()
	w := newCalendarWorld(t)
	require.NoError(t, w.setPlan(t, free))
	open := -1
	w.google.then = func() {
		err := w.admin.QueryRow(t.Context(), `select count(*) from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null and backend_type = 'client backend'`).Scan(&open)
		if err != nil {
			t.Error(err)
		}
	}
	require.Equal(t, accounts.Revoked{Told: 2}, w.run(t))
	require.Zero(t, open)
}

func TestProvidersThatFail(t *testing.T) {
	t.Parallel()
	w := newCalendarWorld(t)
	answer := http.StatusServiceUnavailable
	body := "down"
	var token string
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		token = r.PostFormValue("token")
		rw.WriteHeader(answer)
		_, _ = rw.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	r := w.revocations()
	r.Providers = map[string]accounts.Revoker{"google": accounts.RFC7009{Endpoint: server.URL}}
	run := func() accounts.Revoked {
		t.Helper()
		w.exec(t, "update watertight.calendar_revocations set next_attempt_at = now()")
		done, err := r.Run(t.Context())
		require.NoError(t, err)
		return done
	}
	require.NoError(t, w.cals.Disconnect(t.Context(), w.admit(t, w.carl, w.alpha), w.carls))
	require.Equal(t, accounts.Revoked{Postponed: 1}, run())
	require.Equal(t, "carls-refresh", token)
	var attempts int
	var soon bool
	require.NoError(t, w.admin.QueryRow(t.Context(), "select attempts, next_attempt_at < now() + interval '50 seconds' from watertight.calendar_revocations").Scan(&attempts, &soon))
	require.Equal(t, 1, attempts)
	require.False(t, soon, "it waits for a minute")
	done, err := r.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, accounts.Revoked{}, done, "not due")
	server.CloseClientConnections()
	answer, body = http.StatusBadRequest, `{"error": "unsupported"}`
	require.Equal(t, accounts.Revoked{Postponed: 1}, run())
	body = `{"error": "invalid_token"}`
	require.Equal(t, accounts.Revoked{Told: 1}, run(), "it was revoked before")

	require.NoError(t, w.cals.Disconnect(t.Context(), w.admit(t, w.anna, w.alpha), w.annas))
	answer = http.StatusInternalServerError
	w.exec(t, "update watertight.calendar_revocations set created_at = now() - interval '31 days'")
	require.Equal(t, accounts.Revoked{GivenUp: 1}, run())
	require.Zero(t, w.waiting(t))

	r.Providers = nil
	require.NoError(t, w.cals.Disconnect(t.Context(), w.admit(t, w.bob, w.beta), w.bobs))
	require.Equal(t, accounts.Revoked{Destroyed: 1}, run())

	err = accounts.RFC7009{Endpoint: "http://127.0.0.1:1/"}.Revoke(t.Context(), crypto.SecretString("secret-token"))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret-token")
}

// TestTheOutboxIsForTheJob: nobody but the job reads tokens that wait.
func TestTheOutboxIsForTheJob(t *testing.T) {
	t.Parallel()
	w := newCalendarWorld(t)
	carl := w.admit(t, w.carl, w.alpha)
	require.NoError(t, w.cals.Disconnect(t.Context(), carl, w.carls))
	for _, a := range []tenancy.Actor{w.carl, w.anna} {
		_, err := query.New(w.db.For(w.admit(t, a, w.alpha))).ClaimCalendarRevocations(t.Context(), w.alpha, 10)
		require.ErrorIs(t, err, tenancy.ErrForbidden)
	}
	job, err := w.db.AdmitJob(t.Context(), w.beta, "test")
	require.NoError(t, err)
	due, err := query.New(w.db.For(job)).ClaimCalendarRevocations(t.Context(), w.beta, 10)
	require.NoError(t, err)
	require.Empty(t, due, "Alpha's token is not Beta's to see")
	job, err = w.db.AdmitJob(t.Context(), w.alpha, "test")
	require.NoError(t, err)
	due, err = query.New(w.db.For(job)).ClaimCalendarRevocations(t.Context(), w.alpha, 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
}
