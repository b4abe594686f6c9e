//go:build unix

package faults

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// limit of an operation while a server is away: it is up in less.
const limit = 10 * time.Second

func TestServerKilledAndRestarted(t *testing.T) {
	t.Parallel()
	w := newBreakableWorld(t)
	c := w.open(t, w.AppURL)
	l := c.load(6, limit)
	l.await(t, 100)

	var id int64
	err := c.db.Tx(t.Context(), c.scopes[0], func(ctx context.Context, conn *tenancy.Conn) error {
		id = l.try(conn.Tenant())
		require.NoError(t, c.add(ctx, conn, id))
		w.server.Kill(t)
		_, err := c.look(ctx, conn)
		require.Error(t, err)
		return err
	})
	require.ErrorIs(t, err, tenancy.ErrUnavailable)
	require.ErrorIs(t, c.add(t.Context(), c.db.For(c.scopes[0]), l.try(w.tenants[0])), tenancy.ErrUnavailable, "while it is away")

	w.server.Restart(t)
	w.admin.Reset()
	l.await(t, 100)
	l.settle(t)
	require.NotContains(t, w.written(t), id, "the transaction that was open came to nothing")
}

func TestServerShutDownAndRestarted(t *testing.T) {
	t.Parallel()
	w := newBreakableWorld(t)
	c := w.open(t, w.AppURL)
	l := c.load(6, limit)
	l.await(t, 100)
	w.server.Shutdown()
	w.server.Restart(t)
	w.admin.Reset()
	l.await(t, 100)
	l.settle(t)
}

// The kernel kills a process that takes too much memory. The server cannot know
// what that process had done to the memory that all share, so it ends every
// session and recovers.
func TestBackendKilledForMemory(t *testing.T) {
	t.Parallel()
	w := newBreakableWorld(t)
	c := w.open(t, w.AppURL)
	l := c.load(6, limit)
	l.await(t, 100)
	err := c.db.Tx(t.Context(), c.scopes[0], func(ctx context.Context, conn *tenancy.Conn) error {
		var pid int
		require.NoError(t, conn.QueryRow(ctx, "select pg_backend_pid()").Scan(&pid))
		require.NoError(t, c.add(ctx, conn, l.try(conn.Tenant())))
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		_, err := c.look(ctx, conn)
		require.Error(t, err)
		return err
	})
	require.ErrorIs(t, err, tenancy.ErrUnavailable)
	w.admin.Reset()
	l.await(t, 100)
	l.settle(t)
}

// A machine that hangs answers nothing and refuses nothing.
func TestServerHangs(t *testing.T) {
	t.Parallel()
	w := newBreakableWorld(t)
	c := w.open(t, w.AppURL)
	l := c.load(6, limit)
	l.await(t, 100)

	resume := w.server.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.add(ctx, c.db.For(c.scopes[0]), l.try(w.tenants[0])), context.DeadlineExceeded)
	resume()
	l.await(t, 100)
	l.settle(t)
}

// A session that an administrator ends is a broken connection, not a wrong one.
func TestSessionsTerminated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(t, w.AppURL)
	l := c.load(6, limit)
	for range 5 {
		l.await(t, 40)
		_, err := w.admin.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity
			where datname = current_database() and usename <> current_user and $1`, true)
		require.NoError(t, err)
	}
	l.await(t, 40)
	l.settle(t)
	require.Contains(t, l.errors(), "ErrUnavailable", "positive control: sessions were ended")
}

// The primary dies under load and a standby takes over. The application has one
// address for both.
func TestFailover(t *testing.T) {
	t.Parallel()
	w := newBreakableWorld(t)
	standby := w.server.Standby(t)
	w.admin.Reset()
	there := w.On(standby)
	// An acknowledged write must have reached the standby; without this it may
	// be lost with the primary, whatever the client does.
	for _, sql := range []string{
		"alter system set synchronous_standby_names = '*'",
		"select pg_reload_conf()",
	} {
		_, err := w.admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		var state string
		err := w.admin.QueryRow(t.Context(), "select sync_state from pg_stat_replication").Scan(&state)
		return err == nil && state == "sync"
	}, patience, 10*time.Millisecond)
	c := w.open(t, withParam(t, together(t, w.AppURL, there.AppURL), "target_session_attrs", "read-write"))
	l := c.load(6, limit)
	l.await(t, 100)

	w.server.Kill(t)
	standby.Promote(t)
	w.admin = there.Admin(t)
	l.await(t, 100)
	l.settle(t)
	require.Contains(t, l.errors(), "ErrUnavailable", "positive control: the primary was gone for a while")
}

// While the primary is away, reading goes on at the standby.
func TestReadingGoesOnWithoutThePrimary(t *testing.T) {
	t.Parallel()
	w := newBreakableWorld(t)
	standby := w.server.Standby(t)
	w.admin.Reset()
	both := together(t, w.AppURL, w.On(standby).AppURL)
	c := w.open(t, withParam(t, both, "target_session_attrs", "read-write"), func(cfg *tenancy.Config) {
		cfg.ReplicaURL = withParam(t, both, "target_session_attrs", "prefer-standby")
	})
	id := w.try(w.tenants[0])
	require.NoError(t, c.add(t.Context(), c.db.For(c.scopes[0]), id))
	read := func(s tenancy.Scope) (n int) {
		require.NoError(t, c.db.ReadTx(t.Context(), s, func(ctx context.Context, conn *tenancy.Conn) (err error) {
			n, err = c.look(ctx, conn)
			return err
		}))
		return n
	}
	require.Eventually(t, func() bool { return read(c.scopes[0]) == 1 }, patience, 10*time.Millisecond, "the standby follows")

	w.server.Kill(t)
	var readers sync.WaitGroup
	for _, s := range c.scopes {
		readers.Go(func() { read(s) })
	}
	readers.Wait()
	require.Equal(t, 1, read(c.scopes[0]))
	require.Zero(t, read(c.scopes[1]), "the other tenants have none there, either")
	require.ErrorIs(t, c.add(t.Context(), c.db.For(c.scopes[0]), w.try(w.tenants[0])), tenancy.ErrUnavailable)
}
