package middleware_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// site is a database with two customers behind a middleware. Anna owns Alpha
// and is a viewer of Beta, Bob owns Beta.
type site struct {
	*pgtest.Database
	db          *tenancy.DB
	sent        sends
	alpha, beta tenancy.ID
	anna, bob   uuid.UUID
	refused     refusals
	sessions    map[string]middleware.Identity // by token
}

// sends counts the round trips: each batch and each query is one.
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

type refusals struct {
	mu   sync.Mutex
	list []tenancy.Refusal
}

func (r *refusals) record(_ context.Context, refusal tenancy.Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, refusal)
}

// take returns what was refused since the last call.
func (r *refusals) take() []tenancy.Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	return list
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{Database: pgtest.New(t), sessions: map[string]middleware.Identity{}}
	ctx := t.Context()
	sys, err := crosstenant.Open(ctx, s.SystemURL, crosstenant.Config{Key: s.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer sys.Close()
	err = sys.Run(ctx, tenancy.Actor{Email: "operator@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) error {
		if s.alpha, s.anna, err = accounts.CreateTenant(ctx, c, "Alpha", accounts.Owner{Email: "anna@alpha.example"}); err != nil {
			return err
		}
		s.beta, s.bob, err = accounts.CreateTenant(ctx, c, "Beta", accounts.Owner{Email: "bob@beta.example"})
		return err
	})
	require.NoError(t, err)
	s.db, err = tenancy.Open(ctx, s.AppURL, tenancy.Config{
		Key: s.Key, Registry: accounts.Registry{}, Refused: s.refused.record, Tracer: &s.sent, MaxConns: 1,
	})
	require.NoError(t, err)
	t.Cleanup(s.db.Close)
	bob, err := s.db.Admit(ctx, tenancy.Actor{UserID: s.bob}, s.beta)
	require.NoError(t, err)
	require.NoError(t, accounts.AddUser(ctx, s.db, bob, s.anna, "anna@beta.example", "Anna", tenancy.RoleViewer))
	s.sessions["anna"] = middleware.Identity{Actor: tenancy.Actor{UserID: s.anna, Email: "anna@alpha.example"}}
	s.sessions["bob"] = middleware.Identity{Actor: tenancy.Actor{UserID: s.bob, Email: "bob@beta.example"}}
	s.sessions["stranger"] = middleware.Identity{Actor: tenancy.Actor{UserID: uuid.New(), Email: "x@example"}}
	bound := s.sessions["anna"]
	bound.Tenant = s.alpha
	s.sessions["anna-in-alpha"] = bound
	bound.Role = tenancy.RoleOwner
	s.sessions["anna-with-role"] = bound
	bound.SecondFactor = true
	s.sessions["anna-with-two"] = bound
	return s
}

var errDown = errors.New("the session store is down")

func (s *site) verify(_ context.Context, token string) (middleware.Identity, error) {
	if token == "down" {
		return middleware.Identity{}, errDown
	}
	id, ok := s.sessions[token]
	if !ok {
		return middleware.Identity{}, middleware.ErrUnauthenticated
	}
	return id, nil
}

// handler answers with what its scope may read.
func (s *site) handler(t *testing.T, change ...func(*middleware.Config)) http.Handler {
	t.Helper()
	cfg := middleware.Config{
		DB: s.db, Authenticate: middleware.Bearer(s.verify), Tenant: middleware.PathPrefix("/t/"),
		Log: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&cfg)
	}
	m, err := middleware.New(cfg)
	require.NoError(t, err)
	return m.Handle(func(w http.ResponseWriter, r *http.Request, scope tenancy.Scope) {
		tenant, err := query.New(s.db.For(scope)).GetTenant(r.Context(), scope.Tenant())
		if err != nil {
			middleware.Fail(w, err)
			return
		}
		w.Header().Set("X-Role", string(scope.Role()))
		w.Header().Set("X-Ip", scope.Actor().IP.String())
		w.Header().Set("X-Actor-Request", scope.Actor().Request)
		_, _ = io.WriteString(w, tenant.Name)
	})
}

