package docs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// sql runs a block in the page's database. Its last result, if the page shows
// one, is compared in the form that psql prints.
func (s *sandbox) sql(t *testing.T, b block, want *string) error {
	t.Helper()
	address, ok := map[string]string{"": s.db.AdminURL, "admin": s.db.AdminURL, "migrator": s.db.MigratorURL, "app": s.db.AppURL}[b.directives["as"]]
	if !ok || address == "" {
		return fmt.Errorf("there is no role %q here", b.directives["as"])
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		return err
	}
	defer conn.Close(t.Context())
	results, err := conn.PgConn().Exec(t.Context(), b.text).ReadAll()
	if state := b.directives["fails"]; state != "" {
		refused, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || refused.Code != state {
			return fmt.Errorf("the statement is to fail with %s, and gives %v", state, err)
		}
		if want != nil {
			return compare(*want, "ERROR:  "+refused.Message+"\n")
		}
		return nil
	}
	if err != nil {
		return err
	}
	if want == nil {
		return nil
	}
	for i := len(results) - 1; i >= 0; i-- {
		if len(results[i].FieldDescriptions) > 0 {
			return compare(*want, table(results[i]))
		}
	}
	return errors.New("the page shows a result, and no statement has one")
}

// numbers are the types that psql puts to the right.
var numbers = map[uint32]bool{
	pgtype.Int2OID: true, pgtype.Int4OID: true, pgtype.Int8OID: true, pgtype.OIDOID: true,
	pgtype.Float4OID: true, pgtype.Float8OID: true, pgtype.NumericOID: true,
}

// table prints a result as psql does.
func table(r *pgconn.Result) string {
	widths := make([]int, len(r.FieldDescriptions))
	var rows [][]string
	row := func(value func(i int) string) {
		cells := make([]string, len(widths))
		for i := range cells {
			cells[i] = value(i)
			widths[i] = max(widths[i], utf8.RuneCountInString(cells[i]))
		}
		rows = append(rows, cells)
	}
	row(func(i int) string { return r.FieldDescriptions[i].Name })
	for _, values := range r.Rows {
		row(func(i int) string { return string(values[i]) })
	}
	var b strings.Builder
	line := func(between string, cell func(i int) string) {
		for i := range widths {
			if i > 0 {
				b.WriteString(between)
			}
			b.WriteString(cell(i))
		}
		b.WriteString("\n")
	}
	for n, cells := range rows {
		line("|", func(i int) string {
			free := widths[i] - utf8.RuneCountInString(cells[i])
			left := 0
			switch {
			case n == 0:
				left = free / 2
			case numbers[r.FieldDescriptions[i].DataTypeOID]:
				left = free
			}
			return " " + strings.Repeat(" ", left) + cells[i] + strings.Repeat(" ", free-left) + " "
		})
		if n == 0 {
			line("+", func(i int) string { return strings.Repeat("-", widths[i]+2) })
		}
	}
	n := len(rows) - 1
	plural := "s"
	if n == 1 {
		plural = ""
	}
	fmt.Fprintf(&b, "(%d row%s)\n", n, plural)
	return b.String()
}
