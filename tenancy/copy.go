package tenancy

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// copyChunk is how many rows one INSERT of CopyFrom carries. Beyond that the
// arrays cost more memory than they save.
const copyChunk = 1000

// copyColumn is how one column's values travel.
type copyColumn struct {
	wire      string // the element type of the array that is sent
	cast      string // the type to cast to, if that is another
	flattened bool   // an array itself, which unnest would take apart
}

// CopyFrom inserts the rows of src, with the signature of pgx's, in one round
// trip and, outside a Tx, one transaction. It does not use COPY, which
// PostgreSQL refuses on a table with row-level security, but INSERT … SELECT
// from arrays, which is about as fast. It returns the number of rows inserted.
//
// All rows are in memory at once; split larger imports into several calls in
// a Tx. The first call for a table and list of columns asks for their types,
// which is one round trip more.
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
	b, n, err := c.copyBatch(table, columns, types, src)
	if err != nil || n == 0 {
		return 0, err
	}
	ctx = WithAction(ctx, "copy")
	if err := c.sendBatch(ctx, b, c.own).Close(); err != nil {
		return 0, err
	}
	return n, nil
}

func (c *Conn) copyBatch(table pgx.Identifier, columns []string, types []copyColumn, src pgx.CopyFromSource) (*pgx.Batch, int64, error) {
	var (
		b     pgx.Batch
		n     int64
		byRow = c.rowwise(types)
		sql   = copySQL(table, columns, types, byRow)
		chunk = newChunk(len(columns))
	)
	for src.Next() {
		values, err := src.Values()
		if err != nil {
			return nil, 0, err
		}
		if len(values) != len(columns) {
			return nil, 0, fmt.Errorf("copy into %s: row %d has %d values for %d columns", table.Sanitize(), n+1, len(values), len(columns))
		}
		if err := checkArgs(c.scope.tenant, values); err != nil {
			return nil, 0, err
		}
		n++
		if byRow {
			b.Queue(sql, append([]any(nil), values...)...) // src may reuse the slice
			continue
		}
		for i, v := range values {
			chunk[i] = append(chunk[i].([]any), v)
		}
		if n%copyChunk == 0 {
			b.Queue(sql, chunk...)
			chunk = newChunk(len(columns))
		}
	}
	if err := src.Err(); err != nil {
		return nil, 0, err
	}
	if !byRow && n%copyChunk != 0 {
		b.Queue(sql, chunk...)
	}
	return &b, n, nil
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
