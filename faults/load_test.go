package faults

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

const (
	// patience bounds what a test waits for. It is long, because it only
	// passes when the test fails.
	patience = 2 * time.Minute
	// rest is how long a worker waits after an error, as a client would.
	rest = 5 * time.Millisecond
)

// load is what tenants do while something breaks: they write and read, and
// remember what they were told.
type load struct {
	*client
	limit  time.Duration // of each operation
	damage atomic.Bool   // the network changes what it carries

	stopped atomic.Bool
	workers sync.WaitGroup
	acks    atomic.Int64 // operations that succeeded
	rows    atomic.Int64 // rows read and found to be the reader's own

	mu    sync.Mutex
	acked map[int64]bool
	pairs [][2]int64     // rows of one transaction
	seen  map[string]int // errors by name
	bad   []error        // leaks, and errors without a name
}

// load starts workers. Each operation may take as long as limit.
func (c *client) load(workers int, limit time.Duration) *load {
	l := &load{client: c, limit: limit, acked: map[int64]bool{}, seen: map[string]int{}}
	for n := range workers {
		random := rand.New(rand.NewPCG(uint64(n), 11))
		l.workers.Go(func() {
			for !l.stopped.Load() {
				l.once(random)
			}
		})
	}
	return l
}

func (l *load) once(random *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), l.limit)
	defer cancel()
	scope := l.scopes[random.IntN(len(l.scopes))]
	var err error
	switch random.IntN(4) {
	case 0:
		err = l.write(ctx, scope)
	case 1:
		err = l.writePair(ctx, scope)
	case 2:
		err = l.batch(ctx, scope)
	default:
		err = l.read(ctx, l.db.For(scope))
	}
	if err == nil {
		l.acks.Add(1)
		return
	}
	l.note(err)
	time.Sleep(rest)
}

func (l *load) ack(ids ...int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.acked[id] = true
	}
}

func (l *load) write(ctx context.Context, scope tenancy.Scope) error {
	id := l.try(scope.Tenant())
	err := l.add(ctx, l.db.For(scope), id)
	if err == nil {
		l.ack(id)
	}
	return err
}

// writePair writes two rows, of which there must be both or none.
func (l *load) writePair(ctx context.Context, scope tenancy.Scope) error {
	pair := [2]int64{l.try(scope.Tenant()), l.try(scope.Tenant())}
	l.mu.Lock()
	l.pairs = append(l.pairs, pair)
	l.mu.Unlock()
	err := l.db.Tx(ctx, scope, func(ctx context.Context, c *tenancy.Conn) error {
		if err := l.add(ctx, c, pair[0]); err != nil {
			return err
		}
		if err := l.read(ctx, c); err != nil {
			return err
		}
		return l.add(ctx, c, pair[1])
	})
	if err == nil {
		l.ack(pair[:]...)
	}
	return err
}

func (l *load) batch(ctx context.Context, scope tenancy.Scope) error {
	id := l.try(scope.Tenant())
	var b pgx.Batch
	b.Queue(addEntry, scope.Tenant(), id, l.seals.of(scope.Tenant(), id))
	b.Queue(lastEntries).Query(func(rows pgx.Rows) error {
		n, err := l.seals.collect(scope.Tenant(), rows)
		l.rows.Add(int64(n))
		return err
	})
	err := l.db.For(scope).SendBatch(ctx, &b).Close()
	if err == nil {
		l.ack(id)
	}
	return err
}

func (l *load) read(ctx context.Context, c *tenancy.Conn) error {
	n, err := l.look(ctx, c)
	l.rows.Add(int64(n))
	return err
}

func (l *load) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := nameOf(err)
	l.seen[name]++
	if name == "a damaged row" && !l.damage.Load() {
		name = ""
	}
	if name == "" || strings.Contains(err.Error(), l.Name) {
		l.bad = append(l.bad, err)
	}
}

// nameOf is how a caller can tell what went wrong, empty if it cannot.
func nameOf(err error) string {
	var pg *pgconn.PgError
	switch {
	case errors.As(err, new(leak)):
		return ""
	case errors.Is(err, tenancy.ErrCommitUnknown):
		return "ErrCommitUnknown"
	case errors.Is(err, tenancy.ErrProtocol):
		return "ErrProtocol"
	case errors.Is(err, tenancy.ErrUnavailable):
		return "ErrUnavailable"
	case errors.As(err, &pg):
		return pg.Code
	case errors.Is(err, context.DeadlineExceeded):
		return "context.DeadlineExceeded"
	case errors.Is(err, context.Canceled):
		return "context.Canceled"
	case errors.Is(err, errDamaged):
		return "a damaged row"
	case strings.HasPrefix(err.Error(), "an argument does not fit"):
		return "an argument that does not fit" // to what the server seemed to say of the statement
	case errors.Is(err, tenancy.ErrRolledBack):
		return "ErrRolledBack"
	}
	return ""
}

// await returns when the tenants have succeeded n more times, so that a fault
// meets a load, and a load goes on after it.
func (l *load) await(t testing.TB, n int64) {
	t.Helper()
	goal := l.acks.Load() + n
	require.Eventually(t, func() bool { return l.acks.Load() >= goal }, patience, 5*time.Millisecond,
		"the tenants were not served any more")
}

// stop ends the workers.
func (l *load) stop() {
	l.stopped.Store(true)
	l.workers.Wait()
}

// settle ends the load and checks the four promises.
func (l *load) settle(t testing.TB) {
	t.Helper()
	l.stop()
	l.idle(t)
	found := l.written(t)
	for _, err := range l.bad {
		t.Errorf("%v (%T)", err, err)
	}
	for id := range l.acked {
		require.Contains(t, found, id, "an acknowledged write is lost")
	}
	for id, tenant := range found {
		sent, _ := l.tried.Load(id)
		require.Equal(t, sent, tenant, "row %d was written for another tenant", id)
	}
	for _, p := range l.pairs {
		_, first := found[p[0]]
		_, second := found[p[1]]
		require.Equal(t, first, second, "half a transaction was written: rows %v", p)
	}
	require.NotEmpty(t, l.acked, "positive control: writes were acknowledged")
	require.NotZero(t, l.rows.Load(), "positive control: rows were read")
	t.Logf("%d operations, %d rows read and checked, %d writes acknowledged and there, %d more there whose outcome was unknown; errors: %v",
		l.acks.Load(), l.rows.Load(), len(l.acked), len(found)-len(l.acked), l.errors())
}

// idle checks that no connection is stuck: neither one of the pool nor, on the
// server, a session of one that the pool has given up.
func (c *client) idle(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool { return c.db.Stat().AcquiredConns() == 0 }, patience, 5*time.Millisecond,
		"connections did not return to the pool")
	require.Eventually(t, func() bool {
		var busy int
		err := c.admin.QueryRow(t.Context(), `select count(*) from pg_stat_activity
			where datname = current_database() and usename like 'w%_app' and state <> 'idle'`).Scan(&busy)
		return err == nil && busy == 0
	}, patience, 20*time.Millisecond, "sessions of the application hang on the server")
	for _, s := range c.scopes {
		_, err := c.look(t.Context(), c.db.For(s))
		require.NoError(t, err, "every tenant is served again")
	}
}

// errors lists the errors seen, by name.
func (l *load) errors() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.seen))
}
