package tenancy

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// verbs are the statements that a handle carries. Everything else either
// changes the session (SET, RESET, LISTEN, PREPARE, DISCARD), ends the
// transaction and its tenant with it (COMMIT, BEGIN), runs code that the query
// proof never saw (DO, CALL, EXECUTE), or shows how many rows of other tenants
// a filter removed (EXPLAIN ANALYZE).
var verbs = map[string]bool{
	"select": true, "insert": true, "update": true, "delete": true,
	"merge": true, "values": true, "table": true, "with": true,
}

// checkStatement refuses a statement by its first word. More than one
// statement in a text is refused by Postgres itself: the handle speaks the
// extended protocol only, whose Parse message takes one.
func checkStatement(sql string) error {
	verb, ok := firstWord(sql)
	if !ok || !verbs[verb] {
		return fmt.Errorf("%w, not %q", ErrStatement, verb)
	}
	return nil
}

// firstWord finds the first word behind white space, comments and opening
// parentheses, in lower case. The common cases return a slice of sql itself.
func firstWord(sql string) (string, bool) {
	for {
		sql = strings.TrimLeft(sql, " \t\r\n\f\v(")
		switch {
		case strings.HasPrefix(sql, "--"):
			end := strings.IndexAny(sql, "\r\n")
			if end < 0 {
				return "", false
			}
			sql = sql[end:]
		case strings.HasPrefix(sql, "/*"):
			rest, ok := skipBlockComment(sql)
			if !ok {
				return "", false
			}
			sql = rest
		default:
			n := 0
			for n < len(sql) && (sql[n]|0x20) >= 'a' && (sql[n]|0x20) <= 'z' {
				n++
			}
			return strings.ToLower(sql[:n]), n > 0
		}
	}
}

// skipBlockComment steps over one comment; they nest in PostgreSQL.
func skipBlockComment(sql string) (string, bool) {
	depth := 0
	for i := 0; i+1 < len(sql); i++ {
		switch sql[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return sql[i+1:], true
			}
		}
	}
	return "", false
}

// rewriteArgs turns pgx's leading options into plain SQL and arguments. Named
// arguments are carried; a query rewriter of the caller's own is not, since
// pgx would hand it the connection, and a per-statement mode is not, since a
// batch has one mode.
func rewriteArgs(ctx context.Context, sql string, args []any) (string, []any, error) {
	if len(args) == 0 {
		return sql, args, nil
	}
	switch first := args[0].(type) {
	case pgx.NamedArgs:
		return first.RewriteQuery(ctx, nil, sql, args[1:])
	case pgx.StrictNamedArgs:
		return first.RewriteQuery(ctx, nil, sql, args[1:])
	case pgx.QueryRewriter:
		return "", nil, fmt.Errorf("a %T as argument is not carried (use pgx.NamedArgs or plain arguments)", first)
	case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		return "", nil, fmt.Errorf("a %T as argument is not carried (set default_query_exec_mode in the URL)", first)
	}
	return sql, args, nil
}