func get(h http.Handler, path, token string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = "203.0.113.9:4711"
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAdmittedRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.handler(t)
	for _, c := range []struct {
		token  string
		tenant tenancy.ID
		name   string
		role   string
	}{
		{"anna", s.alpha, "Alpha", "owner"},
		{"anna", s.beta, "Beta", "viewer"},
		{"bob", s.beta, "Beta", "owner"},
		{"anna-in-alpha", s.alpha, "Alpha", "owner"},
		{"anna-with-role", s.alpha, "Alpha", "owner"},
	} {
		w := get(h, "/t/"+c.tenant.String()+"/rooms", c.token)
		require.Equal(t, http.StatusOK, w.Code, "%s: %s", c.token, w.Body)
		require.Equal(t, c.name, w.Body.String())
		require.Equal(t, c.role, w.Header().Get("X-Role"))
		require.Equal(t, "203.0.113.9", w.Header().Get("X-Ip"))
		require.NotEmpty(t, w.Header().Get("X-Request-Id"))
		require.Equal(t, w.Header().Get("X-Request-Id"), w.Header().Get("X-Actor-Request"), "the log leads back to the request")
	}
	require.Empty(t, s.refused.take())
}

// All that is not one's own tenant gets one and the same answer, and the same
// work is done for it: nobody finds out which tenants exist.
func TestForeignAndUnknownTenantsAreAlike(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.handler(t)
	own := "/t/" + s.beta.String()
	require.Equal(t, http.StatusOK, get(h, own, "bob").Code, "positive control")
	s.refused.take()
	var first http.Header
	for _, path := range []string{"/t/" + s.alpha.String(), "/t/" + tenancy.NewID().String(), "/t/acme", "/t/", "/", "/t/" + (uuid.UUID{}).String()} {
		before := s.sent.Load()
		w := get(h, path, "bob")
		require.Equal(t, http.StatusForbidden, w.Code, path)
		require.JSONEq(t, `{"error":"not allowed"}`, w.Body.String(), path)
		require.Equal(t, int64(1), s.sent.Load()-before, "%s: one question to the database", path)
		require.Len(t, s.refused.take(), 1, "%s: one attempt is heard of", path)
		header := w.Header().Clone()
		header.Del("X-Request-Id")
		if first == nil {
			first = header
		}
		require.Equal(t, first, header, path)
	}
	require.Equal(t, http.StatusForbidden, get(h, own, "stranger").Code)
}

// A service may answer in its own words, and is told why.
func TestAnswersOfTheService(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var heard []error
	h := s.handler(t, func(c *middleware.Config) {
		c.Authenticate = middleware.Cookie("session", s.verify)
		c.Answer = func(w http.ResponseWriter, _ *http.Request, status int, err error) {
			heard = append(heard, err)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "a page")
		}
	})
	cookie := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "session", Value: value}) }
	}
	forged := func(r *http.Request) { r.Method = http.MethodPost; r.Header.Set("Sec-Fetch-Site", "cross-site") }
	require.Equal(t, "Beta", get(h, "/t/"+s.beta.String(), "", cookie("bob")).Body.String(), "positive control")
	for _, c := range []struct {
		change []func(*http.Request)
		status int
		want   error
	}{
		{nil, http.StatusUnauthorized, middleware.ErrUnauthenticated},
		{[]func(*http.Request){cookie("bob")}, http.StatusForbidden, tenancy.ErrNotAdmitted},
		{[]func(*http.Request){cookie("bob"), forged}, http.StatusForbidden, middleware.ErrCrossOrigin},
		{[]func(*http.Request){cookie("down")}, http.StatusServiceUnavailable, errDown},
	} {
		w := get(h, "/t/"+s.alpha.String(), "", c.change...)
		require.Equal(t, c.status, w.Code)
		require.Equal(t, "a page", w.Body.String())
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		require.ErrorIs(t, heard[len(heard)-1], c.want)
	}
}

func TestUnverifiedRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.handler(t)
	own := "/t/" + s.alpha.String()
	before := s.sent.Load()
	for name, change := range map[string]func(*http.Request){
		"none":      func(*http.Request) {},
		"unknown":   func(r *http.Request) { r.Header.Set("Authorization", "Bearer nonsense") },
		"basic":     func(r *http.Request) { r.Header.Set("Authorization", "Basic anna") },
		"empty":     func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
		"no scheme": func(r *http.Request) { r.Header.Set("Authorization", "anna") },
		"two":       func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer anna", "Bearer bob"} },
		"long":      func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+string(make([]byte, 9<<10))) },
	} {
		for _, path := range []string{own, "/t/" + tenancy.NewID().String()} {
			w := get(h, path, "", change)
			require.Equal(t, http.StatusUnauthorized, w.Code, name)
			require.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"), name)
			require.JSONEq(t, `{"error":"sign in first"}`, w.Body.String())
		}
	}
	require.Equal(t, before, s.sent.Load(), "nobody is told about tenants before he says who he is")
	require.Equal(t, http.StatusOK, get(h, own, "", func(r *http.Request) { r.Header.Set("Authorization", "bearer anna") }).Code, "the scheme has no case")

	w := get(h, own, "down")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.NotContains(t, w.Body.String(), "store")

	// An authenticator that forgot who it is, or claims to be a job.
	s.sessions["nobody"] = middleware.Identity{Tenant: s.alpha, Role: tenancy.RoleOwner}
	s.sessions["job"] = middleware.Identity{Actor: tenancy.Actor{UserID: s.anna, Kind: tenancy.KindJob}, Tenant: s.alpha, Role: tenancy.RoleJob}
	for _, token := range []string{"nobody", "job"} {
		require.Equal(t, http.StatusUnauthorized, get(h, own, token).Code, token)
	}
	s.db.Close()
	w = get(h, own, "anna")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.JSONEq(t, `{"error":"try again later"}`, w.Body.String())
}

// A session is good for its tenant alone, whatever else the account may do.
func TestBoundSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.handler(t)
	require.Equal(t, http.StatusOK, get(h, "/t/"+s.beta.String(), "anna").Code, "control: she is registered with both")
	for _, token := range []string{"anna-in-alpha", "anna-with-role", "anna-with-two"} {
		require.Equal(t, http.StatusOK, get(h, "/t/"+s.alpha.String(), token).Code)
		s.refused.take()
		w := get(h, "/t/"+s.beta.String(), token)
		require.Equal(t, http.StatusForbidden, w.Code)
		heard := s.refused.take()
		require.Len(t, heard, 1)
		require.Equal(t, s.beta, heard[0].Tenant)
		require.Equal(t, s.anna, heard[0].Actor.UserID)
		require.Equal(t, netip.MustParseAddr("203.0.113.9"), heard[0].Actor.IP)
		require.ErrorIs(t, heard[0].Err, tenancy.ErrNotAdmitted)
		require.Equal(t, http.StatusForbidden, get(h, "/nowhere", token).Code, "nor for a page without a tenant")
	}

	byToken := s.handler(t, func(c *middleware.Config) { c.Tenant = nil })
	require.Equal(t, "Alpha", get(byToken, "/rooms", "anna-in-alpha").Body.String())
	require.Equal(t, http.StatusForbidden, get(byToken, "/rooms", "anna").Code, "a session without a tenant")
}

