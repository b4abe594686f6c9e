package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/watertight-go/watertight/tenancy"
)

// RecordConfig of [DB.RestoreRecord]. Table and Key are required.
type RecordConfig struct {
	Table      string            // schema.table
	Key        map[string]string // the primary key, without the tenant's column
	Identities []age.Identity
	Digest     string // as in ImportConfig
}

// Restored is a row that was put back.
type Restored struct {
	Table string
	Key   map[string]string
}

// What keeps a record from being restored.
var (
	ErrNoRecord     = errors.New("the bundle has no such record (its key is without the tenant's column)")
	ErrRecordExists = errors.New("the record is there (delete it first, if the one of the bundle is to take its place)")
)

// RestoreRecord puts one record back out of a bundle of the tenant, with the
// records that it refers to where they are gone too. What is there is left
// alone. Each row that is put back leaves an ordinary event in the tenant's
// audit log.
func (db *DB) RestoreRecord(ctx context.Context, a tenancy.Actor, t tenancy.ID, src io.ReadSeeker, cfg RecordConfig) ([]Restored, error) {
	b, err := openBundle(src, cfg.Identities)
	if err != nil {
		return nil, err
	}
	if cfg.Digest != "" && !strings.EqualFold(cfg.Digest, b.digest) {
		return nil, bundleError("its manifest has another digest than the one given")
	}
	if b.manifest.Tenant != t.String() {
		return nil, bundleError("it is of another tenant")
	}
	r := &recorder{bundle: b, tenant: t, rows: map[string][]*wanted{}}
	err = db.edit(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error { return r.run(ctx, c, cfg) })
	if err != nil {
		return nil, err
	}
	return r.out, nil
}

// wanted is a row that is to be put back.
type wanted struct {
	table  *table
	match  map[string]string // columns and values that find it
	values []*string         // once it was found in the bundle
}

type recorder struct {
	bundle *bundle
	tenant tenancy.ID
	tables []*table
	rows   map[string][]*wanted // by table
	out    []Restored
}

