package tenancy

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a pool of connections on which nothing runs outside a [Scope]. It is
// safe for use by any number of goroutines.
type DB struct {
	cfg     Config
	duty    duty
	signer  *signer
	primary *pgxpool.Pool
	replica *pgxpool.Pool // nil: ReadTx goes to the primary
	journal *pgxpool.Pool // of a support role: where each statement is recorded before it is sent
	citus   bool
	closed  atomic.Bool
	columns sync.Map // of CopyFrom: table and columns → []copyColumn
}

// duty is what a DB's role is for, and with it what Open checks.
type duty struct {
	role   string // the group role that the login must be, or be a member of
	policy string // the function that the policies for it must call
	reach  reach

	// support: only scopes of KindSupport, and no other DB has such scopes.
	support bool

	// session are settings of each connection, sent when it starts.
	session map[string]string
}

var (
	tenantDuty = duty{role: "watertight_app", policy: "watertight.tenant()", reach: reachTenant}
	systemDuty = duty{role: "watertight_system", policy: "watertight.crosstenant()", reach: reachAll}

	// One tenant at a time, as far as a grant of that tenant goes.
	supportDuty = duty{role: "watertight_support", policy: "watertight.support_tenant(", reach: reachTenant, support: true}

	// One tenant at a time, as the application, but a closed one as well.
	custodyDuty = duty{role: "watertight_lifecycle", policy: "watertight.tenant()", reach: reachTenant}
)

// Open connects to the database and refuses it when the promises could not be
// kept there: a role that passes by row-level security (superuser, BYPASSRLS,
// an owner, or a member of one) is [ErrUnsafeRole], a reachable tenant table
// without forced row-level security and the library's policy [ErrUnsafeSchema],
// an unencrypted connection to another host [ErrPlaintext]. The first two come
// as an [*UnsafeError] with every reason. A server that cannot be reached is
// [ErrUnavailable].
//
// The checks at start-up are quick ones; run watertight inspect in CI for the
// thorough ones.
func Open(ctx context.Context, url string, cfg Config) (*DB, error) {
	return open(ctx, url, cfg, tenantDuty)
}

func open(ctx context.Context, url string, cfg Config, d duty) (*DB, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	db := &DB{cfg: cfg, duty: d, signer: newSigner(cfg.Key)}
	w, err := db.check(ctx, url)
	if err != nil {
		return nil, err
	}
	if db.primary, err = db.pool(ctx, url, w); err != nil {
		return nil, err
	}
	if d.support {
		// Connections of its own: a transaction that waited for one of those
		// that others hold, while it holds one itself, could wait for ever.
		if db.journal, err = db.pool(ctx, url, w); err != nil {
			db.Close()
			return nil, err
		}
	}
	if cfg.ReplicaURL == "" {
		return db, nil
	}
	if w, err = db.check(ctx, cfg.ReplicaURL); err != nil {
		db.Close()
		return nil, err
	}
	if db.replica, err = db.pool(ctx, cfg.ReplicaURL, w); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func (db *DB) pool(ctx context.Context, url string, w way) (*pgxpool.Pool, error) {
	pc, err := db.cfg.poolConfig(url, w)
	if err != nil {
		return nil, err
	}
	maps.Copy(pc.ConnConfig.RuntimeParams, db.duty.session)
	// pgx bounds the connecting alone. What comes after it, and the question
	// whether an idle connection still lives, would on a half-open line keep a
	// place of the pool for ever, and the caller without a deadline as well.
	limit := pc.ConnConfig.ConnectTimeout
	pc.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return db.afterConnect(ctx, conn, w)
	}
	if pc.PingTimeout == 0 {
		pc.PingTimeout = limit
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, db.clean(err)
	}
	return pool, nil
}

// afterConnect looks at each new connection: the role may have been given
// BYPASSRLS since Open, and a pooler may have been put in between.
func (db *DB) afterConnect(ctx context.Context, conn *pgx.Conn, w way) error {
	me, err := identify(ctx, conn)
	if err != nil {
		return checkProtocol(conn, err)
	}
	if me.unsafe {
		return &UnsafeError{Kind: ErrUnsafeRole, Reasons: []string{"the role is a superuser or has BYPASSRLS (log in as watertight_app or a member of it)"}}
	}
	if err := db.cfg.judgePath(me.role, me.path); err != nil {
		return err
	}
	if db.cfg.Binding != BindNone && !w.pooled && me.pid != conn.PgConn().PID() {
		return fmt.Errorf("%w since the database was opened (open it again)", ErrPooler)
	}
	// Now rather than with the first statement, so that it costs that one nothing.
	return checkProtocol(conn, newSession(conn, me.pid).prepare(ctx, conn.PgConn(), []call{{sql: sqlEnter}}))
}

