package leaktest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A row is one that the suite made.
type row struct {
	tenant *tenant // nil in a shared table
	place  string  // tableoid and ctid, which no other row has
	values map[string]string
}

func (r *row) value(column string) (value, bool) {
	v, ok := r.values[column]
	if v == nullText {
		return null, ok
	}
	return text(v), ok
}

// A seeder fills the tables.
type seeder struct {
	*session
	n        int
	done     map[catalog.OID]bool
	promised map[catalog.OID][]promise
	patches  []patch
}

// A promise is a key that a row made before its parent refers to.
type promise struct {
	tenant *tenant
	values map[string]value
}

// A patch is a foreign key that stayed empty because its table came first.
type patch struct {
	table *table
	key   *catalog.Constraint
}

// seed fills every table for every tenant. A table that cannot be filled keeps
// the reason; it is then reported as not proved.
func (w *world) seed(ctx context.Context, s *session) error {
	d := &seeder{session: s, done: map[catalog.OID]bool{}, promised: map[catalog.OID][]promise{}}
	if err := d.must(ctx, "set constraints all deferred"); err != nil {
		return err
	}
	for _, sql := range splitStatements(w.cfg.Seed) {
		if err := d.must(ctx, sql); err != nil {
			return fmt.Errorf("run the seed: %w", err)
		}
	}
	for i, t := range w.tables {
		if err := d.fill(ctx, t); err != nil {
			return err
		}
		d.done[t.rel.OID] = true
		if w.cfg.Progress != nil {
			w.cfg.Progress(i+1, len(w.tables), "seed "+shownName(t.rel))
		}
	}
	if err := d.applyPatches(ctx); err != nil {
		return err
	}
	o, err := d.try(ctx, "set constraints all immediate")
	if err != nil {
		return err
	}
	if o.err != nil {
		return fmt.Errorf("the rows that were made do not fit together: %w (give rows by --seed)", plain(o.err))
	}
	w.findUsers()
	return nil
}

// rowsFor is how many rows a tenant gets in a table.
func (w *world) rowsFor(t *table, owner *tenant) int {
	switch {
	case owner == nil:
		return 2
	case t.class == directory:
		return 1
	case owner == w.spare:
		return 0
	}
	n := [...]int{3, 2, 2, 1}[min(owner.index, 3)]
	if w.dependent(t) {
		n = max(n-1, 1) // leave a parent free for the row that an attack inserts
	}
	return n
}

// dependent says whether a key of the table consists of foreign keys: a row is
// then bound to a parent that no other row has.
func (w *world) dependent(t *table) bool {
	foreign := map[int16]bool{}
	for _, k := range w.foreignKeys(t.rel) {
		for _, num := range k.Columns {
			foreign[num] = true
		}
	}
	for _, i := range t.rel.Indexes {
		all := i.Unique && len(i.Columns) > 0
		for _, num := range i.Columns {
			all = all && foreign[num]
		}
		if all {
			return true
		}
	}
	return false
}

func (d *seeder) fill(ctx context.Context, t *table) error {
	if t.rel.Partition && t.rel.Kind == catalog.PartitionedTable {
		return nil // reached through its parent
	}
	if t.class == shared {
		return d.fillShared(ctx, t)
	}
	for _, owner := range d.w.tenants {
		if err := d.enterAsAdmin(ctx, owner); err != nil {
			return err
		}
		for i := range d.w.rowsFor(t, owner) {
			r, why, err := d.add(ctx, t, owner, i)
			if err != nil {
				return err
			}
			if r != nil {
				t.rows = append(t.rows, r)
				continue
			}
			// The first two tenants are needed; a second row and a resembling
			// tenant may be impossible.
			if i == 0 && owner.index < 2 && t.seedErr == "" {
				t.seedErr = why
			}
			break
		}
	}
	return nil
}

// fillShared takes the rows that are there, or makes some.
func (d *seeder) fillShared(ctx context.Context, t *table) error {
	names := columnNames(t.rel)
	rows, err := d.query(ctx, fmt.Sprintf("select tableoid::text || ctid::text, %s from %s limit 20", asTexts(names), t.name()))
	if err != nil {
		return err
	}
	for _, values := range rows {
		t.rows = append(t.rows, newRow(nil, names, values))
	}
	for i := len(rows); i < d.w.rowsFor(t, nil); i++ {
		r, why, err := d.add(ctx, t, nil, i)
		if err != nil {
			return err
		}
		if r == nil {
			t.seedErr = why
			break
		}
		t.rows = append(t.rows, r)
	}
	return nil
}

