package grpcauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/tenancy"
)

// Authenticator says who made a call, from the metadata in ctx. Credentials
// that are absent, wrong or expired are [middleware.ErrUnauthenticated];
// another error means that they could not be verified just now.
type Authenticator func(ctx context.Context) (middleware.Identity, error)

// Resolver reads which tenant a call asks for; see [middleware.Resolver].
type Resolver func(ctx context.Context, id middleware.Identity) (tenancy.ID, error)

// Config of [New]. DB and Authenticate are required; the zero value of every
// other field is right.
type Config struct {
	// DB admits. Required.
	DB *tenancy.DB

	// Authenticate says who made the call. Required.
	Authenticate Authenticator

	// Tenant reads which tenant the call asks for. Defaults to the one that the
	// session is bound to.
	Tenant Resolver

	// Public lists calls that are served without a tenant, and so without a
	// scope: "/package.Service/" for all of a service, "/package.Service/Method"
	// for one. Defaults to none.
	Public []string

	// RequireSecondFactor is as in middleware.Config.
	RequireSecondFactor []tenancy.Role

	// TrustedProxies are the networks of the team's own proxies, whose
	// x-forwarded-for is believed. Defaults to none.
	TrustedProxies []netip.Prefix

	// Log hears why a call was Unavailable. Defaults to slog.Default.
	Log *slog.Logger
}

func (cfg *Config) validate() error {
	var problems []string
	if cfg.Authenticate == nil {
		problems = append(problems, "Authenticate is nil (use Bearer)")
	}
	for _, p := range cfg.TrustedProxies {
		if !p.IsValid() || p.Bits() == 0 {
			problems = append(problems, fmt.Sprintf("TrustedProxies has %q, which trusts everybody (name the proxies' own networks)", p))
		}
	}
	for _, p := range cfg.Public {
		if strings.Count(p, "/") != 2 || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") {
			problems = append(problems, fmt.Sprintf("Public has %q, which is no call (write /package.Service/ or /package.Service/Method)", p))
		}
	}
	if len(problems) > 0 {
		return errors.New("grpcauth.Config: " + strings.Join(problems, "; "))
	}
	if cfg.Tenant == nil {
		cfg.Tenant = func(_ context.Context, id middleware.Identity) (tenancy.ID, error) { return id.Tenant, nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return nil
}

// Interceptors admit calls. They are safe for use by any number of goroutines.
type Interceptors struct {
	cfg  Config
	gate *middleware.Gate
}

// New returns the interceptors, or an error that lists what is wrong with cfg.
func New(cfg Config) (*Interceptors, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	gate, err := middleware.NewGate(cfg.DB, cfg.RequireSecondFactor)
	if err != nil {
		return nil, err
	}
	return &Interceptors{cfg: cfg, gate: gate}, nil
}

// Unary returns the interceptor for calls with one answer.
func (in *Interceptors) Unary() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, err := in.enter(ctx, info.FullMethod)
		if err != nil {
			return nil, err
		}
		return handler(ctx, req)
	}
}

// Stream returns the interceptor for streams.
func (in *Interceptors) Stream() grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, err := in.enter(stream.Context(), info.FullMethod)
		if err != nil {
			return err
		}
		return handler(srv, &scopedStream{ServerStream: stream, ctx: ctx})
	}
}

type scopedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *scopedStream) Context() context.Context { return s.ctx }

type scopeKey struct{}

// Scope returns the scope that the call was admitted to. In a context that did
// not come through the interceptors, and in a public call, it is the zero scope,
// which every handle refuses with [tenancy.ErrNoTenant].
func Scope(ctx context.Context) tenancy.Scope {
	s, _ := ctx.Value(scopeKey{}).(tenancy.Scope)
	return s
}

func (in *Interceptors) enter(ctx context.Context, method string) (context.Context, error) {
	for _, p := range in.cfg.Public {
		if method == p || strings.HasSuffix(p, "/") && strings.HasPrefix(method, p) {
			return ctx, nil
		}
	}
	scope, err := in.admit(ctx)
	if err != nil {
		return nil, in.refusal(ctx, method, err)
	}
	return context.WithValue(ctx, scopeKey{}, scope), nil
}

// admit asks first who it is, so that nobody learns about tenants before.
func (in *Interceptors) admit(ctx context.Context) (tenancy.Scope, error) {
	id, err := in.cfg.Authenticate(ctx)
	if err != nil {
		return tenancy.Scope{}, err
	}
	id.Actor.IP, id.Actor.Request = in.clientIP(ctx), rand.Text()
	asked, err := in.cfg.Tenant(ctx, id)
	switch {
	case errors.Is(err, tenancy.ErrNoTenant):
		// Not the session's own instead: the call asked for something else.
		asked = in.gate.Nowhere()
	case err != nil:
		return tenancy.Scope{}, fmt.Errorf("resolve the tenant: %w", err)
	}
	return in.gate.Admit(ctx, id, asked)
}

func (in *Interceptors) clientIP(ctx context.Context) netip.Addr {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return netip.Addr{}
	}
	hops := middleware.ParseHops(metadata.ValueFromIncomingContext(ctx, "x-forwarded-for"))
	return middleware.Proxies(in.cfg.TrustedProxies).Client(middleware.ParseAddr(p.Addr.String()), hops)
}

// Bearer takes the token from the metadata authorization.
func Bearer(verify middleware.Verify) Authenticator {
	return func(ctx context.Context) (middleware.Identity, error) {
		values := metadata.ValueFromIncomingContext(ctx, "authorization")
		if len(values) != 1 {
			return middleware.Identity{}, middleware.ErrUnauthenticated
		}
		token, ok := middleware.BearerToken(values[0])
		if !ok {
			return middleware.Identity{}, middleware.ErrUnauthenticated
		}
		return verify(ctx, token)
	}
}

// Metadata reads the tenant's id from the metadata of that name. What is sent
// twice names no tenant.
func Metadata(name string) Resolver {
	return func(ctx context.Context, _ middleware.Identity) (tenancy.ID, error) {
		values := metadata.ValueFromIncomingContext(ctx, name)
		if len(values) != 1 {
			return tenancy.ID{}, tenancy.ErrNoTenant
		}
		return middleware.ByID(ctx, values[0])
	}
}
