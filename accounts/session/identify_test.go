package session_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// sends counts round trips: each batch and each query is one.
type sends struct{ atomic.Int64 }

func (s *sends) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.Add(1)
	return ctx
}
func (*sends) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (s *sends) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	s.Add(1)
	return ctx
}
func (*sends) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*sends) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// The token, the middleware and the handle together, by header and by cookie.
func TestSessionsInTheMiddleware(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var sent sends
	db, err := tenancy.Open(t.Context(), w.AppURL, tenancy.Config{Key: w.Key, Registry: accounts.Registry{}, Tracer: &sent, MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	verifier := w.verifier(t, func(c *session.VerifierConfig) { c.DB = db })
	token := string(w.start(t, w.anna, w.alpha).Access.Reveal())
	open := func(auth middleware.Authenticator, second ...tenancy.Role) http.Handler {
		m, err := middleware.New(middleware.Config{DB: db, Authenticate: auth, Tenant: middleware.PathPrefix("/t/"), RequireSecondFactor: second})
		require.NoError(t, err)
		return m.Handle(func(rw http.ResponseWriter, r *http.Request, s tenancy.Scope) {
			tenant, err := query.New(db.For(s)).GetTenant(r.Context(), s.Tenant())
			if err != nil {
				middleware.Fail(rw, err)
				return
			}
			_, _ = io.WriteString(rw, tenant.Name+" as "+string(s.Role())+" from "+s.Actor().IP.String())
		})
	}
	get := func(h http.Handler, tenant tenancy.ID, token string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, "/t/"+tenant.String(), nil)
		r.RemoteAddr = "203.0.113.9:4711"
		r.Header.Set("Authorization", "Bearer "+token)
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: token})
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		return answer.Code, answer.Body.String()
	}
	for _, h := range []http.Handler{open(middleware.Bearer(verifier.Identify)), open(middleware.Cookie("__Host-session", verifier.Identify))} {
		status, body := get(h, w.alpha, token)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "Alpha as owner from 203.0.113.9", body)
		before := sent.Load()
		_, _ = get(h, w.alpha, token)
		require.Equal(t, int64(1), sent.Load()-before, "the handler's one statement and nothing else")

		events := len(w.events(t, w.alpha))
		status, _ = get(h, w.beta, token)
		require.Equal(t, http.StatusForbidden, status, "although she is registered there, too")
		require.Equal(t, "accounts.foreign_tenant", w.events(t, w.alpha)[events], "her own tenant's log tells of it")
		status, _ = get(h, w.alpha, token[:len(token)-1])
		require.Equal(t, http.StatusUnauthorized, status)
	}

	second := open(middleware.Bearer(verifier.Identify), tenancy.RoleOwner)
	status, _ := get(second, w.alpha, token)
	require.Equal(t, http.StatusUnauthorized, status, "a password alone")
	for methods, want := range map[[2]string]int{
		{"pwd", "otp"}: http.StatusOK, {"hwk", "fpt"}: http.StatusOK, {"mfa", ""}: http.StatusOK,
		{"pwd", "pin"}: http.StatusUnauthorized, {"otp", "hwk"}: http.StatusUnauthorized, {"pwd", "unknown"}: http.StatusUnauthorized,
	} {
		tokens, err := w.issuer(t).Start(t.Context(), w.admit(t, w.anna, w.alpha), "test", methods[:]...)
		require.NoError(t, err)
		status, _ := get(second, w.alpha, string(tokens.Access.Reveal()))
		require.Equal(t, want, status, "%v", methods)
	}

	w.clock = w.clock.Add(2 * time.Minute)
	status, _ = get(second, w.alpha, token)
	require.Equal(t, http.StatusUnauthorized, status, "after its minute")
}
