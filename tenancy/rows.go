package tenancy

import (
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// rows are pgx's rows without the way to their connection, and with the
// transaction's end behind their own.
type rows struct {
	inner  pgx.Rows
	flight *flight
	closed bool
	err    error
}

func failedRows(err error) *rows { return &rows{closed: true, err: err} }

func (r *rows) Next() bool {
	if r.closed {
		return false
	}
	if r.inner.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *rows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.inner.Close()
	err := r.inner.Err()
	// ErrProtocol is the same error with a name.
	if end := r.flight.finish(); err == nil || errors.Is(end, ErrProtocol) {
		err = end
	}
	r.err = r.flight.conn.db.clean(err)
}

func (r *rows) Err() error {
	if r.closed {
		return r.err
	}
	return r.flight.conn.db.clean(r.inner.Err())
}

func (r *rows) Scan(dest ...any) error {
	if r.inner == nil {
		return r.failure()
	}
	if len(dest) == 1 {
		// pgx would hand its own rows to a RowScanner, and with them the
		// connection.
		if scanner, ok := dest[0].(pgx.RowScanner); ok {
			err := scanner.ScanRow(r)
			if err != nil {
				r.Close()
			}
			return err
		}
	}
	if err := r.inner.Scan(dest...); err != nil {
		r.Close()
		return err
	}
	return nil
}

func (r *rows) Values() ([]any, error) {
	if r.inner == nil {
		return nil, r.failure()
	}
	return r.inner.Values()
}

func (r *rows) failure() error {
	if r.err != nil {
		return r.err
	}
	return errors.New("the rows are closed")
}

func (r *rows) RawValues() [][]byte {
	if r.inner == nil {
		return nil
	}
	return r.inner.RawValues()
}

func (r *rows) CommandTag() pgconn.CommandTag {
	if r.inner == nil {
		return pgconn.CommandTag{}
	}
	return r.inner.CommandTag()
}

func (r *rows) FieldDescriptions() []pgconn.FieldDescription {
	if r.inner == nil {
		return nil
	}
	return r.inner.FieldDescriptions()
}

func (r *rows) TypeMap() *pgtype.Map {
	if r.inner == nil {
		return nil
	}
	return r.inner.TypeMap()
}

// Conn returns nil: a raw connection has no tenant.
func (r *rows) Conn() *pgx.Conn { return nil }

// row reads the first of its rows.
type row rows

func (r *row) Scan(dest ...any) error {
	all := (*rows)(r)
	if all.inner == nil {
		return all.failure()
	}
	defer all.Close()
	for _, d := range dest {
		if _, ok := d.(*pgtype.DriverBytes); ok {
			return errors.New("cannot scan into *pgtype.DriverBytes from QueryRow (scan into []byte)")
		}
	}
	if !all.Next() {
		if err := all.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := all.Scan(dest...); err != nil {
		return err
	}
	all.Close()
	return all.Err()
}

// batchResults are pgx's, with our rows, and without the results of the frame.
type batchResults struct {
	flight *flight // nil when nothing was sent
	queued []*pgx.QueuedQuery
	next   int
	closed bool
	err    error
}

var errBatchDone = errors.New("the batch has no more results")

func (b *batchResults) advance() error {
	switch {
	case b.err != nil:
		return b.err
	case b.closed || b.next >= len(b.queued):
		return errBatchDone
	}
	b.next++
	return nil
}

func (b *batchResults) Exec() (pgconn.CommandTag, error) {
	if err := b.advance(); err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := b.flight.results.Exec()
	b.err = b.flight.conn.db.clean(err)
	return tag, b.err
}

func (b *batchResults) Query() (pgx.Rows, error) {
	if err := b.advance(); err != nil {
		return failedRows(err), err
	}
	inner, err := b.flight.results.Query()
	if err != nil {
		b.err = b.flight.conn.db.clean(err)
		return failedRows(b.err), b.err
	}
	// The flight goes on after these rows: theirs is one that is over already.
	return &rows{inner: inner, flight: &flight{conn: b.flight.conn, finished: true}}, nil
}

func (b *batchResults) QueryRow() pgx.Row {
	r, _ := b.Query() // its error is that of the rows, too
	return (*row)(r.(*rows))
}

// Close reads the remaining results, calling the callbacks that were queued
// with them, and ends the transaction.
func (b *batchResults) Close() error {
	if b.closed {
		return b.err
	}
	for b.err == nil && b.next < len(b.queued) {
		if fn := b.queued[b.next].Fn; fn != nil {
			if err := fn(b); err != nil && b.err == nil {
				b.err = err
			}
		} else {
			_, _ = b.Exec() // kept in b.err
		}
	}
	b.closed = true
	if b.flight == nil {
		return b.err
	}
	if end := b.flight.conn.db.clean(b.flight.finish()); b.err == nil || errors.Is(end, ErrProtocol) {
		b.err = end
	}
	return b.err
}

// Tx returns nil: a batch on a handle begins no transaction of its own.
func (b *batchResults) Tx() pgx.Tx { return nil }
