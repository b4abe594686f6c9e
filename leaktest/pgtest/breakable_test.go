//go:build unix

package pgtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBreakableServerKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	b := NewBreakable(t, Config{Empty: true, Settings: []string{"max_connections=33"}})
	d := b.NewDatabase(t, Config{Empty: true, Setup: []string{"create table acknowledged (i int)"}})
	admin := d.Admin(t)
	require.Equal(t, "on on 33", text(t, admin,
		"select concat_ws(' ', current_setting('fsync'), current_setting('synchronous_commit'), current_setting('max_connections'))"))
	_, err := admin.Exec(t.Context(), "insert into acknowledged values ($1)", 1)
	require.NoError(t, err)
	held, err := admin.Begin(t.Context())
	require.NoError(t, err)
	_, err = held.Exec(t.Context(), "insert into acknowledged values ($1)", 2)
	require.NoError(t, err)

	before := d.AdminURL
	children := childrenOf(b.local.process.cmd.Process.Pid)
	require.NotEmpty(t, children)
	b.Kill(t)
	alive := slices.DeleteFunc(children, dead)
	require.Error(t, held.Commit(t.Context()))
	require.Empty(t, alive, "processes that still have the server's memory")
	b.Restart(t)
	require.Equal(t, before, b.adminURL(d.Name), "where it was")
	admin.Reset()
	require.Equal(t, "1", text(t, admin, "select string_agg(i::text, ',') from acknowledged"))
}

func TestPausedServerAnswersLater(t *testing.T) {
	t.Parallel()
	b := NewBreakable(t, Config{Empty: true})
	d := b.NewDatabase(t, Config{Empty: true})
	conn, err := connect(t, d.AdminURL)
	require.NoError(t, err)
	resume := b.Pause(t)
	answered := make(chan error, 1)
	go func() { answered <- conn.Ping(context.Background()) }()
	select {
	case err := <-answered:
		t.Fatalf("a paused server answered: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	resume()
	require.NoError(t, <-answered)
}

func TestStandbyFollowsAndIsPromoted(t *testing.T) {
	t.Parallel()
	b := NewBreakable(t, Config{Empty: true})
	d := b.NewDatabase(t, Config{})
	standby := b.Standby(t)
	d.Exec(t, "create schema app; create table app.seen (i int); insert into app.seen values (7)")
	there := d.On(standby)
	admin := there.Admin(t)
	require.Eventually(t, func() bool {
		var n int
		return admin.QueryRow(t.Context(), "select i from app.seen").Scan(&n) == nil && n == 7
	}, time.Minute, 10*time.Millisecond)
	_, err := admin.Exec(t.Context(), "insert into app.seen values ($1)", 8)
	require.ErrorContains(t, err, "read-only")
	require.Equal(t, "watertight_app", text(t, there.App(t), "select current_user::text"))

	b.Kill(t)
	standby.Promote(t)
	_, err = admin.Exec(t.Context(), "insert into app.seen values ($1)", 8)
	require.NoError(t, err)
}
