package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"github.com/watertight-go/watertight/tenancy"
)

// Authenticator says who sent a request. Credentials that are absent, wrong or
// expired are [ErrUnauthenticated]; another error means that they could not be
// verified just now, and the request gets 503.
type Authenticator interface {
	Authenticate(r *http.Request) (Identity, error)
}

// AuthenticatorFunc is a function as [Authenticator].
type AuthenticatorFunc func(r *http.Request) (Identity, error)

// Authenticate calls f.
func (f AuthenticatorFunc) Authenticate(r *http.Request) (Identity, error) { return f(r) }

// Config of [New]. DB and Authenticate are required; the zero value of every
// other field is right.
type Config struct {
	// DB admits. Required.
	DB *tenancy.DB

	// Authenticate says who sent the request. Required.
	Authenticate Authenticator

	// Tenant reads which tenant the request asks for. Defaults to asking for
	// the one that the session is bound to.
	Tenant Resolver

	// RequireSecondFactor are the roles that are admitted only in a session
	// that was begun with two factors. Defaults to none.
	RequireSecondFactor []tenancy.Role

	// TrustedProxies are the networks of the team's own proxies, whose headers
	// about client and request id are believed. Defaults to none: the client is
	// who holds the connection.
	TrustedProxies []netip.Prefix

	// ForwardedHeader is what those proxies write: X-Forwarded-For, or
	// Forwarded (RFC 7239). The other one is not read. Defaults to
	// X-Forwarded-For.
	ForwardedHeader string

	// Log hears of what the answers do not say: why a request got 503. Defaults
	// to slog.Default.
	Log *slog.Logger

	// Answer writes the answer to a request that was not admitted, for services
	// whose visitors see pages. The status is decided, and the challenge and
	// Cache-Control: no-store are set; err matches [ErrUnauthenticated],
	// [ErrSecondFactor], [tenancy.ErrNotAdmitted], [ErrCrossOrigin], or says
	// what kept the database from being asked. Write nothing of err's text, and
	// the same page whichever tenant was asked for. Defaults to constant JSON.
	Answer func(w http.ResponseWriter, r *http.Request, status int, err error)
}

func (cfg *Config) validate() error {
	var problems []string
	if cfg.DB == nil {
		problems = append(problems, "DB is nil (pass the one of tenancy.Open)")
	}
	if cfg.Authenticate == nil {
		problems = append(problems, "Authenticate is nil (use Bearer or Cookie)")
	}
	for _, p := range cfg.TrustedProxies {
		if !p.IsValid() || p.Bits() == 0 {
			problems = append(problems, fmt.Sprintf("TrustedProxies has %q, which trusts everybody (name the proxies' own networks)", p))
		}
	}
	switch http.CanonicalHeaderKey(cfg.ForwardedHeader) {
	case "":
		cfg.ForwardedHeader = xForwardedFor
	case xForwardedFor, forwarded:
		cfg.ForwardedHeader = http.CanonicalHeaderKey(cfg.ForwardedHeader)
	default:
		problems = append(problems, fmt.Sprintf("ForwardedHeader is %q (write X-Forwarded-For or Forwarded)", cfg.ForwardedHeader))
	}
	if len(problems) > 0 {
		return errors.New("middleware.Config: " + strings.Join(problems, "; "))
	}
	if cfg.Tenant == nil {
		cfg.Tenant = Bound()
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Answer == nil {
		cfg.Answer = answerRefused
	}
	return nil
}

// Middleware admits requests. It is safe for use by any number of goroutines.
type Middleware struct {
	cfg  Config
	gate *Gate
}

// New returns the middleware, or an error that lists what is wrong with cfg.
func New(cfg Config) (*Middleware, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	gate, err := NewGate(cfg.DB, cfg.RequireSecondFactor)
	if err != nil {
		return nil, err
	}
	return &Middleware{cfg: cfg, gate: gate}, nil
}

// Wrap lets requests through to next that were admitted to a tenant, with their
// scope in the context, and answers the others itself.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := m.requestID(r)
		w.Header().Set(requestIDHeader, request)
		scope, err := m.admit(r, request)
		if err != nil {
			m.refuse(w, r, request, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), scopeKey{}, scope)))
	})
}

// Handle is Wrap for a function that takes the scope as an argument.
func (m *Middleware) Handle(fn func(http.ResponseWriter, *http.Request, tenancy.Scope)) http.Handler {
	return m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fn(w, r, Scope(r.Context()))
	}))
}

type scopeKey struct{}

// Scope returns the scope that the request was admitted to. In a context that
// did not come through the middleware it is the zero scope, which every handle
// refuses with [tenancy.ErrNoTenant].
func Scope(ctx context.Context) tenancy.Scope {
	s, _ := ctx.Value(scopeKey{}).(tenancy.Scope)
	return s
}

// admit asks first who it is, so that nobody learns about tenants before.
func (m *Middleware) admit(r *http.Request, request string) (tenancy.Scope, error) {
	id, err := m.cfg.Authenticate.Authenticate(r)
	if err != nil {
		return tenancy.Scope{}, err
	}
	id.Actor.IP, id.Actor.Request = m.clientIP(r), request
	asked, err := m.cfg.Tenant(r, id)
	switch {
	case errors.Is(err, tenancy.ErrNoTenant):
		asked = m.gate.Nowhere() // also for a bound session: it asked for something else
	case err != nil:
		return tenancy.Scope{}, fmt.Errorf("resolve the tenant: %w", err)
	}
	return m.gate.Admit(r.Context(), id, asked)
}
