package tenancy

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Answers carry no mark of the question in Postgres' protocol: a client takes
// what comes next for what it asked last. Where an answer is delivered twice, or
// to the wrong connection, by a pooler or proxy with a bug, everybody after that
// reads somebody else's rows, and no error tells. Hence the echo: a number that
// the server sends back in front of the rows, in the answer to enter().

// echoes are given out one by one, from a random place, so that no two flights
// have the same, not even those of two processes behind one pooler.
var echoes atomic.Uint64

func init() { echoes.Store(rand.Uint64()) }

func nextEcho() int64 { return int64(echoes.Add(1)) } //nolint:gosec // the bits are what counts

// hear reads the answer to enter() and compares the echo.
func hear(from results, echo int64) error {
	if a, ok := from.(*answers); ok && a.session.mode != pgx.QueryExecModeExec { // where it comes as text
		return a.hear(echo)
	}
	rows, err := from.Query()
	if err != nil {
		return err
	}
	heard, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (n int64, err error) {
		return n, row.Scan(nil, &n)
	})
	if err == nil && heard != echo {
		err = errAnswer
	}
	return err
}

func (a *answers) hear(echo int64) error {
	r, err := a.result()
	if err != nil {
		return err
	}
	same := false
	if r.NextRow() {
		v := r.Values()
		same = len(v) == 2 && len(v[1]) == 8 && int64(binary.BigEndian.Uint64(v[1])) == echo //nolint:gosec // as above
	}
	if _, err := r.Close(); err != nil {
		return err
	}
	if !same {
		return errAnswer
	}
	return nil
}

var errAnswer = errors.New("the answer is not to what was asked")

// checkProtocol gives an answer that makes no sense its name, and closes the
// connection: what is still to be read on it may be anybody's.
func checkProtocol(conn *pgx.Conn, err error) error {
	if !unexplained(err) {
		return err
	}
	abandon(conn)
	return &veiled{public: ErrProtocol.Error(), causes: []error{ErrProtocol, err}}
}

// unexplained reports whether an error is neither what the server reported, nor
// the network, nor an argument that did not fit. Then the two ends of the
// connection do not understand each other.
func unexplained(err error) bool {
	return err != nil && !explained(err)
}

func explained(err error) bool {
	var (
		pg   *pgconn.PgError
		ours *veiled
	)
	return errors.Is(err, pgx.ErrNoRows) || errors.Is(err, ErrNoTenant) || errors.As(err, &pg) || errors.As(err, &ours) ||
		ended(err) || unreachable(err)
}

// abandon closes the connection, so that the pool does not take it back.
func abandon(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
