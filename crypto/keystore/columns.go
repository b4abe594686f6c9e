package keystore

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy"
)

// The statements over registered columns. Their names are known when they run,
// so sqlc cannot generate them; each pins the tenant all the same.
var (
	//go:embed sql/batch.sql
	sqlBatch string
	//go:embed sql/swap.sql
	sqlSwap string
	//go:embed sql/count.sql
	sqlCount string
)

// column is a registered column of sealed values.
type column struct {
	schema, table, name, tenant, row string
	rowIsUUID                        bool
	tableLabel, columnLabel          string
}

func (c column) String() string { return c.schema + "." + c.table + "." + c.name }

// statement puts the column's names into a statement.
func (c column) statement(sql string) string {
	kind := "bigint"
	if c.rowIsUUID {
		kind = "uuid"
	}
	return strings.NewReplacer(
		"{table}", pgx.Identifier{c.schema, c.table}.Sanitize(),
		"{column}", pgx.Identifier{c.name}.Sanitize(),
		"{tenant}", pgx.Identifier{c.tenant}.Sanitize(),
		"{row}", pgx.Identifier{c.row}.Sanitize(),
		"{kind}", kind,
	).Replace(sql)
}

// sealedRow is one value of a column; one of id and number is the row's.
type sealedRow struct {
	id     uuid.UUID
	number int64
	sealed []byte
}

func (c column) ref(r sealedRow) crypto.Ref {
	ref := crypto.Ref{Table: c.tableLabel, Column: c.columnLabel, Row: crypto.RowInt(r.number)}
	if c.rowIsUUID {
		ref.Row = crypto.RowUUID(r.id)
	}
	return ref
}

// ids returns the rows' identifiers as an argument of Postgres.
func (c column) ids(rows []sealedRow) any {
	if c.rowIsUUID {
		ids := make([]uuid.UUID, len(rows))
		for i, r := range rows {
			ids[i] = r.id
		}
		return ids
	}
	numbers := make([]int64, len(rows))
	for i, r := range rows {
		numbers[i] = r.number
	}
	return numbers
}

// after returns the argument that says where the next batch begins, nil for the
// first one.
func (c column) after(last *sealedRow) any {
	switch {
	case last == nil:
		return nil
	case c.rowIsUUID:
		return last.id
	}
	return last.number
}

// querier is what both kinds of handle have.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// batch reads values that are sealed under another key than active.
func (c column) batch(ctx context.Context, q querier, t tenancy.ID, active uint32, last *sealedRow, page int) ([]sealedRow, error) {
	rows, err := q.Query(ctx, c.statement(sqlBatch), t, c.after(last), keyBytes(active), page)
	if err != nil {
		return nil, fmt.Errorf("read sealed values of %s: %w", c, err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (sealedRow, error) {
		var r sealedRow
		if c.rowIsUUID {
			return r, row.Scan(&r.id, &r.sealed)
		}
		return r, row.Scan(&r.number, &r.sealed)
	})
	if err != nil {
		return nil, fmt.Errorf("read sealed values of %s: %w", c, err)
	}
	return found, nil
}

// countByKey counts the tenant's values in the columns by the key they need.
func countByKey(ctx context.Context, q querier, t tenancy.ID, columns []column) (map[uint32]int64, error) {
	total := make(map[uint32]int64)
	for _, c := range columns {
		rows, err := q.Query(ctx, c.statement(sqlCount), t)
		if err != nil {
			return nil, fmt.Errorf("count sealed values of %s: %w", c, err)
		}
		var key, n int64
		_, err = pgx.ForEachRow(rows, []any{&key, &n}, func() error {
			total[uint32(key)] += n
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("count sealed values of %s: %w", c, err)
		}
	}
	return total, nil
}

func platformColumns(ctx context.Context, q *platform.Queries) ([]column, error) {
	rows, err := q.SealedColumns(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the register of sealed columns: %w", err)
	}
	var columns []column
	for _, r := range rows {
		columns = append(columns, newColumn(query.SealedColumnsRow(r)))
	}
	return columns, nil
}

func tenantColumns(ctx context.Context, q *query.Queries) ([]column, error) {
	rows, err := q.SealedColumns(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the register of sealed columns: %w", err)
	}
	var columns []column
	for _, r := range rows {
		columns = append(columns, newColumn(r))
	}
	return columns, nil
}

func newColumn(r query.SealedColumnsRow) column {
	return column{
		schema: r.TableSchema, table: r.TableName, name: r.ColumnName, tenant: r.TenantColumn, row: r.RowColumn,
		rowIsUUID: r.RowIsUuid, tableLabel: r.TableLabel, columnLabel: r.ColumnLabel,
	}
}
