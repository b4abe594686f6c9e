package grpcauth_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/grpcauth"
	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// service is any service: gRPC's own for health, whose methods are one of each
// kind. It reads the tenant's name and remembers the actor.
type service struct {
	health.UnimplementedHealthServer
	db *tenancy.DB

	mu    sync.Mutex
	name  string
	actor tenancy.Actor
}

func (s *service) read(ctx context.Context) error {
	scope := grpcauth.Scope(ctx)
	tenant, err := query.New(s.db.For(scope)).GetTenant(ctx, scope.Tenant())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.name, s.actor = tenant.Name, scope.Actor()
	return grpcauth.Status(err)
}

func (s *service) Check(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	return &health.HealthCheckResponse{}, s.read(ctx)
}

func (s *service) Watch(_ *health.HealthCheckRequest, stream grpc.ServerStreamingServer[health.HealthCheckResponse]) error {
	if err := s.read(stream.Context()); err != nil {
		return err
	}
	return stream.Send(&health.HealthCheckResponse{})
}

type world struct {
	*pgtest.Database
	db          *tenancy.DB
	alpha, beta tenancy.ID
	anna        tenancy.Actor
	mu          sync.Mutex
	refused     []tenancy.Refusal
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Database: pgtest.New(t)}
	ctx := t.Context()
	sys, err := crosstenant.Open(ctx, w.SystemURL, crosstenant.Config{Key: w.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer sys.Close()
	w.anna = tenancy.Actor{UserID: uuid.New(), Email: "anna@alpha.example"}
	err = sys.Run(ctx, tenancy.Actor{Email: "operator@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) error {
		owner := accounts.Owner{UserID: w.anna.UserID, Email: w.anna.Email}
		if w.alpha, _, err = accounts.CreateTenant(ctx, c, "Alpha", owner); err != nil {
			return err
		}
		w.beta, _, err = accounts.CreateTenant(ctx, c, "Beta", accounts.Owner{Email: "bob@beta.example"})
		return err
	})
	require.NoError(t, err)
	w.db, err = tenancy.Open(ctx, w.AppURL, tenancy.Config{
		Key: w.Key, Registry: accounts.Registry{},
		Refused: func(_ context.Context, r tenancy.Refusal) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.refused = append(w.refused, r)
		},
	})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	return w
}

func (w *world) verify(_ context.Context, token string) (middleware.Identity, error) {
	switch token {
	case "anna":
		return middleware.Identity{Actor: w.anna}, nil
	case "anna-in-alpha":
		return middleware.Identity{Actor: w.anna, Tenant: w.alpha, Role: tenancy.RoleOwner}, nil
	case "anna-with-two":
		return middleware.Identity{Actor: w.anna, SecondFactor: true}, nil
	case "down":
		return middleware.Identity{}, errors.New("the store at 10.1.2.3 is down")
	}
	return middleware.Identity{}, middleware.ErrUnauthenticated
}

// serve starts a server and returns its client and service.
func (w *world) serve(t *testing.T, change ...func(*grpcauth.Config)) (health.HealthClient, *service) {
	t.Helper()
	cfg := grpcauth.Config{DB: w.db, Authenticate: grpcauth.Bearer(w.verify), Tenant: grpcauth.Metadata("x-tenant"), Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg)
	}
	in, err := grpcauth.New(cfg)
	require.NoError(t, err)
	server, s := grpc.NewServer(grpc.UnaryInterceptor(in.Unary()), grpc.StreamInterceptor(in.Stream())), &service{db: w.db}
	health.RegisterHealthServer(server, s)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return health.NewHealthClient(conn), s
}

// call makes both kinds of call and wants them to agree.
func call(t *testing.T, c health.HealthClient, pairs ...string) error {
	t.Helper()
	ctx := metadata.AppendToOutgoingContext(t.Context(), pairs...)
	_, unary := c.Check(ctx, &health.HealthCheckRequest{})
	stream, err := c.Watch(ctx, &health.HealthCheckRequest{})
	require.NoError(t, err)
	_, err = stream.Recv()
	require.Equal(t, status.Code(unary), status.Code(err), "unary and stream")
	require.Equal(t, status.Convert(unary).Message(), status.Convert(err).Message())
	return unary
}

func TestCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, s := w.serve(t, func(c *grpcauth.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	for _, token := range []string{"anna", "anna-in-alpha"} {
		require.NoError(t, call(t, c, "authorization", "Bearer "+token, "x-tenant", w.alpha.String(), "x-forwarded-for", "1.1.1.1, 198.51.100.1"))
		require.Equal(t, "Alpha", s.name)
		require.Equal(t, w.anna.UserID, s.actor.UserID)
		require.Equal(t, "198.51.100.1", s.actor.IP.String())
		require.NotEmpty(t, s.actor.Request)
	}
	require.Empty(t, w.refused)

	for name, x := range map[string]struct {
		code  codes.Code
		pairs []string
	}{
		"nobody":          {codes.Unauthenticated, []string{"x-tenant", w.alpha.String()}},
		"a wrong token":   {codes.Unauthenticated, []string{"authorization", "Bearer x", "x-tenant", w.alpha.String()}},
		"two tokens":      {codes.Unauthenticated, []string{"authorization", "Bearer anna", "authorization", "Bearer x"}},
		"another tenant":  {codes.PermissionDenied, []string{"authorization", "Bearer anna", "x-tenant", w.beta.String()}},
		"unknown tenant":  {codes.PermissionDenied, []string{"authorization", "Bearer anna", "x-tenant", tenancy.NewID().String()}},
		"no id":           {codes.PermissionDenied, []string{"authorization", "Bearer anna", "x-tenant", "acme"}},
		"two tenants":     {codes.PermissionDenied, []string{"authorization", "Bearer anna", "x-tenant", w.alpha.String(), "x-tenant", w.beta.String()}},
		"bound elsewhere": {codes.PermissionDenied, []string{"authorization", "Bearer anna-in-alpha", "x-tenant", w.beta.String()}},
		"bound, no id":    {codes.PermissionDenied, []string{"authorization", "Bearer anna-in-alpha", "x-tenant", "acme"}},
		"store is down":   {codes.Unavailable, []string{"authorization", "Bearer down", "x-tenant", w.alpha.String()}},
	} {
		w.refused, s.name = nil, ""
		err := call(t, c, x.pairs...)
		require.Equal(t, x.code, status.Code(err), name)
		require.NotContains(t, err.Error(), "10.1.2.3", name)
		require.Empty(t, s.name, "%s: no handler ran", name)
		if x.code == codes.PermissionDenied {
			require.Len(t, w.refused, 2, "%s: each attempt is heard of", name)
		}
	}
}

func TestBoundTenantAndSecondFactor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, s := w.serve(t, func(c *grpcauth.Config) { c.Tenant = nil })
	require.NoError(t, call(t, c, "authorization", "Bearer anna-in-alpha", "x-forwarded-for", "1.1.1.1"))
	require.Equal(t, "Alpha", s.name)
	require.Equal(t, "127.0.0.1", s.actor.IP.String(), "who is no proxy is not believed")
	w.refused = nil
	require.Equal(t, codes.PermissionDenied, status.Code(call(t, c, "authorization", "Bearer anna")), "a session without a tenant")
	require.Len(t, w.refused, 2)

	c, _ = w.serve(t, func(c *grpcauth.Config) { c.RequireSecondFactor = []tenancy.Role{tenancy.RoleOwner} })
	require.Equal(t, codes.Unauthenticated, status.Code(call(t, c, "authorization", "Bearer anna", "x-tenant", w.alpha.String())))
	require.NoError(t, call(t, c, "authorization", "Bearer anna-with-two", "x-tenant", w.alpha.String()))
}

// A public call is served, and has no scope: its handle refuses everything.
func TestPublicCallsHaveNoScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, public := range []string{"/grpc.health.v1.Health/", "/grpc.health.v1.Health/Check"} {
		c, _ := w.serve(t, func(c *grpcauth.Config) { c.Public = []string{public} })
		_, err := c.Check(t.Context(), &health.HealthCheckRequest{})
		require.Equal(t, codes.Internal, status.Code(err), "the handler ran, without a tenant")
	}
	c, _ := w.serve(t, func(c *grpcauth.Config) { c.Public = []string{"/grpc.health.v1.Health/Ch"} })
	require.Equal(t, codes.Unauthenticated, status.Code(call(t, c)), "no prefix of a method")
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	_, err := grpcauth.New(grpcauth.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("::/0")}, Public: []string{"", "/", "//"}})
	for _, want := range []string{"Authenticate is nil", `"::/0", which trusts everybody`, `Public has ""`, `Public has "/"`, `Public has "//"`} {
		require.ErrorContains(t, err, want)
	}
	_, err = grpcauth.New(grpcauth.Config{Authenticate: grpcauth.Bearer(nil)})
	require.ErrorContains(t, err, "no DB")
	require.NoError(t, grpcauth.Status(nil))
	require.Equal(t, codes.PermissionDenied, status.Code(grpcauth.Status(tenancy.ErrForbidden)))
	require.Equal(t, codes.Unavailable, status.Code(grpcauth.Status(tenancy.ErrUnavailable)))
}
