// Package ways has the ways to scope a statement to a tenant that are compared:
// Watertight's, those that teams write themselves, and the floor, which is none.
//
// Every way does the same operations on a table of its own with the same
// columns, keys and rows, and every statement has the tenant's clause, also
// where row-level security would do.
package ways

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/tenancy"
)

// Statements is what an operation sends its statements to.
type Statements interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// A Way scopes statements to a tenant, on connections of its own.
type Way interface {
	// One runs fn, which sends one statement.
	One(ctx context.Context, t tenancy.ID, fn func(context.Context, Statements) error) error

	// Tx runs fn in one transaction.
	Tx(ctx context.Context, t tenancy.ID, fn func(context.Context, Statements) error) error

	// Batch sends all of a batch in one transaction.
	Batch(ctx context.Context, t tenancy.ID, b *pgx.Batch) error

	// Load inserts many rows. A way that has nothing of its own for that returns
	// ErrNoLoad.
	Load(ctx context.Context, t tenancy.ID, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error)

	Close()
}

// ErrNoLoad is what a way returns that has no way of its own to insert many
// rows: COPY is refused where there is row-level security.
var ErrNoLoad = errors.New("this way has nothing of its own for many rows")

// A Kind describes a way.
type Kind struct {
	Name  string // for flags and files
	Title string // for readers
	About string // what it does, in a sentence or two
	Table string // its table in schema bench

	// Isolated: the database keeps tenants apart. Not so the floor.
	Isolated bool

	// loads: it has a way of its own for many rows.
	loads bool

	// Only names the operations that it is measured with. Defaults to all.
	Only []string

	open func(ctx context.Context, w *World, k Kind, at Address, conns int32) (Way, error)
}

// Measures reports whether the way is measured with an operation.
func (k Kind) Measures(o Operation) bool {
	if len(k.Only) > 0 {
		return slices.Contains(k.Only, o.Name)
	}
	return o.Rows == 0 || k.loads
}

// Kinds are all ways. The first is the floor, to which the others are compared.
func Kinds() []Kind {
	return []Kind{
		{
			Name: "raw", Title: "raw pgx", Table: "plain",
			About: "pgx's pool and a hand-written WHERE on a table without row-level security: the floor.",
			loads: true,
			open:  openFloor,
		},
		{
			Name: "batched", Title: "raw pgx, one batch", Table: "plain", Only: []string{"batch5"},
			About: "The floor's table, the five statements in one pgx.Batch.",
			open:  openBatched,
		},
		{
			Name: "signed", Title: "Watertight", Table: "silent", Isolated: true,
			About: "The library, without the audit log's triggers on the table.",
			loads: true,
			open:  openSigned,
		},
		{
			Name: "audited", Title: "Watertight, audited", Table: "audited", Isolated: true, Only: writes,
			About: "The library as it is: every changed row leaves an event in the log.",
			loads: true,
			open:  openSigned,
		},
		{
			Name: "unsigned", Title: "Watertight's path, unsigned", Table: "silent", Isolated: true,
			About: "The library's client and its one batch, but the database stores what it is sent and the policy reads the tenant " +
				"from that setting without verifying. The library does not offer this: it shows what the signature costs.",
			loads: true,
			open:  openUnsigned,
		},
		{
			Name: "separate", Title: "BEGIN, set, statement, COMMIT", Table: "setting", Isolated: true,
			About: "set_config(…, true) in a transaction, each message sent and answered by itself.",
			open:  openSeparate,
		},
		{
			Name: "session", Title: "set on acquire, reset on release", Table: "setting", Isolated: true,
			About: "A setting of the session, made when a connection is taken from the pool, and unmade when it is given back: the popular answer.",
			open:  openSession,
		},
		{
			Name: "role", Title: "a role for each tenant", Table: "role", Isolated: true,
			About: "The tenant's role set for the transaction, in one batch with the statement.",
			open:  openRole,
		},
	}
}
