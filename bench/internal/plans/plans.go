// Package plans asks Postgres how it would run a statement, with the plan that
// it makes for the arguments and with the one that it makes for any.
package plans

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Modes are the kinds of plan that a prepared statement can have. Which one it
// gets after five executions depends on costs, so both must be good.
var Modes = []string{"force_custom_plan", "force_generic_plan"}

// A Plan is a node of what EXPLAIN shows, with what is below it.
type Plan struct {
	Node     string `json:"Node Type"`
	Schema   string `json:"Schema"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	Cond     string `json:"Index Cond"`
	Plans    []Plan `json:"Plans"`
}

// Walk calls fn for the node and all below it.
func (p Plan) Walk(fn func(Plan)) {
	fn(p)
	for _, below := range p.Plans {
		below.Walk(fn)
	}
}

// WholeTables are the tables that the plan reads from one end to the other, in
// their own order or in that of an index.
func (p Plan) WholeTables() []string {
	var tables []string
	p.Walk(func(n Plan) {
		switch n.Node {
		case "Seq Scan", "Sample Scan":
			tables = append(tables, n.Schema+"."+n.Relation)
		case "Index Scan", "Index Only Scan":
			if n.Cond == "" {
				tables = append(tables, n.Schema+"."+n.Relation)
			}
		}
	})
	return tables
}

// Sorts reports whether the plan puts rows in order by itself: all of a tenant's,
// before the first one is known.
func (p Plan) Sorts() (sorts bool) {
	p.Walk(func(n Plan) { sorts = sorts || n.Node == "Sort" || n.Node == "Incremental Sort" })
	return sorts
}

// Connect opens a connection that plans in one mode. The application's role may
// not set it later.
func Connect(ctx context.Context, url, mode string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read (write postgres://user@host:5432/database)")
	}
	config.RuntimeParams["plan_cache_mode"] = mode
	return pgx.ConnectConfig(ctx, config)
}

// Of returns the plan of a statement as the connection's role, under row-level
// security if that applies to it. Nothing is executed, and no context needed.
// The value function writes the argument for a type as it stands in SQL.
func Of(ctx context.Context, conn *pgx.Conn, sql string, value func(typeName string) string) (Plan, error) {
	const name = "plan_of"
	prepared, err := conn.Prepare(ctx, name, sql)
	if err != nil {
		return Plan{}, err
	}
	defer func() { _ = conn.Deallocate(ctx, name) }()
	args := make([]string, len(prepared.ParamOIDs))
	for i, oid := range prepared.ParamOIDs {
		var typeName string
		if err := conn.QueryRow(ctx, "select format_type($1, null)", oid).Scan(&typeName); err != nil {
			return Plan{}, err
		}
		args[i] = "cast(" + value(typeName) + " as " + typeName + ")"
	}
	call := name
	if len(args) > 0 {
		call += " (" + strings.Join(args, ", ") + ")"
	}
	var text []byte
	if err := conn.QueryRow(ctx, "explain (format json, verbose) execute "+call).Scan(&text); err != nil {
		return Plan{}, err
	}
	var explained []struct{ Plan Plan }
	if err := json.Unmarshal(text, &explained); err != nil {
		return Plan{}, err
	}
	if len(explained) != 1 {
		return Plan{}, fmt.Errorf("EXPLAIN gave %d plans", len(explained))
	}
	return explained[0].Plan, nil
}
