package lint

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// Options configures [Check]. The zero value looks for the column tenant_id.
type Options struct {
	// TenantColumns are the names under which tables carry the tenant. A table
	// with one of them belongs to tenants; a table that has several is pinned
	// by the first. Defaults to tenant_id.
	TenantColumns []string

	// Levels declares tenancy of more than one level, such as organization and
	// project: a query must then pin each level that a table has, each with a
	// parameter of its own. Overrides TenantColumns. Defaults to one level.
	Levels []Level

	// Functions are names, with their schema if they have one, of functions
	// that are known to read no table of another tenant. Defaults to none; the
	// functions of PostgreSQL that compute only are known.
	Functions []string

	// Roles are a team's own roles beside owner, admin, member, viewer, job and
	// support, for the watertight:roles comments. Defaults to none.
	Roles []string
}

func (o Options) levels() []Level {
	if len(o.Levels) > 0 {
		return o.Levels
	}
	cols := o.TenantColumns
	if len(cols) == 0 {
		cols = []string{"tenant_id"}
	}
	return []Level{{Name: "tenant", Columns: cols}}
}

// File is a file of queries.
type File struct {
	Name string
	SQL  string
}

// Report is the outcome of [Check].
type Report struct {
	Findings []Finding `json:"findings"`
	Queries  int       `json:"queries"`
	Proved   int       `json:"proved"`
	Waived   int       `json:"waived"`

	// Waivers are the queries that say they cross tenants.
	Waivers []Waiver `json:"-"`
	// Params are the tenant parameters per query name, for those who call the
	// queries: "$1", "@tenant_id". Empty for a query that reads no tenant table.
	Params map[string]string `json:"-"`
	// Roles are the roles that may run each query, by its name, as its
	// watertight:roles comment or its file's default says. [CheckSQLC] fills in
	// the block's default; [AnyRole] alone is every role.
	Roles map[string][]string `json:"-"`

	places map[string]Finding // where each named query stands

	sources map[string]string
	// notes are findings that only matter to generated code.
	notes       []Finding
	used        map[string]bool // tenant tables that queries name
	paramCounts map[string]int  // of the queries whose parameters are positional
}

// Waiver is a query that carries watertight:cross-tenant.
type Waiver struct {
	File   string
	Line   int
	Query  string
	Reason string
}

// ReadQueries reads query files and folders.
//
// The error is an [*InputError].
func ReadQueries(paths []string) ([]File, error) {
	names, err := sqlFiles(paths)
	if err != nil {
		return nil, err
	}
	var out []File
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, fileError(name, err)
		}
		out = append(out, File{name, string(src)})
	}
	if len(out) == 0 {
		return nil, &InputError{Msg: "no query file was found (pass --queries with .sql files or a folder)"}
	}
	return out, nil
}

// Check proves, query by query, that every occurrence of every tenant table is
// pinned to one tenant parameter, and reports each that is not.
//
// A schema without a tenant table and a set of files without a query are
// errors, of type [*InputError]: nothing would have been proved. A query that
// cannot be judged, because it does not parse or names an unknown table, is a
// finding; [Report.Err] tells whether there are such.
func Check(s *Schema, files []File, opts Options) (*Report, error) {
	t := newTenancy(s, opts.levels())
	t.functions = opts.Functions
	if t.owned() == 0 {
		return nil, &InputError{Msg: "no table of the schema has a tenant column " + strings.Join(opts.allColumns(), " or ") + " (pass --tenant-column with the name your tables use)"}
	}
	r := &Report{
		Findings: []Finding{}, Params: map[string]string{}, Roles: map[string][]string{}, places: map[string]Finding{},
		sources: map[string]string{}, paramCounts: map[string]int{}, used: map[string]bool{},
	}
	for _, f := range files {
		r.checkFile(s, t, f, opts.Roles)
	}
	if r.Queries == 0 {
		return nil, &InputError{Msg: "the query files contain no query (pass --queries with the files that sqlc reads)"}
	}
	r.sort()
	return r, nil
}

func (o Options) allColumns() []string {
	var out []string
	for _, l := range o.levels() {
		out = append(out, l.Columns...)
	}
	return out
}

