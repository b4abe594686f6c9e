//go:build unix

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// A soakFault strikes while the tenants are served, sees that it was felt, and
// is over when it returns.
type soakFault struct {
	name   string
	strike func(testing.TB, *soak)
}

// What garbles bytes is not among them: without TLS it can change what a tenant
// writes, and then the books say something else than the rows.
var soakFaults = []soakFault{
	{"sessions are ended by an administrator", sessionsEnded},
	{"the server is killed and started again", serverKilled},
	{"one backend is killed", backendKilled},
	{"the server hangs", serverHangs},
	{"connections are reset", connectionsReset},
	{"connections are half-open", connectionsHalfOpen},
	{"the network is down", networkDown},
	{"bytes arrive late", arriving(delaying(3 * time.Millisecond))},
	{"bytes arrive in small pieces", arriving(splitting())},
	{"connections break in the middle of a message", arriving(cutting(30))},
	{"the pool is exhausted", poolExhausted},
	{"statements run into statement_timeout", statementsTimeOut},
	{"transactions deadlock", transactionsDeadlock},
	{"the table is locked", tableLocked},
}

const ofTheApp = "datname = current_database() and usename like 'w%_app'"

func sessionsEnded(t testing.TB, s *soak) {
	tag, err := s.admin.Exec(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where "+ofTheApp)
	require.NoError(t, err)
	require.NotZero(t, tag.RowsAffected(), "positive control: there were sessions")
	s.awaitFailure(t)
}

func serverKilled(t testing.TB, s *soak) {
	s.server.Kill(t)
	s.awaitFailure(t)
	s.server.Restart(t)
	s.admin.Reset()
}

func backendKilled(t testing.TB, s *soak) {
	var pid int
	require.NoError(t, s.admin.QueryRow(t.Context(), "select pid from pg_stat_activity where "+ofTheApp+" limit 1").Scan(&pid))
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	s.awaitFailure(t)
	s.admin.Reset()
}

func serverHangs(t testing.TB, s *soak) {
	resume := s.server.Pause(t)
	defer resume()
	s.awaitFailure(t)
}

func connectionsReset(t testing.TB, s *soak) {
	s.proxy.cut()
	s.awaitFailure(t)
}

// connectionsHalfOpen ends as TCP's keepalive would end it: both sides learn
// that the line is dead.
func connectionsHalfOpen(t testing.TB, s *soak) {
	s.proxy.freeze()
	s.awaitFailure(t)
	s.proxy.cut()
}

func networkDown(t testing.TB, s *soak) {
	s.proxy.down(true)
	s.proxy.cut()
	s.awaitFailure(t)
	s.proxy.down(false)
}

func arriving(w weather) func(testing.TB, *soak) {
	return func(t testing.TB, s *soak) {
		s.proxy.set(w)
		s.await(t, underFault)
		s.proxy.set(nil)
	}
}

func poolExhausted(t testing.TB, s *soak) {
	release := make(chan struct{})
	var holding, holders sync.WaitGroup
	for i := range soakConns {
		holding.Add(1)
		holders.Go(func() {
			b, row := s.books[i], s.fresh(1)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			holds := sync.OnceFunc(holding.Done)
			err := s.db.Tx(ctx, s.scopes[i], func(ctx context.Context, c *tenancy.Conn) error {
				err := s.add(ctx, c, row[0].id)
				holds()
				<-release
				return err
			})
			holds() // also if it never had one
			s.added(b, ofTx(err), row...)
			if err != nil {
				s.report(fmt.Errorf("who holds a connection: %w", err))
			}
		})
	}
	holding.Wait()
	require.EqualValues(t, soakConns, s.db.Stat().AcquiredConns(), "positive control: the pool is exhausted")
	s.awaitFailure(t)
	close(release)
	holders.Wait()
}

func statementsTimeOut(t testing.TB, s *soak) {
	var sleepers sync.WaitGroup
	var ended atomic.Int64
	for i := range soakConns / 2 {
		sleepers.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_, err := s.db.For(s.scopes[i]).Exec(ctx, "select pg_sleep(60)")
			if err == nil {
				s.report(errors.New("a statement outlived statement_timeout"))
				return
			}
			if s.note(err); nameOf(err) == "57014" {
				ended.Add(1)
			}
		})
	}
	sleepers.Wait()
	require.EqualValues(t, soakConns/2, ended.Load(), "positive control: each was ended")
}

// transactionsDeadlock changes two rows in two orders. Both must be changed
// twice in the end, since RetryTx tries again whichever lost.
func transactionsDeadlock(t testing.TB, s *soak) {
	b, scope := s.books[0], s.scopes[0]
	r := rand.New(rand.NewPCG(s.seed, uint64(s.ran)))
	var rows []*record
	require.Eventually(t, func() bool {
		if rows = append(rows, b.take(r, 2-len(rows))...); len(rows) == 2 {
			return true
		}
		_ = s.asTenant(func(ctx context.Context) error { return s.insert(ctx, b, scope, r) })
		return false
	}, patience, time.Millisecond)
	defer b.give(rows...)
	m := newMeeting()
	var both sync.WaitGroup
	var errs [2]error
	for i := range errs {
		both.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			errs[i] = s.db.RetryTx(ctx, scope, tenancy.Retry{}, func(ctx context.Context, c *tenancy.Conn) error {
				if _, err := c.Exec(ctx, addOne, ids(rows[i:i+1])); err != nil {
					return err
				}
				m.attend()
				_, err := c.Exec(ctx, addOne, ids(rows[1-i:2-i]))
				return err
			})
		})
	}
	both.Wait()
	for _, err := range errs {
		changed(ofTx(err), rows...)
		if err != nil {
			s.report(fmt.Errorf("who met a deadlock: %w", err))
		}
	}
	require.Greater(t, m.attempts.Load(), int64(2), "positive control: one of the two was tried again")
}

// tableLocked is a migration that takes its time.
func tableLocked(t testing.TB, s *soak) {
	tx, err := s.admin.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(context.WithoutCancel(t.Context()))) }()
	_, err = tx.Exec(t.Context(), "lock table app.entries in access exclusive mode")
	require.NoError(t, err)
	s.awaitFailure(t)
}