// identity is who a connection is, for the server.
type identity struct {
	pid    uint32
	unsafe bool
	role   string
	path   string
}

func identify(ctx context.Context, conn *pgx.Conn) (me identity, err error) {
	// In one piece in every mode: pgx's describe_exec would describe it on one
	// backend and run it on another.
	err = conn.QueryRow(ctx, sqlIdentity, pgx.QueryExecModeExec).Scan(&me.pid, &me.unsafe, &me.role, &me.path)
	return me, err
}

// check asks the catalogue what Open must refuse, on a connection of its own:
// those of the pool already need a schema that is fit to be used.
func (db *DB) check(ctx context.Context, url string) (way, error) {
	var w way
	conn, err := db.connect(ctx, url, &w)
	if err != nil {
		return w, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := db.inspectWay(ctx, url, conn, &w); err != nil {
		return w, err
	}
	if err := db.inspectCatalogue(ctx, conn); err != nil {
		return w, err
	}
	me, err := identify(ctx, conn)
	if err != nil {
		return w, db.clean(err)
	}
	if err := db.cfg.judgePath(me.role, me.path); err != nil {
		return w, err
	}
	return w, db.clean(conn.QueryRow(ctx, sqlIsCitus).Scan(&db.citus))
}

func (db *DB) inspectCatalogue(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, sqlCheck, db.cfg.TenantColumns, db.duty.role, db.duty.policy, db.cfg.Binding != BindNone)
	if err != nil {
		return db.clean(err)
	}
	reasons := map[string][]string{}
	var kind, reason string
	_, err = pgx.ForEachRow(rows, []any{&kind, &reason}, func() error {
		reasons[kind] = append(reasons[kind], reason)
		return nil
	})
	if err != nil {
		return db.clean(err)
	}
	if list := reasons["role"]; len(list) > 0 {
		return &UnsafeError{Kind: ErrUnsafeRole, Reasons: list}
	}
	if list := reasons["schema"]; len(list) > 0 {
		return &UnsafeError{Kind: ErrUnsafeSchema, Reasons: list}
	}
	return nil
}

// Close ends every connection, after those in use were given back. Handles
// return [ErrTxDone] from then on.
func (db *DB) Close() {
	if db.closed.Swap(true) {
		return
	}
	if db.primary != nil {
		db.primary.Close()
	}
	if db.replica != nil {
		db.replica.Close()
	}
	if db.journal != nil {
		db.journal.Close()
	}
}

// Stat returns the state of the pool, for metrics.
func (db *DB) Stat() *pgxpool.Stat { return db.primary.Stat() }

func (db *DB) acquire(ctx context.Context, readOnly bool) (*pgxpool.Conn, error) {
	if db.closed.Load() {
		return nil, ErrTxDone
	}
	pool := db.primary
	if readOnly && db.replica != nil {
		pool = db.replica
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, db.cleanConnect(err)
	}
	return conn, nil
}

// rollbackTime bounds the rollback of a transaction whose own context is over.
const rollbackTime = 5 * time.Second

// release gives the connection back outside any transaction; the pool destroys
// one that is closed or still in the middle of something.
func release(ctx context.Context, conn *pgxpool.Conn) {
	pg := conn.Conn().PgConn()
	if !pg.IsClosed() && !pg.IsBusy() && pg.TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
		defer cancel()
		_ = run(ctx, conn, sqlRollback) // a failure leaves the status as it is: destroyed below
	}
	if !pg.IsClosed() && !pg.IsBusy() && pg.Frontend().ReadBufferLen() > 0 {
		// More came than was asked for. It may be a mere notice, which costs a
		// connection and nothing else.
		abandon(conn.Conn())
	}
	conn.Release()
}

// run executes one of our own statements. Not by Exec: without arguments that
// is the simple protocol.
func run(ctx context.Context, conn *pgxpool.Conn, sql string) error {
	results, err := depart(ctx, conn.Conn(), []call{{sql: sql}}, new(answers))
	if err != nil {
		return err
	}
	tag, err := results.Exec()
	if end := results.Close(); err == nil {
		err = end
	}
	if err == nil && sql == sqlCommit && tag.String() != "COMMIT" {
		if tag.String() == "ROLLBACK" {
			return ErrRolledBack
		}
		err = errAnswer
	}
	return checkProtocol(conn.Conn(), err)
}

func (db *DB) String() string { return fmt.Sprintf("tenancy.DB(%s)", db.duty.role) }