// Err returns an error when some query could not be judged at all, nil
// otherwise.
func (r *Report) Err() error {
	var first *Finding
	n := 0
	for i := range r.Findings {
		if r.Findings[i].broken {
			if first == nil {
				first = &r.Findings[i]
			}
			n++
		}
	}
	if first == nil {
		return nil
	}
	e := &InputError{File: first.File, Line: first.Line, Msg: first.Message}
	if n > 1 {
		e.Msg = strings.TrimSuffix(e.Msg, ")") + "; " + itoa(n-1) + " more queries could not be judged)"
		if !strings.HasSuffix(first.Message, ")") {
			e.Msg = first.Message + " (" + itoa(n-1) + " more queries could not be judged)"
		}
	}
	return e
}

func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(x, y Finding) int {
		return cmp.Or(strings.Compare(x.File, y.File), x.Line-y.Line, x.Column-y.Column, strings.Compare(x.Rule, y.Rule))
	})
}

// queryText is one query of a file: one statement, or several under one name.
type queryText struct {
	name, cmd string
	at        int // of its name comment, else of its first statement
	parts     []piece
	waiver    *comment
}

const waiverMark = "watertight:cross-tenant"

// queriesOf groups the statements of a file by the names in their comments. A
// statement without a name is a query of its own, unless it follows a named
// one: sqlc would refuse that, and the statement is judged under that name.
func queriesOf(src string) []queryText {
	var out []queryText
	for _, p := range splitStatements(src) {
		q := queryText{at: p.code, parts: []piece{p}}
		for i, c := range p.comments {
			if name, cmd, ok := nameComment(c.text); ok {
				q.name, q.cmd, q.at = name, cmd, c.at
			}
			if strings.HasPrefix(c.text, waiverMark) {
				q.waiver = &p.comments[i]
			}
		}
		if p.code == p.end && q.name == "" {
			continue // comments at the end of a file
		}
		if n := len(out); q.name == "" && n > 0 && out[n-1].name != "" {
			out[n-1].parts = append(out[n-1].parts, p)
			if q.waiver != nil && out[n-1].waiver == nil {
				out[n-1].waiver = q.waiver
			}
			continue
		}
		out = append(out, q)
	}
	return out
}

func (r *Report) checkFile(s *Schema, t *tenancy, f File, roles []string) {
	src := strings.TrimPrefix(f.SQL, "\ufeff")
	r.sources[f.Name] = src
	lines := newLines(src)
	r.readRoles(f, src, lines, roles)
	for _, q := range queriesOf(src) {
		r.Queries++
		var found []Finding
		for _, p := range q.parts {
			for _, pr := range r.checkStatement(s, t, src, p, q) {
				g := pr.finding(f.Name, q.name, lines, src)
				if pr.note {
					r.notes = append(r.notes, g)
				} else {
					found = append(found, g)
				}
			}
		}
		r.settle(q, f.Name, lines, dedupe(found))
	}
}

// dedupe drops a finding that says the same of the same place, which happens
// when a common table expression is named several times.
func dedupe(list []Finding) []Finding {
	var out []Finding
	for _, f := range list {
		if !slices.ContainsFunc(out, func(g Finding) bool {
			return g.Rule == f.Rule && g.Line == f.Line && g.Column == f.Column && g.Table == f.Table && g.Object == f.Object
		}) {
			out = append(out, f)
		}
	}
	return out
}

// settle weighs the findings of a query against its waiver.
func (r *Report) settle(q queryText, file string, lines *lines, found []Finding) {
	broken := slices.ContainsFunc(found, func(f Finding) bool { return f.broken })
	open := slices.ContainsFunc(found, func(f Finding) bool { return f.Severity == Error })
	if q.waiver != nil {
		reason := strings.TrimSpace(strings.TrimPrefix(q.waiver.text, waiverMark))
		line, col := lines.position(q.waiver.at)
		w := Finding{Severity: Error, File: file, Line: line, Column: col, Query: q.name, Object: waiverMark}
		switch {
		case reason == "":
			w.Rule, w.Message, w.Fix = ruleWaiverReason, "the waiver gives no reason (write -- "+waiverMark+" REASON)", "-- "+waiverMark+" REASON"
			found = append(found, w)
		case broken:
		case !open:
			w.Rule, w.Message, w.Fix = ruleWaiverUnused, "the query is proved to stay within its tenant, so the waiver is not needed (remove it)", "remove the comment"
			found = append(found, w)
		default:
			r.Waived++
			r.Waivers = append(r.Waivers, Waiver{file, line, q.name, reason})
			return
		}
	}
	r.Findings = append(r.Findings, found...)
	if !open {
		r.Proved++
	}
}

