// Package crosstenant is the only way across tenants: making a tenant,
// counting over all of them, moving one. It connects as another database role,
// watertight_system, and every transaction states who and why, is signed with
// that, and is recorded before it does anything.
//
//	sys, err := crosstenant.Open(ctx, systemURL, crosstenant.Config{Key: key, Record: crosstenant.Log(slog.Default())})
//	err = sys.Run(ctx, actor, "monthly invoice", func(ctx context.Context, c *crosstenant.Conn) error {
//		return platform.New(c).CountBookings(ctx)
//	})
//
// A service that serves customers does not import it; an operator's tool does.
// watertight_system is no superuser and has no BYPASSRLS: its policies let rows
// through only in a transaction with such a signed context.
package crosstenant

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/internal/gate"
)

// Config of [Open]. Key and Record are required.
type Config struct {
	// Key signs the context, see tenancy.Config.
	Key tenancy.ContextKey

	// Record is called at the begin of every transaction and can refuse it by
	// an error. Required: who crosses tenants leaves a trace.
	Record Recorder

	// MaxConns bounds the pool. Defaults to pgxpool's default.
	MaxConns int32

	// SearchPath, Binding, AllowPlaintext, Version and Observer are as in
	// tenancy.Config.
	SearchPath     []string
	Binding        tenancy.Binding
	AllowPlaintext bool
	Version        string
	Observer       tenancy.Observer
}

// Event is what is recorded of one cross-tenant transaction.
type Event struct {
	Actor  tenancy.Actor
	Reason string
	At     time.Time
}

// Recorder keeps events. The handle is that of the transaction, so that a
// record in the database and the work it speaks of stand or fall together.
type Recorder interface {
	Record(ctx context.Context, c *Conn, e Event) error
}

// Log records events to a structured log.
func Log(l *slog.Logger) Recorder { return logRecorder{l} }

type logRecorder struct{ log *slog.Logger }

func (r logRecorder) Record(ctx context.Context, _ *Conn, e Event) error {
	r.log.InfoContext(ctx, "cross-tenant transaction",
		"reason", e.Reason, "email", e.Actor.Email, "user", e.Actor.UserID, "ip", e.Actor.IP, "kind", e.Actor.Kind.String())
	return nil
}

// DB is a pool of connections of the system role.
type DB struct {
	db     *tenancy.DB
	record Recorder
}

// Open connects as a member of watertight_system. It refuses the same unsafe
// roles, schemas and connections as [tenancy.Open].
func Open(ctx context.Context, url string, cfg Config) (*DB, error) {
	if cfg.Record == nil {
		return nil, errors.New("crosstenant.Config: Record is nil (use crosstenant.Log(slog.Default()))")
	}
	openSystem := gate.OpenSystem.(func(context.Context, string, tenancy.Config) (*tenancy.DB, error))
	db, err := openSystem(ctx, url, tenancy.Config{
		Key: cfg.Key, MaxConns: cfg.MaxConns, SearchPath: cfg.SearchPath,
		Binding: cfg.Binding, AllowPlaintext: cfg.AllowPlaintext, Version: cfg.Version, Observer: cfg.Observer,
	})
	if err != nil {
		return nil, err
	}
	return &DB{db: db, record: cfg.Record}, nil
}

// Close ends every connection.
func (db *DB) Close() { db.db.Close() }

// Run runs fn in one transaction over all tenants. The reason is required and
// is signed into the context, together with the actor. It commits if fn
// returns nil.
func (db *DB) Run(ctx context.Context, a tenancy.Actor, reason string, fn func(context.Context, *Conn) error) error {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return errors.New("no reason given for a cross-tenant transaction (say why, for the audit log)")
	}
	if a.Email == "" {
		return errors.New("no actor given for a cross-tenant transaction (set Actor.Email to the person or the job)")
	}
	newScope := gate.NewCrossScope.(func(*tenancy.DB, tenancy.Actor, string) tenancy.Scope)
	scope := newScope(db.db, a, reason)
	ctx = tenancy.WithAction(ctx, "crosstenant")
	return db.db.Tx(ctx, scope, func(ctx context.Context, inner *tenancy.Conn) error {
		c := &Conn{inner: inner}
		if err := db.record.Record(ctx, c, Event{Actor: a, Reason: reason, At: time.Now()}); err != nil {
			return err
		}
		return fn(ctx, c)
	})
}

// Conn is the handle of a cross-tenant transaction. It is another type than
// [tenancy.Conn], so queries generated for one do not compile with the other.
type Conn struct{ inner *tenancy.Conn }

// Exec is as in [tenancy.Conn].
func (c *Conn) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return c.handle().Exec(ctx, sql, args...)
}

// Query is as in [tenancy.Conn].
func (c *Conn) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return c.handle().Query(ctx, sql, args...)
}

// QueryRow is as in [tenancy.Conn].
func (c *Conn) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return c.handle().QueryRow(ctx, sql, args...)
}

// SendBatch is as in [tenancy.Conn].
func (c *Conn) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return c.handle().SendBatch(ctx, b)
}

// CopyFrom is as in [tenancy.Conn].
func (c *Conn) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return c.handle().CopyFrom(ctx, table, columns, src)
}

// handle makes the zero Conn refuse everything, as the zero tenancy.Conn does.
func (c *Conn) handle() *tenancy.Conn {
	if c == nil || c.inner == nil {
		return &tenancy.Conn{}
	}
	return c.inner
}