// One admitted request costs one round trip beyond its statements, and none if
// its token carries the role.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.handler(t)
	path := "/t/" + s.alpha.String()
	for token, want := range map[string]int64{"anna": 2, "anna-in-alpha": 2, "anna-with-role": 1} {
		require.Equal(t, http.StatusOK, get(h, path, token).Code)
		before := s.sent.Load()
		require.Equal(t, http.StatusOK, get(h, path, token).Code)
		require.Equal(t, want, s.sent.Load()-before, "%s: with the handler's one statement", token)
	}
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.handler(t, func(c *middleware.Config) {
		c.RequireSecondFactor = []tenancy.Role{tenancy.RoleOwner, tenancy.RoleAdmin}
	})
	alpha, beta := "/t/"+s.alpha.String(), "/t/"+s.beta.String()
	for _, token := range []string{"anna", "anna-in-alpha", "anna-with-role"} {
		s.refused.take()
		w := get(h, alpha, token)
		require.Equal(t, http.StatusUnauthorized, w.Code, token)
		require.Contains(t, w.Header().Get("WWW-Authenticate"), `error="insufficient_user_authentication"`)
		require.Len(t, s.refused.take(), 1)
	}
	require.Equal(t, http.StatusOK, get(h, alpha, "anna-with-two").Code)
	require.Equal(t, http.StatusOK, get(h, beta, "anna").Code, "a viewer needs none")
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.handler(t, func(c *middleware.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	id := func(remote, given string) string {
		return get(h, "/t/"+s.alpha.String(), "anna", func(r *http.Request) {
			r.RemoteAddr = remote
			r.Header.Set("X-Request-Id", given)
		}).Header().Get("X-Actor-Request")
	}
	require.Equal(t, "trace-1", id("10.0.0.1:80", "trace-1"))
	require.NotEqual(t, "trace-1", id("203.0.113.9:80", "trace-1"), "a client does not choose it")
	require.NotEqual(t, "a b", id("10.0.0.1:80", "a b"))
	require.NotEqual(t, id("203.0.113.9:80", ""), id("203.0.113.9:80", ""))
}

func TestResolvers(t *testing.T) {
	t.Parallel()
	tenant, other := tenancy.NewID(), tenancy.NewID()
	names := func(_ context.Context, name string) (tenancy.ID, error) {
		if name == "acme" {
			return tenant, nil
		}
		return tenancy.ID{}, tenancy.ErrNoTenant
	}
	sub := middleware.Subdomain("app.example", names)
	agree := middleware.Agree(middleware.Header("X-Tenant"), middleware.PathPrefix("/t/"))
	for name, c := range map[string]struct {
		resolve      middleware.Resolver
		host, path   string
		headers      []string
		want         tenancy.ID
		bound, found bool
	}{
		"subdomain":             {sub, "acme.app.example", "/", nil, tenant, false, true},
		"port and case":         {sub, "ACME.App.Example.:8443", "/", nil, tenant, false, true},
		"the domain itself":     {sub, "app.example", "/", nil, tenancy.ID{}, false, false},
		"two labels":            {sub, "x.acme.app.example", "/", nil, tenancy.ID{}, false, false},
		"another domain":        {sub, "acme.app.example.evil.example", "/", nil, tenancy.ID{}, false, false},
		"a suffix of a label":   {sub, "acmeapp.example", "/", nil, tenancy.ID{}, false, false},
		"unknown name":          {sub, "emca.app.example", "/", nil, tenancy.ID{}, false, false},
		"prefix":                {middleware.PathPrefix("/t/"), "", "/t/" + tenant.String() + "/x", nil, tenant, false, true},
		"prefix inside":         {middleware.PathPrefix("/t/"), "", "/x/t/" + tenant.String(), nil, tenancy.ID{}, false, false},
		"prefix of names":       {middleware.PathPrefixOf("/t/", names), "", "/t/acme", nil, tenant, false, true},
		"header":                {middleware.Header("X-Tenant"), "", "/", []string{tenant.String()}, tenant, false, true},
		"header twice":          {middleware.Header("X-Tenant"), "", "/", []string{tenant.String(), tenant.String()}, tenancy.ID{}, false, false},
		"no header":             {middleware.Header("X-Tenant"), "", "/", nil, tenancy.ID{}, false, false},
		"bound":                 {middleware.Bound(), "", "/", nil, tenant, true, true},
		"not bound":             {middleware.Bound(), "", "/", nil, tenancy.ID{}, false, false},
		"agree":                 {agree, "", "/t/" + tenant.String(), []string{tenant.String()}, tenant, false, true},
		"agree, one is silent":  {agree, "", "/x", []string{tenant.String()}, tenant, false, true},
		"disagree":              {agree, "", "/t/" + tenant.String(), []string{other.String()}, tenancy.ID{}, false, false},
		"agree, all are silent": {agree, "", "/x", nil, tenancy.ID{}, false, false},
		"agree on nothing":      {middleware.Agree(), "", "/x", nil, tenancy.ID{}, false, false},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, nil)
		r.Host = c.host
		r.Header["X-Tenant"] = c.headers
		var id middleware.Identity
		if c.bound {
			id.Tenant = tenant
		}
		got, err := c.resolve(r, id)
		if c.found {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, tenancy.ErrNoTenant, name)
		}
		require.Equal(t, c.want, got, name)
	}
}

