package session_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// proxy stands between client and server and counts round trips: how often the
// client speaks after the server has answered. Not the time, which a busy
// machine makes what it likes.
type proxy struct {
	url   string
	trips atomic.Int64
}

func newProxy(t *testing.T, dsn string) *proxy {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	network, address := pgNetwork(config.Host, config.Port)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	q := u.Query()
	q.Del("host")
	q.Del("port")
	u.Host, u.RawQuery = listener.Addr().String(), q.Encode()
	p := &proxy{url: u.String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.carry(client, network, address)
		}
	}()
	return p
}

func pgNetwork(host string, port uint16) (network, address string) {
	if host != "" && host[0] == '/' {
		return "unix", fmt.Sprintf("%s/.s.PGSQL.%d", host, port)
	}
	return "tcp", net.JoinHostPort(host, fmt.Sprint(port))
}

func (p *proxy) carry(client net.Conn, network, address string) {
	defer client.Close()
	upstream, err := net.Dial(network, address)
	if err != nil {
		return
	}
	defer upstream.Close()
	var answered atomic.Bool
	answered.Store(true)
	var both sync.WaitGroup
	copyEach := func(to io.WriteCloser, from io.Reader, seen func()) {
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				seen()
				_, _ = to.Write(buffer[:n])
			}
			if err != nil {
				to.Close()
				return
			}
		}
	}
	both.Go(func() {
		copyEach(upstream, client, func() {
			if answered.Swap(false) {
				p.trips.Add(1)
			}
		})
	})
	both.Go(func() { copyEach(client, upstream, func() { answered.Store(true) }) })
	both.Wait()
}

// count returns the round trips of the second run of fn; the first one prepares
// statements and fetches keys.
func (p *proxy) count(fn func()) int64 {
	fn()
	before := p.trips.Load()
	fn()
	return p.trips.Load() - before
}

// A request with a token costs what its own statements cost. Every way to fail
// at signing in costs the same number.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	p := newProxy(t, w.AppURL)
	var err error
	w.db, err = tenancy.Open(ctx, p.url, tenancy.Config{Key: w.Key, Registry: accounts.Registry{}, MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	i, v := w.issuer(t), w.verifier(t)
	tokens := w.start(t, w.carl, w.alpha)
	token := string(tokens.Access.Reveal())

	require.Equal(t, int64(1), p.count(func() {
		scope, err := w.db.Admit(ctx, w.carl, w.alpha)
		require.NoError(t, err)
		require.False(t, scope.IsZero())
	}), "control: an admission by the registry")
	require.Equal(t, int64(0), p.count(func() {
		_, err := v.Verify(ctx, token, session.Request{Tenant: w.alpha})
		require.NoError(t, err)
	}), "from a token to a scope")
	require.Equal(t, int64(1), p.count(func() {
		s, err := v.Verify(ctx, token, session.Request{Tenant: w.alpha})
		require.NoError(t, err)
		users, err := query.New(w.db.For(s.Scope)).ListUsers(ctx, w.alpha)
		require.NoError(t, err)
		require.Len(t, users, 2)
	}), "a request with a token and one statement")
	for _, bad := range []string{"", "a.b.c", token + "x"} {
		require.Equal(t, int64(0), p.count(func() {
			_, err := v.Verify(ctx, bad, session.Request{Tenant: w.alpha})
			require.Equal(t, session.ErrToken, err)
		}), "a token that is none")
	}
	refresh := tokens.Refresh
	require.Equal(t, int64(3), p.count(func() {
		next, err := i.Refresh(ctx, refresh, "", session.Request{})
		require.NoError(t, err)
		refresh = next.Refresh
	}), "a refresh: the session, the registry, the turn")
	keys, err := accounts.NewAPIKeys(w.db, nil)
	require.NoError(t, err)
	_, key, err := keys.Create(ctx, w.admit(t, w.anna, w.alpha), "x", tenancy.RoleMember, accounts.MaxAPIKeyLife)
	require.NoError(t, err)
	require.Equal(t, int64(1), p.count(func() {
		_, err := keys.Resolve(ctx, key, w.carl.IP, "")
		require.NoError(t, err)
	}), "an API key")

	w.signInTrips(t, p)
}

func (w *world) signInTrips(t *testing.T, p *proxy) {
	t.Helper()
	ctx := t.Context()
	store, err := keystore.New(w.db)
	require.NoError(t, err)
	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{insecurekeys.KEK{}}})
	require.NoError(t, err)
	hasher, err := crypto.NewHasher(crypto.HasherConfig{Cost: 4, WeakCostForTests: true})
	require.NoError(t, err)
	passwords, err := crypto.NewPasswords(ring, hasher)
	require.NoError(t, err)
	in, err := accounts.NewSignIn(accounts.SignInConfig{DB: w.db, Passwords: passwords, Hasher: hasher, Limiter: unlimited{}, LockAfter: 50})
	require.NoError(t, err)
	right := crypto.SecretString("correct horse battery")
	for _, who := range []tenancy.Actor{w.carl, w.anna} {
		require.NoError(t, in.SetPassword(ctx, w.admit(t, w.anna, w.alpha), who.UserID, right, false))
	}
	require.NoError(t, in.SetPassword(ctx, w.admit(t, w.bob, w.beta), w.bob.UserID, right, false))

	trips := func(email string, password crypto.Secret, tenant tenancy.ID, want error) int64 {
		return p.count(func() {
			_, err := in.Password(ctx, accounts.Attempt{Email: email, Password: password, Tenant: tenant})
			require.Equal(t, want, err)
		})
	}
	const failure = 3 // the look-up, the attempt, the log
	wrong := crypto.SecretString("wrong")
	require.Equal(t, int64(failure), trips(w.carl.Email, wrong, w.alpha, accounts.ErrSignIn), "wrong password")
	require.Equal(t, int64(failure), trips("nobody@alpha.example", wrong, w.alpha, accounts.ErrSignIn), "unknown address")
	require.Equal(t, int64(failure), trips(w.carl.Email, right, w.beta, accounts.ErrSignIn), "not registered")
	require.Equal(t, int64(failure), trips(w.carl.Email, right, tenancy.NewID(), accounts.ErrSignIn), "no such tenant")
	require.Equal(t, int64(failure), trips("", wrong, tenancy.ID{}, accounts.ErrSignIn), "nothing at all")
	require.Equal(t, int64(6), trips(w.carl.Email, right, w.alpha, nil), "control: a success costs more: the registry, and a transaction")
	_, err = w.adminExec(t, "update watertight.users set locked_until = now() + interval '1 day' where id = $1", w.carl.UserID)
	require.NoError(t, err)
	require.Equal(t, int64(failure), trips(w.carl.Email, right, w.alpha, accounts.ErrSignIn), "locked")
	_, err = w.adminExec(t, "update watertight.memberships set status = 'suspended' where user_id = $1 and tenant_id = $2", w.anna.UserID, w.alpha)
	require.NoError(t, err)
	require.Equal(t, int64(failure), trips(w.anna.Email, right, w.alpha, accounts.ErrSignIn), "suspended")
}

type unlimited struct{}

func (unlimited) Allow(context.Context, string, string) error { return nil }
