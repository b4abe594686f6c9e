package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// quickly does not pause for longer than a test should.
var quickly = tenancy.Retry{Attempts: 4, FirstPause: time.Microsecond, LongestPause: time.Millisecond}

func TestRetryTxTriesAgainWhatPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.admit(t, w.anna, w.a)
	ours := errors.New("ours")
	for _, c := range []struct {
		name     string
		err      error
		attempts int
	}{
		{"nothing", nil, 1},
		{"serialization failure", &pgconn.PgError{Code: "40001"}, 4},
		{"deadlock", &pgconn.PgError{Code: "40P01"}, 4},
		{"wrapped", fmt.Errorf("book: %w", &pgconn.PgError{Code: "40001"}), 4},
		{"no connection", tenancy.ErrUnavailable, 4},
		{"commit unknown", errors.Join(tenancy.ErrCommitUnknown, tenancy.ErrUnavailable), 1},
		{"unique violation", &pgconn.PgError{Code: "23505"}, 1},
		{"other answers", tenancy.ErrProtocol, 1},
		{"ours", ours, 1},
	} {
		attempts := 0
		err := w.db.RetryTx(t.Context(), s, quickly, func(context.Context, *tenancy.Conn) error {
			attempts++
			return c.err
		})
		require.Equal(t, c.err, err, c.name)
		require.Equal(t, c.attempts, attempts, c.name)
	}

	attempts := 0
	require.NoError(t, w.db.RetryTx(t.Context(), s, quickly, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, addNote, w.a, int64(50), "retried")
		require.NoError(t, err, "the attempt before left nothing")
		if attempts++; attempts < 3 {
			return &pgconn.PgError{Code: "40001"}
		}
		return nil
	}))
	require.Equal(t, 3, attempts)
	require.Equal(t, 4, w.notes(t))
}

func TestRetryTxEndsWithTheContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	attempts := 0
	err := w.db.RetryTx(ctx, w.admit(t, w.anna, w.a), tenancy.Retry{Attempts: 1000, FirstPause: time.Hour, LongestPause: time.Hour},
		func(context.Context, *tenancy.Conn) error {
			attempts++
			cancel()
			return tenancy.ErrUnavailable
		})
	require.ErrorIs(t, err, tenancy.ErrUnavailable, "the last error, as it is")
	require.Equal(t, 1, attempts)
}

func TestRetryIsValidated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.admit(t, w.anna, w.a)
	for _, r := range []tenancy.Retry{{Attempts: -1}, {FirstPause: -1}, {LongestPause: -1}, {FirstPause: 2, LongestPause: 1}} {
		require.ErrorContains(t, w.db.RetryTx(t.Context(), s, r, nil), "tenancy.Retry")
	}
	require.ErrorIs(t, w.db.RetryTx(t.Context(), tenancy.Scope{}, tenancy.Retry{}, nil), tenancy.ErrNoTenant)
}

func TestRetryPausesGrowToTheirLimit(t *testing.T) {
	t.Parallel()
	r := tenancy.Retry{FirstPause: time.Second, LongestPause: 10 * time.Second}
	for attempt, longest := range []time.Duration{1, 2, 4, 8, 10, 10, 10} {
		var most time.Duration
		for range 2000 {
			p := tenancy.Pause(r, attempt+1)
			require.LessOrEqual(t, p, longest*time.Second)
			most = max(most, p)
		}
		require.Greater(t, most, longest*time.Second*9/10)
	}
	require.LessOrEqual(t, tenancy.Pause(r, 1<<20), 10*time.Second, "no overflow")
}