// checkStatement parses and analyses one statement.
func (r *Report) checkStatement(s *Schema, t *tenancy, src string, p piece, q queryText) []problem {
	if p.code >= p.end {
		return []problem{{rule: ruleSyntax, at: p.start, message: "the query is empty (write its statement after the comment)"}}
	}
	text := numberParams(src[p.code:p.end])
	offset := func(l int32) int { return p.code + text.original(int(l)) }
	stmts, err := parseSQL(text.sql)
	if err != nil {
		var se *syntaxError
		at := 0
		if errors.As(err, &se) {
			at = min(se.Offset, len(text.sql))
		}
		return []problem{{rule: ruleSyntax, at: offset(int32(at)), message: err.Error() + " (write the query as PostgreSQL accepts it)"}}
	}
	var out []problem
	if len(stmts) == 0 {
		return []problem{{rule: ruleSyntax, at: p.code, message: "the query is empty (write its statement after the comment)"}}
	}
	for _, st := range stmts {
		a := newAnalysis(s, t, s.searchPath)
		a.named, a.offset, a.textual = text.named, offset, src
		a.statement(st.GetStmt())
		for i := range a.problems {
			if a.problems[i].at <= p.code {
				a.problems[i].at = p.code
			}
		}
		r.noteGenerated(a, st.GetStmt(), q)
		out = append(out, a.problems...)
		if q.name != "" && len(a.tenantParams) > 0 && a.tenantParams[0] != nil {
			r.Params[q.name] = a.tenantParams[0].name
		}
	}
	return out
}

// noteGenerated notes what matters to generated code only; [CheckSQLC] knows
// whether it does.
func (r *Report) noteGenerated(a *analysis, stmt *node, q queryText) {
	if q.name != "" && !strings.HasPrefix(q.cmd, ":batch") && q.cmd != ":copyfrom" {
		r.paramCounts[q.name] = len(a.params)
	}
	if m, ok := unwrap(stmt).(*mergeStmt); ok {
		a.note(ruleMerge, a.offset(m.GetRelation().GetLocation()), "sqlc finds no parameters in MERGE, so the generated method fails when it runs (write INSERT … ON CONFLICT, or UPDATE)")
	}
	for _, o := range a.occs {
		r.used[o.table.Schema+"."+o.table.Name] = true
	}
	for _, in := range a.inserts {
		r.used[in.table.Schema+"."+in.table.Name] = true
	}
	for _, p := range a.params {
		if p.slice {
			a.note(ruleSlice, p.at, "sqlc.slice is not expanded for pgx: the query it writes is wrong (write = ANY(@"+strings.TrimPrefix(p.name, "@")+"::type[]))")
		}
	}
	for _, p := range a.tenantParams {
		if p != nil && p.cast {
			a.note(ruleLostType, p.castAt, "the cast of "+p.text()+" makes sqlc forget the type of the tenant column, so any value of the cast's type fits (leave the cast out)")
		}
	}
}

func (a *analysis) note(rule string, at int, message string) {
	a.reportAt(rule, at, message).note = true
}

func (p problem) finding(file, query string, lines *lines, src string) Finding {
	line, col := lines.position(p.at)
	f := Finding{
		Rule: p.rule, Severity: severityOf(p.rule), File: file, Line: line, Column: col, Query: query,
		Table: p.table, Object: p.object, Message: p.message, Fix: p.fix,
		broken: p.broken || p.rule == ruleSyntax,
	}
	if p.occ != nil {
		f.edit = addCondition(src, p)
	}
	return f
}

// lines finds the line and column of a byte offset.
type lines struct {
	src    string
	starts []int
}

func newLines(src string) *lines {
	l := &lines{src: src, starts: []int{0}}
	for i := range len(src) {
		if src[i] == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

func (l *lines) position(off int) (line, col int) {
	off = max(0, min(off, len(l.src)))
	i, exact := slices.BinarySearch(l.starts, off)
	if !exact {
		i--
	}
	return i + 1, 1 + utf8.RuneCountInString(l.src[l.starts[i]:off])
}

// Merge adds the findings and counts of another report.
func (r *Report) Merge(o *Report) {
	r.Findings = append(r.Findings, o.Findings...)
	r.Waivers = append(r.Waivers, o.Waivers...)
	r.Queries += o.Queries
	r.Proved += o.Proved
	r.Waived += o.Waived
	for name, src := range o.sources {
		r.sources[name] = src
	}
	for name, p := range o.Params {
		r.Params[name] = p
	}
	r.sort()
}
