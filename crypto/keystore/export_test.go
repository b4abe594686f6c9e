package keystore

import (
	"context"

	"github.com/watertight-go/watertight/tenancy"
)

// doors is the column of the tests' own table.
var doors = column{schema: "app", table: "doors", name: "code", tenant: "tenant_id", row: "id", tableLabel: "door", columnLabel: "code"}

// CountBatch runs the statement that reads values of doors and returns how many
// it finds.
func CountBatch(ctx context.Context, q querier, t tenancy.ID) (int, error) {
	rows, err := doors.batch(ctx, q, t, 0, nil, 1000)
	return len(rows), err
}

// CountByKey runs the statement that counts values of doors.
func CountByKey(ctx context.Context, q querier, t tenancy.ID) (n int64, err error) {
	counts, err := countByKey(ctx, q, t, []column{doors})
	for _, c := range counts {
		n += c
	}
	return n, err
}

// SwapStatement is the statement that stores values of doors.
func SwapStatement() string { return doors.statement(sqlSwap) }
