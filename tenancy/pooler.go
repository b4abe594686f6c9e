package tenancy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// way is how a database is reached, as Open found it.
type way struct {
	pooled bool // what answered the start-up is not the backend that answers statements
	plain  bool // it does not take search_path with the start-up
}

// looks is how often a connection is asked for its backend. Each look is proof
// if it finds another one; a busy pooler may hide it once.
const looks = 3

// inspectWay finds out what a pooler in between does with transactions and,
// where contexts are bound to the session, with sessions. A wrong guess lets
// nothing through: Postgres refuses a context that was bound to another backend.
func (db *DB) inspectWay(ctx context.Context, url string, conn *pgx.Conn, w *way) error {
	pid, err := backendOf(ctx, conn)
	if err != nil {
		return db.clean(err)
	}
	w.pooled = pid != conn.PgConn().PID()
	if w.pooled || db.cfg.Binding == BindNone {
		if err := db.holdsTransactions(ctx, conn); err != nil {
			return err
		}
	}
	if w.pooled && db.cfg.Binding == BindSession {
		return db.holdsSession(ctx, url, conn, w)
	}
	return nil
}

// holdsTransactions refuses what may send the next statement of a transaction
// elsewhere, or sends no BEGIN at all.
func (db *DB) holdsTransactions(ctx context.Context, conn *pgx.Conn) error {
	var first, second uint32
	tx, err := conn.Begin(ctx)
	if err == nil {
		first, err = backendOf(ctx, conn)
	}
	if err == nil {
		second, err = backendOf(ctx, conn)
	}
	if err == nil {
		err = tx.Rollback(ctx)
	}
	var refused *pgconn.PgError
	if ended(err) || err != nil && !errors.As(err, &refused) {
		return db.clean(err)
	}
	if err != nil || first != second || first == 0 {
		return &veiled{
			public: fmt.Sprintf("%v, in statement mode, which carries no transaction of several statements (set pool_mode to transaction or session)", ErrPooler),
			causes: []error{errors.Join(ErrPooler, err)},
		}
	}
	return nil
}

// holdsSession refuses what gives the connection's backend to somebody else.
func (db *DB) holdsSession(ctx context.Context, url string, conn *pgx.Conn, w *way) error {
	ctx, cancel := context.WithTimeout(ctx, conn.Config().ConnectTimeout)
	defer cancel()
	other, err := db.connect(ctx, url, w)
	if err != nil {
		return err
	}
	defer other.Close(context.WithoutCancel(ctx))
	for range looks {
		own, err := sameBackend(ctx, conn, other)
		if err != nil {
			return db.clean(err)
		}
		if !own {
			return fmt.Errorf("%w and does not keep a session's statements on one server process, so a context cannot be bound to the session (set pool_mode = session, connect directly, or set Config.Binding to BindTransaction or BindNone and read what that costs)", ErrPooler)
		}
	}
	return nil
}

// sameBackend reports whether conn has one backend, with nobody else there and
// while other holds one in a transaction, which must be another.
func sameBackend(ctx context.Context, conn, other *pgx.Conn) (bool, error) {
	before, err := backendOf(ctx, conn)
	if err != nil {
		return false, err
	}
	// A pooler that goes round its server connections shows itself here, one that
	// gives out the last one first below.
	again, err := backendOf(ctx, conn)
	if err != nil || again != before {
		return false, err
	}
	tx, err := other.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	theirs, err := backendOf(ctx, other)
	if err != nil || theirs == before {
		return false, err
	}
	again, err = backendOf(ctx, conn)
	return again == before, err
}

func backendOf(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	err = conn.QueryRow(ctx, sqlBackend).Scan(&pid)
	return pid, err
}

// connect opens a connection for the checks of Open, and learns whether
// search_path can be sent with the start-up.
func (db *DB) connect(ctx context.Context, url string, w *way) (*pgx.Conn, error) {
	pc, err := db.cfg.poolConfig(url, *w)
	if err != nil {
		return nil, err
	}
	cc := pc.ConnConfig
	// A prepared statement, even one without a name, would stay on a backend that
	// is somebody else's next.
	cc.DefaultQueryExecMode, cc.DescriptionCacheCapacity = pgx.QueryExecModeCacheDescribe, 16
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil && !w.plain && refusesParameter(err) {
		w.plain = true
		return db.connect(ctx, url, w)
	}
	if err != nil {
		return nil, db.clean(err)
	}
	return conn, nil
}

// refusesParameter recognises PgBouncer, and what took its words over.
func refusesParameter(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "08P01" && strings.Contains(pg.Message, "search_path")
}