func TestCookie(t *testing.T) {
	t.Parallel()
	verify := func(_ context.Context, token string) (middleware.Identity, error) {
		return middleware.Identity{Actor: tenancy.Actor{UserID: uuid.NewSHA1(uuid.Nil, sha256.New().Sum([]byte(token)))}}, nil
	}
	auth := middleware.Cookie("__Host-session", verify)
	try := func(method string, header map[string]string, cookies ...string) error {
		r := httptest.NewRequest(method, "https://app.example/", nil)
		for _, c := range cookies {
			r.AddCookie(&http.Cookie{Name: "__Host-session", Value: c})
		}
		for k, v := range header {
			r.Header.Set(k, v)
		}
		_, err := auth.Authenticate(r)
		return err
	}
	require.NoError(t, try(http.MethodGet, nil, "x"))
	require.NoError(t, try(http.MethodPost, map[string]string{"Sec-Fetch-Site": "same-origin"}, "x"))
	require.NoError(t, try(http.MethodGet, map[string]string{"Sec-Fetch-Site": "cross-site"}, "x"), "a link from elsewhere")
	require.Error(t, try(http.MethodPost, map[string]string{"Sec-Fetch-Site": "cross-site"}, "x"))
	require.Error(t, try(http.MethodDelete, map[string]string{"Origin": "https://evil.example"}, "x"))
	require.ErrorIs(t, try(http.MethodGet, nil), middleware.ErrUnauthenticated)
	require.ErrorIs(t, try(http.MethodGet, nil, ""), middleware.ErrUnauthenticated)
	require.ErrorIs(t, try(http.MethodGet, nil, "x", "planted"), middleware.ErrUnauthenticated)
}

func TestFail(t *testing.T) {
	t.Parallel()
	for status, err := range map[int]error{
		http.StatusForbidden:           tenancy.ErrForbidden,
		http.StatusServiceUnavailable:  tenancy.ErrUnavailable,
		http.StatusInternalServerError: errors.New("a row of somebody"),
	} {
		w := httptest.NewRecorder()
		middleware.Fail(w, err)
		require.Equal(t, status, w.Code)
		require.NotContains(t, w.Body.String(), "row")
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	_, err := middleware.New(middleware.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), {}}, ForwardedHeader: "X-Real-IP"})
	for _, want := range []string{"DB is nil", "Authenticate is nil", `"0.0.0.0/0", which trusts everybody`, "invalid Prefix", `"X-Real-IP"`} {
		require.ErrorContains(t, err, want)
	}
	_, err = middleware.NewGate(nil, nil)
	require.ErrorContains(t, err, "no DB")
	require.True(t, middleware.Scope(t.Context()).IsZero())
}
