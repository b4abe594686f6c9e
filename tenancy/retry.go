package tenancy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Retry bounds how often and how fast [DB.RetryTx] tries. The zero value is
// right for a request that somebody waits for.
type Retry struct {
	// Attempts is how often the function is called at most, the first time
	// included. Defaults to 5.
	Attempts int

	// FirstPause is the longest pause after the first attempt; after each
	// further one it doubles. The pause itself is random, between nothing and
	// that, so that those who collided do not meet again. Defaults to 20 ms.
	FirstPause time.Duration

	// LongestPause is where the doubling ends. Defaults to 1 s.
	LongestPause time.Duration
}

func (r Retry) resolve() (Retry, error) {
	if r.Attempts < 0 || r.FirstPause < 0 || r.LongestPause < 0 {
		return r, errors.New("tenancy.Retry: a field is negative (leave it out for its default)")
	}
	if r.Attempts == 0 {
		r.Attempts = 5
	}
	if r.FirstPause == 0 {
		r.FirstPause = 20 * time.Millisecond
	}
	if r.LongestPause == 0 {
		r.LongestPause = time.Second
	}
	if r.FirstPause > r.LongestPause {
		return r, fmt.Errorf("tenancy.Retry: FirstPause is longer than LongestPause (%v, %v)", r.FirstPause, r.LongestPause)
	}
	return r, nil
}

// RetryTx is [DB.Tx] for a function that may run several times: it is called
// again, in a new transaction, when the one before came to nothing for a reason
// that passes. Everything that fn does beside the transaction, such as sending
// an e-mail or adding to a variable, it does once for each attempt; fn must be
// written for that.
//
// What passes, and is tried again:
//
//   - a serialization failure (SQLSTATE 40001) and a deadlock (40P01), also when
//     the commit reports it: Postgres has rolled the transaction back;
//   - [ErrUnavailable] before the commit was sent: no connection could be made,
//     or it broke while statements were running, which without a commit leave
//     nothing behind.
//
// What is never tried again:
//
//   - [ErrCommitUnknown]: the commit was sent and its answer is missing, so the
//     transaction may have happened. Look for what it would have written, by a
//     key of its own, before it is run again;
//   - every other error, those of fn itself included;
//   - anything once ctx is over, or the attempts are used up: the last error is
//     returned as it is.
//
// A commit that does not wait for a standby can be lost in a failover after it
// was acknowledged; no retry helps against that.
func (db *DB) RetryTx(ctx context.Context, s Scope, r Retry, fn func(context.Context, *Conn) error) error {
	r, err := r.resolve()
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err := db.Tx(ctx, s, fn)
		if err == nil || attempt >= r.Attempts || !passes(err) || !r.wait(ctx, attempt) {
			return err
		}
	}
}

// passes reports whether a transaction came to nothing, for a reason that may
// be gone next time.
func passes(err error) bool {
	if errors.Is(err, ErrCommitUnknown) {
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01") {
		return true
	}
	return errors.Is(err, ErrUnavailable)
}

// wait pauses before the next attempt; false means that ctx is over.
func (r Retry) wait(ctx context.Context, attempt int) bool {
	timer := time.NewTimer(r.pause(attempt))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

func (r Retry) pause(attempt int) time.Duration {
	longest := r.FirstPause
	for range attempt - 1 {
		if longest > r.LongestPause/2 {
			longest = r.LongestPause
			break
		}
		longest *= 2
	}
	return rand.N(longest + 1)
}

// commitError tells a commit that failed from one that may have happened. Only
// what Postgres reports as an ERROR failed for certain: a FATAL can come from a
// session that is ended after it has committed. What pgx says of it
// (pgconn.SafeToRetry) is no help, see [veiled.SafeToRetry].
func commitError(err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, ErrRolledBack):
		return err
	case errors.As(err, &pg) && pg.SeverityUnlocalized == "ERROR":
		return err
	}
	return &veiled{
		public: fmt.Sprintf("%v: %v", ErrCommitUnknown, err),
		causes: []error{ErrCommitUnknown, err},
	}
}
