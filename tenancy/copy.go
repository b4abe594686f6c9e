package tenancy

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// copyChunk is how many rows one INSERT of CopyFrom carries, and copyPiece how
// many travel together: more would cost memory without saving time.
const (
	copyChunk = 1000
	copyPiece = 10 * copyChunk
)

// copyColumn is how one column's values travel.
type copyColumn struct {
	wire      string // the element type of the array that is sent
	cast      string // the type to cast to, if that is another
	flattened bool   // an array itself, which unnest would take apart
}

// CopyFrom inserts the rows of src, with the signature of pgx's: all of them or,
// with an error, none. It does not use COPY, which PostgreSQL refuses on a table
// with row-level security, but INSERT … SELECT from arrays, which is about as
// fast. It returns the number of rows inserted.
//
// Up to 10,000 rows travel in one round trip. More go in as many pieces, of which
// one is in memory at a time; outside a Tx they are one transaction of their own,
// which is one round trip more. In a Tx an error of src after the first piece
// leaves the transaction to be rolled back, as a COPY that fails would. The first
// call for a table and list of columns asks for their types, which is a round
// trip, too.
func (c *Conn) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	if err := c.usable(ctx); err != nil {
		return 0, err
	}
	if err := c.permitRows(ctx, src); err != nil {
		return 0, err
	}
	if len(table) == 0 || len(columns) == 0 {
		return 0, fmt.Errorf("copy into %s: no table or no columns named", table.Sanitize())
	}
	types, err := c.copyColumns(ctx, table, columns)
	if err != nil {
		return 0, err
	}
	byRow := c.rowwise(types)
	rows := &copyRows{
		src: src, tenant: c.scope.tenant, table: table, columns: len(columns), byRow: byRow,
		sql: copySQL(table, columns, types, byRow),
	}
	piece, err := rows.piece()
	if err != nil || rows.read == 0 {
		return 0, err
	}
	ctx = WithAction(ctx, "copy")
	if !rows.more {
		err = c.sendBatch(ctx, piece, c.own).Close()
	} else {
		err = c.inOneTransaction(ctx, func(ctx context.Context, c *Conn) error { return c.copyPieces(ctx, piece, rows) })
	}
	if err != nil {
		return 0, err
	}
	return rows.read, nil
}

// inOneTransaction runs fn in the handle's transaction, which what fails in it
// ends, or in one of its own.
func (c *Conn) inOneTransaction(ctx context.Context, fn func(context.Context, *Conn) error) error {
	if c.tx != nil {
		err := fn(ctx, c)
		if err != nil {
			c.tx.failed = true
		}
		return err
	}
	// A handle of For does not belong to the transaction that ctx may be of.
	return c.db.transact(context.WithValue(ctx, txKey{}, nil), c.scope, c.readOnly, fn)
}

func (c *Conn) copyPieces(ctx context.Context, piece *pgx.Batch, rows *copyRows) error {
	for {
		if err := c.sendBatch(ctx, piece, c.own).Close(); err != nil || !rows.more {
			return err
		}
		var err error
		if piece, err = rows.piece(); err != nil {
			return err
		}
	}
}

// copyRows turns the rows of a source into INSERTs.
type copyRows struct {
	src     pgx.CopyFromSource
	tenant  ID
	table   pgx.Identifier
	columns int
	byRow   bool
	sql     string

	read int64 // rows so far
	more bool  // the source has been asked, and has another row
}

// piece reads up to copyPiece rows.
func (r *copyRows) piece() (*pgx.Batch, error) {
	var b pgx.Batch
	chunk := newChunk(r.columns)
	for n := 1; r.more || r.src.Next(); n++ {
		if r.more = n > copyPiece; r.more {
			break
		}
		values, err := r.row()
		if err != nil {
			return nil, err
		}
		if r.byRow {
			b.Queue(r.sql, slices.Clone(values)...) // the source may use the slice again
			continue
		}
		for i, v := range values {
			chunk[i] = append(chunk[i].([]any), v)
		}
		if n%copyChunk == 0 {
			b.Queue(r.sql, chunk...)
			chunk = newChunk(r.columns)
		}
	}
	if err := r.src.Err(); err != nil {
		return nil, err
	}
	if !r.byRow && len(chunk[0].([]any)) > 0 {
		b.Queue(r.sql, chunk...)
	}
	return &b, nil
}

func (r *copyRows) row() ([]any, error) {
	values, err := r.src.Values()
	if err != nil {
		return nil, err
	}
	r.read++
	if len(values) != r.columns {
		return nil, fmt.Errorf("copy into %s: row %d has %d values for %d columns", r.table.Sanitize(), r.read, len(values), r.columns)
	}
	return values, checkArgs(r.tenant, values)
}

func newChunk(columns int) []any {
	chunk := make([]any, columns)
	for i := range chunk {
		chunk[i] = make([]any, 0, 16)
	}
	return chunk
}

// rowwise reports whether each row needs its own INSERT: for array columns,
// and in the exec mode, where pgx cannot know the type of an array of any.
func (c *Conn) rowwise(types []copyColumn) bool {
	if c.db.primary.Config().ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeExec {
		return true
	}
	for _, t := range types {
		if t.flattened {
			return true
		}
	}
	return false
}

func copySQL(table pgx.Identifier, columns []string, types []copyColumn, byRow bool) string {
	var names, params, selected, aliases strings.Builder
	for i, column := range columns {
		if i > 0 {
			names.WriteString(", ")
			params.WriteString(", ")
			selected.WriteString(", ")
			aliases.WriteString(", ")
		}
		names.WriteString(pgx.Identifier{column}.Sanitize())
		params.WriteString("$" + strconv.Itoa(i+1))
		aliases.WriteString("c" + strconv.Itoa(i+1))
		selected.WriteString("u.c" + strconv.Itoa(i+1))
		if !byRow {
			params.WriteString("::" + types[i].wire + "[]")
			if types[i].cast != "" {
				selected.WriteString("::" + types[i].cast)
			}
		}
	}
	head := "insert into " + table.Sanitize() + " (" + names.String() + ") "
	if byRow {
		return head + "values (" + params.String() + ")"
	}
	return head + "select " + selected.String() + " from unnest(" + params.String() + ") as u(" + aliases.String() + ")"
}

// copyColumns looks the types up once for each table and list of columns.
func (c *Conn) copyColumns(ctx context.Context, table pgx.Identifier, columns []string) ([]copyColumn, error) {
	key := table.Sanitize() + "\x00" + strings.Join(columns, "\x00")
	if known, ok := c.db.columns.Load(key); ok {
		return known.([]copyColumn), nil
	}
	rows, err := c.queryOwn(ctx, sqlColumnTypes, table.Sanitize(), columns)
	if err != nil {
		return nil, err
	}
	byName := map[string]copyColumn{}
	var name string
	var col copyColumn
	_, err = pgx.ForEachRow(rows, []any{&name, &col.wire, &col.cast, &col.flattened}, func() error {
		byName[name] = col
		return nil
	})
	if err != nil {
		return nil, err
	}
	types := make([]copyColumn, len(columns))
	for i, column := range columns {
		found, ok := byName[column]
		if !ok {
			return nil, fmt.Errorf("copy into %s: no column %q", table.Sanitize(), column)
		}
		types[i] = found
	}
	c.db.columns.Store(key, types)
	return types, nil
}
