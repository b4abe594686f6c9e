package tenancy

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// admitSupport asks the database whether the grant lets the person in; nothing
// that is said here is believed there: each statement asks again.
func (db *DB) admitSupport(ctx context.Context, a Actor, t ID, grant uuid.UUID) (Scope, error) {
	switch {
	case db == nil || t.IsZero():
		return Scope{}, ErrNoTenant
	case !db.duty.support || a.Kind != KindSupport || a.UserID == uuid.Nil || a.Email == "" || grant == uuid.Nil:
		return Scope{}, db.refuse(ctx, a, t, ErrNotAdmitted)
	}
	scope := db.scopeOf(t, a, RoleSupport, reachTenant, "", grant)
	mode, err := db.supportMode(WithAction(ctx, "admit"), scope)
	if err != nil {
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.ConstraintName == "watertight_support_grant" {
			err = ErrNotAdmitted
		}
		return Scope{}, db.refuse(ctx, a, t, err)
	}
	scope.readOnly = mode != "write"
	return scope, nil
}

func (db *DB) supportMode(ctx context.Context, s Scope) (mode string, err error) {
	f, err := db.journalSend(ctx, s, call{sql: sqlSupportAdmitted})
	if err != nil {
		return "", err
	}
	rows, err := f.results.Query()
	if err == nil {
		mode, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
	}
	if end := f.finish(); err == nil {
		err = end
	}
	return mode, db.clean(err)
}

// record commits an event for each statement before any of them is sent: an
// event in the statement's own transaction would be gone with it, and whoever
// reads and rolls back would leave no trace. The database refuses the event when
// the grant has ended, and then nothing is sent.
func (c *Conn) record(ctx context.Context, calls []call) error {
	notes := make([]call, len(calls))
	for i, c := range calls {
		notes[i] = call{sql: sqlSupportStatement, args: []any{c.sql}}
	}
	if len(calls) > 0 {
		ctx = WithAction(ctx, actionOf(ctx, calls[0].sql))
	}
	f, err := c.db.journalSend(ctx, c.scope, notes...)
	if err != nil {
		return err
	}
	if err := f.finish(); err != nil {
		return fmt.Errorf("record a statement of support: %w", c.db.clean(err))
	}
	return nil
}

func (db *DB) journalSend(ctx context.Context, s Scope, calls ...call) (*flight, error) {
	if db.closed.Load() {
		return nil, ErrTxDone
	}
	conn, err := db.journal.Acquire(ctx)
	if err != nil {
		return nil, db.clean(err)
	}
	s.readOnly = false // the event is written, whatever the grant allows
	f := &flight{conn: &Conn{db: db, scope: s}, ctx: ctx, pool: conn}
	if err := f.sendAlone(calls); err != nil {
		release(ctx, conn)
		return nil, db.clean(err)
	}
	return f, nil
}