func columnNames(r *catalog.Relation) []string {
	names := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		names[i] = c.Name
	}
	return names
}

func asTexts(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = quoteName(n) + "::text"
	}
	return strings.Join(list, ", ")
}

func newRow(owner *tenant, names, values []string) *row {
	r := &row{tenant: owner, place: values[0], values: map[string]string{}}
	for i, n := range names {
		r.values[n] = values[i+1]
	}
	return r
}

// enterAsAdmin sets the tenant's context without leaving the administrator's
// role: triggers and defaults read it.
func (d *seeder) enterAsAdmin(ctx context.Context, owner *tenant) error {
	for _, sql := range d.w.context.adminStatements(d.session, owner) {
		if _, err := d.try(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// adminStatements set the context as the administrator may, again and again in
// one transaction.
func (c *tenantContext) adminStatements(s *session, t *tenant) []string {
	if c.signer != nil {
		return []string{setLocal("watertight.context", c.signer.token(t.id, s.conn.PgConn().PID()))}
	}
	return c.statements(s, t)
}

// plan is how the next attempt to make a row goes.
type plan struct {
	skip     int             // added to the number, after a conflict
	turn     int             // which of the solutions of the checks is taken
	minimal  bool            // nothing that may be left out
	empty    map[string]bool // columns to leave out
	filled   map[string]bool // columns to fill in
	triggers bool            // off
	keysOff  bool            // foreign keys unchecked, for cycles
	natural  *row            // whose natural values to repeat
}

// add makes a row, and tries again in other ways when the database refuses. It
// returns no row and the reason when nothing works.
func (d *seeder) add(ctx context.Context, t *table, owner *tenant, i int) (*row, string, error) {
	d.n++
	p := plan{empty: map[string]bool{}, filled: map[string]bool{}}
	if owner != nil && owner.index == 2 && i == 0 {
		p.natural = d.firstOf(t)
	}
	why := ""
	for attempt := range maxAttempts {
		promised := maps.Clone(d.promised) // what a row that was not made promised is void
		values, reason, err := d.build(ctx, t, owner, i, p)
		if err != nil {
			return nil, "", err
		}
		if reason != "" {
			if why == "" {
				why = reason
			}
			if p.minimal {
				return nil, why, nil
			}
			p.minimal, p.natural = true, nil
			continue
		}
		o, err := d.insert(ctx, t, values, p)
		if err != nil {
			return nil, "", err
		}
		if o.err == nil && len(o.rows) == 1 {
			return newRow(owner, columnNames(t.rel), o.rows[0]), "", nil
		}
		if o.err == nil {
			why = "a trigger or rule keeps the row out"
		} else {
			why = o.err.Message
		}
		d.promised = promised
		if !p.react(t, o.err, attempt) {
			break
		}
	}
	return nil, why, nil
}

func (d *seeder) firstOf(t *table) *row {
	for _, r := range t.rows {
		if r.tenant != nil && r.tenant.index == 0 {
			return r
		}
	}
	return nil
}

// react changes the plan after an error. It returns false when there is nothing
// left to try.
func (p *plan) react(t *table, err *pgconn.PgError, attempt int) bool {
	p.natural = nil
	p.turn++
	code := ""
	if err != nil {
		code = err.Code
	}
	switch {
	case code == "23505" || code == "23P01":
		p.skip += 7 + 31*attempt
		return attempt < 5
	case code == "23502" && err.ColumnName != "":
		p.filled[err.ColumnName] = true
		delete(p.empty, err.ColumnName)
	case code == "23503" && t.emptyKey(err.ConstraintName, p.empty):
	case code == "23503":
		p.keysOff = true
		return attempt < 8
	case code == "55000" || code == "428C9":
		return false
	default:
		p.skip += 13
	}
	// Triggers reject what no check shows: the more values are tried the better.
	if attempt >= 3 {
		p.minimal = attempt%2 == 1
	}
	if attempt >= maxAttempts-4 {
		p.triggers = true
	}
	return attempt < maxAttempts-1
}

// maxAttempts bounds how often a row is tried to be made.
const maxAttempts = 30

// emptyKey leaves a foreign key empty whose parent did not fit, if it may be.
func (t *table) emptyKey(name string, empty map[string]bool) bool {
	for _, k := range t.rel.Constraints {
		if k.Name != name {
			continue
		}
		for _, num := range k.Columns {
			if c := t.rel.Column(num); !c.NotNull && c != t.column && !empty[c.Name] {
				empty[c.Name] = true
				return true
			}
		}
	}
	return false
}

func (d *seeder) insert(ctx context.Context, t *table, values map[string]value, p plan) (outcome, error) {
	sql := insertSQL(t, values, "", "") + " returning tableoid::text || ctid::text, " + asTexts(columnNames(t.rel))
	if !p.triggers && !p.keysOff {
		return d.try(ctx, sql)
	}
	if err := d.must(ctx, "set local session_replication_role = replica"); err != nil {
		return outcome{}, err
	}
	o, err := d.try(ctx, sql)
	if err != nil {
		return o, err
	}
	return o, d.must(ctx, "set local session_replication_role = origin")
}

// insertSQL writes an INSERT of one row.
func insertSQL(t *table, values map[string]value, alias, tail string) string {
	var names, list []string
	override := ""
	for _, c := range t.rel.Columns {
		v, ok := values[c.Name]
		if !ok || c.Generated != "" {
			continue
		}
		if c.Identity == "a" {
			override = " overriding system value"
		}
		names = append(names, c.Name)
		list = append(list, v.sql())
	}
	if alias != "" {
		alias = " as " + alias
	}
	if len(names) == 0 {
		return "insert into " + t.name() + alias + " default values" + tail
	}
	return fmt.Sprintf("insert into %s%s (%s)%s values (%s)%s", t.name(), alias, quoteNames(names), override, strings.Join(list, ", "), tail)
}

// applyPatches fills the foreign keys that had to stay empty at first.
func (d *seeder) applyPatches(ctx context.Context) error {
	for _, p := range d.patches {
		parent := d.w.byOID[p.key.References]
		for _, r := range p.table.rows {
			up := d.parentRow(parent, p.key, r.tenant, 0, nil)
			if up == nil {
				continue
			}
			var sets []string
			for i, num := range p.key.Columns {
				col := p.table.rel.Column(num)
				v, _ := up.value(parent.rel.Column(p.key.ReferencedColumns[i]).Name)
				if col == p.table.column || v.null {
					continue
				}
				sets = append(sets, quoteName(col.Name)+" = "+v.sql())
			}
			if len(sets) == 0 {
				continue
			}
			names := columnNames(p.table.rel)
			o, err := d.try(ctx, fmt.Sprintf("update %s t set %s where tableoid::text || ctid::text = %s returning tableoid::text || ctid::text, %s",
				p.table.name(), strings.Join(sets, ", "), quoteText(r.place), asTexts(names)))
			if err != nil {
				return err
			}
			if o.err == nil && len(o.rows) == 1 {
				*r = *newRow(r.tenant, names, o.rows[0])
			}
		}
	}
	return nil
}

// findUsers gives each tenant a user of its own, for policies that ask who acts.
func (w *world) findUsers() {
	best := func(t *table) (string, int) {
		for _, c := range t.rel.Columns {
			switch normal(c.Name) {
			case "userid", "memberid", "useruuid", "authid", "uid", "profileid":
				return c.Name, 2
			}
		}
		if n := normal(t.rel.RelName); slices.Contains([]string{"users", "user", "appusers", "profiles", "accounts", "members"}, n) {
			if key := t.rel.PrimaryKey(); len(key) > 0 {
				return t.rel.Column(key[len(key)-1]).Name, 1
			}
		}
		return "", 0
	}
	score := map[int]int{}
	for _, t := range w.tables {
		name, rank := best(t)
		if name == "" {
			continue
		}
		if strings.Contains(normal(t.rel.RelName), "member") {
			rank += 2
		}
		for _, r := range t.rows {
			if r.tenant != nil && rank > score[r.tenant.index] && r.values[name] != nullText {
				score[r.tenant.index], r.tenant.user = rank, r.values[name]
			}
		}
	}
}
