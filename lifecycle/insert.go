package lifecycle

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/tenancy"
)

// How much is sent at once: rows, and bytes of their text.
const (
	batchRows  = 1000
	batchBytes = 1 << 20
)

// inserter puts rows of one table back. They travel as an array of the table's
// own row type in PostgreSQL's text form, so that each value is read by the
// input function of its type, with the type's modifiers: a cast would shorten
// a varchar and pad a char.
type inserter struct {
	table   *table
	tenant  tenancy.ID
	late    []string // columns that are left out for now
	fields  []int    // of each field of the row type the column, or -1
	buf     []byte
	rows    int
	total   int64
	sql     string
	fillSQL string
}

func newInserter(t *table, order []*table, tenant tenancy.ID) *inserter {
	in := &inserter{table: t, tenant: tenant, late: t.late(order)}
	for _, f := range t.fields {
		in.fields = append(in.fields, slices.Index(t.columns, f))
	}
	var list, sets, keys []string
	for _, c := range t.columns {
		list = append(list, "r."+quote(c))
	}
	for _, c := range in.late {
		sets = append(sets, fmt.Sprintf("%s = r.%s", quote(c), quote(c)))
	}
	for _, c := range t.key {
		keys = append(keys, fmt.Sprintf("t.%s = r.%s", quote(c), quote(c)))
	}
	in.sql = fmt.Sprintf("insert into %s (%s) overriding system value select %s from unnest($1::text::%s[]) as r",
		t.quoted(), quoteAll(t.columns), strings.Join(list, ", "), t.quoted())
	in.fillSQL = fmt.Sprintf("update %s t set %s from unnest($1::text::%s[]) as r where %s and t.%s = $2",
		t.quoted(), strings.Join(sets, ", "), t.quoted(), strings.Join(keys, " and "), quote(t.tenant))
	return in
}

// lines reads rows from r and hands them to add, a batch at a time to send.
func (in *inserter) lines(ctx context.Context, r io.Reader, add func([]*string), send func(context.Context) error) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	at := slices.Index(in.table.columns, in.table.tenant)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil {
			return bundleError("a line is cut short")
		}
		values, err := parseRow(line, in.table.columns)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBundle, err)
		}
		// The policy of the role refuses it as well.
		if v := values[at]; v == nil || *v != in.tenant.String() {
			return bundleError("a row of %s belongs to another tenant", in.table.Name())
		}
		add(values)
		if in.rows >= batchRows || len(in.buf) >= batchBytes {
			if err := send(ctx); err != nil {
				return err
			}
		}
	}
}

// add appends a row to the batch, without its late columns.
func (in *inserter) add(values []*string) {
	in.append(values, func(c string) bool { return !slices.Contains(in.late, c) })
}

// addLate appends a row that has a late column.
func (in *inserter) addLate(values []*string) {
	for i, c := range in.table.columns {
		if values[i] != nil && slices.Contains(in.late, c) {
			in.append(values, func(c string) bool { return slices.Contains(in.late, c) || slices.Contains(in.table.key, c) })
			return
		}
	}
}

// append writes one element of the array: a row, quoted for the array.
func (in *inserter) append(values []*string, with func(column string) bool) {
	if in.rows == 0 {
		in.buf = append(in.buf[:0], '{')
	} else {
		in.buf = append(in.buf, ',')
	}
	in.rows++
	in.buf = append(in.buf, '"', '(')
	for i, col := range in.fields {
		if i > 0 {
			in.buf = append(in.buf, ',')
		}
		if col < 0 || values[col] == nil || !with(in.table.columns[col]) {
			continue // NULL is nothing at all
		}
		in.buf = append(in.buf, '\\', '"')
		v := *values[col]
		for j := 0; j < len(v); j++ {
			switch c := v[j]; c {
			case '"': // "" in the row, and each escaped in the array
				in.buf = append(in.buf, '\\', '"', '\\', '"')
			case '\\':
				in.buf = append(in.buf, '\\', '\\', '\\', '\\')
			default:
				in.buf = append(in.buf, c)
			}
		}
		in.buf = append(in.buf, '\\', '"')
	}
	in.buf = append(in.buf, ')', '"')
}

// insert sends the batch.
func (in *inserter) insert(ctx context.Context, c *tenancy.Conn) error {
	return in.send(ctx, c, in.sql)
}

// fill puts the late columns of the batch in.
func (in *inserter) fill(ctx context.Context, c *tenancy.Conn) error {
	return in.send(ctx, c, in.fillSQL, in.tenant)
}

var errRowsLost = errors.New("not every row was taken (a trigger or a rule of the table turned some away)")

func (in *inserter) send(ctx context.Context, c *tenancy.Conn, sql string, more ...any) error {
	if in.rows == 0 {
		return nil
	}
	in.buf = append(in.buf, '}')
	tag, err := c.Exec(ctx, sql, append([]any{string(in.buf)}, more...)...)
	if err != nil {
		return fmt.Errorf("put rows of %s back: %w", in.table.Name(), err)
	}
	if tag.RowsAffected() != int64(in.rows) {
		return fmt.Errorf("put rows of %s back: %w", in.table.Name(), errRowsLost)
	}
	in.total += int64(in.rows)
	in.rows, in.buf = 0, in.buf[:0]
	return nil
}
