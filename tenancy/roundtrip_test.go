package tenancy_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

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
	server := serverAddress(t, dsn)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	p := &proxy{url: withHost(t, dsn, listener.Addr().String())}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.carry(client, server)
		}
	}()
	return p
}

// serverAddress is where the URL's server listens: network and address.
func serverAddress(t *testing.T, dsn string) [2]string {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	if strings.HasPrefix(config.Host, "/") {
		return [2]string{"unix", config.Host + "/.s.PGSQL." + port(config.Port)}
	}
	return [2]string{"tcp", net.JoinHostPort(config.Host, port(config.Port))}
}

func port(p uint16) string {
	_, s, _ := strings.Cut((&net.TCPAddr{Port: int(p)}).String(), ":")
	return s
}

func withHost(t testing.TB, dsn, address string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	q := u.Query()
	q.Del("host")
	q.Del("port")
	u.Host, u.RawQuery = address, q.Encode()
	return u.String()
}

func (p *proxy) carry(client net.Conn, server [2]string) {
	defer client.Close()
	upstream, err := net.Dial(server[0], server[1])
	if err != nil {
		return
	}
	defer upstream.Close()
	var answered atomic.Bool
	answered.Store(true)
	var both sync.WaitGroup
	both.Go(func() {
		copyEach(upstream, client, func() {
			if answered.Swap(false) {
				p.trips.Add(1)
			}
		})
		upstream.Close()
	})
	both.Go(func() {
		copyEach(client, upstream, func() { answered.Store(true) })
		client.Close()
	})
	both.Wait()
}

func copyEach(to io.Writer, from io.Reader, seen func()) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			seen()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// count returns the round trips of the second run of fn; the first one prepares
// statements, in plain pgx as here.
func (p *proxy) count(t *testing.T, fn func()) int64 {
	t.Helper()
	fn()
	before := p.trips.Load()
	fn()
	return p.trips.Load() - before
}

const readNote = "select body from app.notes where tenant_id = $1 and id = $2"

func TestRoundTrips(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newProxy(t, w.AppURL)
	open := func(binding tenancy.Binding) (*tenancy.DB, tenancy.Scope) {
		cfg := w.config()
		cfg.Binding, cfg.MaxConns = binding, 1
		db, err := tenancy.Open(t.Context(), p.url, cfg)
		require.NoError(t, err)
		t.Cleanup(db.Close)
		scope, err := db.Admit(t.Context(), w.anna, w.a)
		require.NoError(t, err)
		return db, scope
	}
	db, scope := open(tenancy.BindSession)
	c := db.For(scope)
	ctx := t.Context()

	raw, err := pgxpool.New(ctx, newProxyURL(t, p, w.AdminURL))
	require.NoError(t, err)
	t.Cleanup(raw.Close)

	one := func(query func(context.Context, string, ...any) pgx.Row) func() {
		return func() {
			var body string
			require.NoError(t, query(ctx, readNote, w.a, int64(1)).Scan(&body))
		}
	}
	require.Equal(t, int64(1), p.count(t, one(raw.QueryRow)), "control: plain pgx")
	require.Equal(t, int64(1), p.count(t, one(c.QueryRow)), "point read")

	require.Equal(t, int64(1), p.count(t, func() {
		require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, ctx, c))
	}), "list")
	require.Equal(t, int64(1), p.count(t, func() {
		_, err := c.Exec(ctx, "update app.notes set tags = '{x}' where tenant_id = $1 and id = $2", w.a, int64(2))
		require.NoError(t, err)
	}), "update")
	require.Equal(t, int64(1), p.count(t, func() {
		var b pgx.Batch
		for id := range int64(10) {
			b.Queue(readNote, w.a, id)
		}
		require.NoError(t, c.SendBatch(ctx, &b).Close())
	}), "batch of ten")
	require.Equal(t, int64(1), p.count(t, func() {
		_, err := db.Admit(ctx, w.anna, w.a)
		require.NoError(t, err)
	}), "admission")
	require.Equal(t, int64(0), p.count(t, func() {
		_, err := c.Exec(ctx, readNote, w.b, int64(1))
		require.ErrorIs(t, err, tenancy.ErrTenantMismatch)
	}), "a mismatched tenant sends nothing")

	five := func(query func(context.Context, string, ...any) pgx.Row) error {
		for range 5 {
			var body string
			if err := query(ctx, readNote, w.a, int64(1)).Scan(&body); err != nil {
				return err
			}
		}
		return nil
	}
	plain := p.count(t, func() {
		require.NoError(t, pgx.BeginFunc(ctx, raw, func(tx pgx.Tx) error { return five(tx.QueryRow) }))
	})
	scoped := p.count(t, func() {
		require.NoError(t, db.Tx(ctx, scope, func(ctx context.Context, c *tenancy.Conn) error { return five(c.QueryRow) }))
	})
	require.Equal(t, int64(7), plain, "control: begin, five statements, commit")
	require.Equal(t, int64(6), scoped, "five statements, commit")
	require.Equal(t, int64(0), p.count(t, func() {
		require.NoError(t, db.Tx(ctx, scope, func(context.Context, *tenancy.Conn) error { return nil }))
	}), "a transaction that sends nothing")

	strict, strictScope := open(tenancy.BindTransaction)
	require.Equal(t, int64(2), p.count(t, one(strict.For(strictScope).QueryRow)), "strict binding: one more")
	pooled, pooledScope := open(tenancy.BindNone)
	require.Equal(t, int64(1), p.count(t, one(pooled.For(pooledScope).QueryRow)), "no binding")
}

// newProxyURL is dsn through the same proxy.
func newProxyURL(t *testing.T, p *proxy, dsn string) string {
	t.Helper()
	u, err := url.Parse(p.url)
	require.NoError(t, err)
	return withHost(t, dsn, u.Host)
}