func (r *recorder) run(ctx context.Context, c *tenancy.Conn, cfg RecordConfig) error {
	var err error
	if r.tables, err = readTables(ctx, c); err != nil {
		return err
	}
	i := slices.IndexFunc(r.tables, func(t *table) bool { return t.Name() == cfg.Table && t.exported() })
	if i < 0 {
		return fmt.Errorf("%s: %w", cfg.Table, ErrNoRecord)
	}
	t := r.tables[i]
	match := maps.Clone(cfg.Key)
	if match == nil {
		match = map[string]string{}
	}
	match[t.tenant] = r.tenant.String()
	if !slices.Equal(slices.Sorted(maps.Keys(match)), slices.Sorted(slices.Values(t.key))) {
		return fmt.Errorf("the primary key of %s is (%s) (name each but the tenant's column)", cfg.Table, strings.Join(t.key, ", "))
	}
	if is, err := t.exists(ctx, c, match); err != nil {
		return err
	} else if is {
		return fmt.Errorf("%s: %w", cfg.Table, ErrRecordExists)
	}
	r.want(t, match)
	for { // each walk through the bundle finds what the one before asked for
		more, err := r.walk(ctx, c)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return r.insert(ctx, c)
}

func (r *recorder) want(t *table, match map[string]string) {
	for _, w := range r.rows[t.Name()] {
		if maps.Equal(w.match, match) {
			return
		}
	}
	r.rows[t.Name()] = append(r.rows[t.Name()], &wanted{table: t, match: match})
}

// walk fills in the wanted rows that it comes upon, asks for what they refer
// to, and reports whether there is something left to be found.
func (r *recorder) walk(ctx context.Context, c *tenancy.Conn) (bool, error) {
	var found []*wanted
	_, err := r.bundle.read(func(e *entry, rd io.Reader) error {
		if e.file != nil {
			return nil
		}
		i := r.bundle.manifest.tableOf(e.section)
		if i < 0 {
			return nil
		}
		m := r.bundle.manifest.Tables[i]
		list := r.rows[m.Name]
		if !slices.ContainsFunc(list, func(w *wanted) bool { return w.values == nil }) {
			return nil
		}
		t := list[0].table
		if !slices.Equal(t.columns, m.Columns) || !slices.Equal(t.types, m.Types) {
			return &ConflictError{Schema: []string{m.Name + " has other columns"}}
		}
		in := newInserter(t, r.tables, r.tenant)
		return in.lines(ctx, rd, func(values []*string) {
			for _, w := range list {
				if w.values == nil && w.is(values) {
					w.values = values
					found = append(found, w)
				}
			}
		}, func(context.Context) error { return nil })
	})
	if err != nil {
		return false, err
	}
	for _, list := range r.rows {
		for _, w := range list {
			if w.values == nil {
				return false, fmt.Errorf("%s: %w", w.table.Name(), ErrNoRecord)
			}
		}
	}
	more := false
	for _, w := range found {
		n, err := r.parents(ctx, c, w)
		if err != nil {
			return false, err
		}
		more = more || n
	}
	return more, nil
}

func (w *wanted) is(values []*string) bool {
	for i, c := range w.table.columns {
		if want, ok := w.match[c]; ok && (values[i] == nil || *values[i] != want) {
			return false
		}
	}
	return true
}

// parents asks for the rows that a row refers to and that are gone.
func (r *recorder) parents(ctx context.Context, c *tenancy.Conn, w *wanted) (bool, error) {
	more := false
	for _, k := range w.table.refers {
		match := map[string]string{}
		for i, col := range k.columns {
			v := w.values[slices.Index(w.table.columns, col)]
			if v == nil {
				match = nil // refers to nothing
				break
			}
			match[k.parent[i]] = *v
		}
		if match == nil {
			continue
		}
		there, err := k.to.exists(ctx, c, match)
		if err != nil {
			return false, err
		}
		if !there {
			before := len(r.rows[k.to.Name()])
			r.want(k.to, match)
			more = more || len(r.rows[k.to.Name()]) > before
		}
	}
	return more, nil
}

// exists reports whether the tenant has the row now.
func (t *table) exists(ctx context.Context, c *tenancy.Conn, match map[string]string) (bool, error) {
	where := fmt.Sprintf("%s = $1", quote(t.tenant))
	args := []any{c.Tenant()}
	for _, col := range slices.Sorted(maps.Keys(match)) {
		if col == t.tenant {
			continue
		}
		args = append(args, match[col])
		// By its text, as the bundle has it: the comparison must not depend on
		// how a type reads a value.
		where += fmt.Sprintf(" and concat(%s) = $%d::text", quote(col), len(args))
	}
	var is bool
	if err := c.QueryRow(ctx, fmt.Sprintf("select exists (select from %s where %s)", t.quoted(), where), args...).Scan(&is); err != nil {
		return false, fmt.Errorf("look for a row of %s: %w", t.Name(), err)
	}
	return is, nil
}

// insert puts the rows back, parents first, and then what had to wait.
func (r *recorder) insert(ctx context.Context, c *tenancy.Conn) error {
	if _, err := c.Exec(ctx, "select watertight.lifecycle_defer()"); err != nil {
		return fmt.Errorf("let foreign keys wait: %w", err)
	}
	for _, late := range []bool{false, true} {
		for _, t := range r.tables {
			in := newInserter(t, r.tables, r.tenant)
			if late && len(in.late) == 0 {
				continue
			}
			for _, w := range r.rows[t.Name()] {
				if late {
					in.addLate(w.values)
					continue
				}
				in.add(w.values)
				r.out = append(r.out, w.restored())
			}
			send := in.insert
			if late {
				send = in.fill
			}
			if err := send(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *wanted) restored() Restored {
	key := map[string]string{}
	for i, c := range w.table.columns {
		if slices.Contains(w.table.key, c) && c != w.table.tenant && w.values[i] != nil {
			key[c] = *w.values[i]
		}
	}
	return Restored{w.table.Name(), key}
}
