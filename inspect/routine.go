package inspect

import (
	"regexp"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A routine is what the rules know about a function.
type routine struct {
	OID      catalog.OID `json:"oid"`
	Name     string      `json:"name"`
	Table    string      `json:"tbl"`    // a tenant table that it opens, if it is a definer with power
	Power    string      `json:"power"`  // why policies do not hold for its owner there
	Scoped   bool        `json:"scoped"` // its text compares the tenant column with the context
	Argument bool        `json:"argument"`
	Dynamic  bool        `json:"dynamic"`
	Unsafe   bool        `json:"unsafe"`           // it puts text into the SQL that it runs
	Callable string      `json:"caller,omitempty"` // an identity that may call it, by name
	Path     bool        `json:"path"`             // has a search_path of its own, or needs none
	Policy   bool        `json:"policy"`           // a policy calls it
	Sets     string      `json:"sets"`             // the tenant's setting, if it sets it in its text
	SetsTo   string      `json:"sets_to"`          // to which constant
	Session  bool        `json:"session"`          // for the whole session
	After    string      `json:"after"`            // the tenant table that it uses after that
	Reads    string      `json:"reads"`            // a tenant table that it reads, with the reader's own rights or not
	Shadow   bool        `json:"shadow"`           // an argument is named like a column that it is compared with
	NewRow   bool        `json:"new_row"`          // a trigger that ties what it does to NEW or OLD's tenant
	Context  bool        `json:"context"`          // depends on settings or on the user
	Bare     bool        `json:"bare"`             // its text names relations without their schema
	Vouched  bool        `json:"vouched"`          // it is one of Watertight's own, as it was made
}

// routines describes the user's functions. callable names, for each function,
// an identity that may call it.
func (m *model) routines(callable map[catalog.OID]string) []routine {
	inPolicy := m.policyFunctions()
	var out []routine
	for _, f := range m.cat.Functions {
		if f.Extension || f.Kind == "a" || f.Kind == "w" {
			continue
		}
		b := m.body(f)
		_, path := f.Setting("search_path")
		r := routine{
			OID: f.OID, Name: f.Name(), Callable: callable[f.OID], Dynamic: b.dynamic, Unsafe: b.dynamic && concatenates(b.code),
			Vouched: b.vouched, Path: path || f.Tree != "" || b.vouched, Policy: slices.Contains(inPolicy, f.OID),
			Scoped: m.scoped(b), Argument: m.comparesArgument(f, b), Shadow: m.shadows(f, b), NewRow: m.tiesToRow(f, b),
			Context: len(b.settings) > 0 || b.user, Bare: f.Tree == "" && m.namesBare(b),
		}
		m.opens(f, b, &r)
		m.sets(b, &r)
		out = append(out, r)
	}
	return out
}

// opens finds a tenant table that a definer function reads past the policies.
// Dynamic SQL and languages whose text says nothing count as reading all.
func (m *model) opens(f *catalog.Function, b *body, r *routine) {
	reads := b.reads
	if b.dynamic || f.Language != "sql" && f.Language != "plpgsql" {
		for _, t := range m.tenancy.Tables {
			reads = union(reads, []catalog.OID{t.OID})
		}
	}
	owner := m.cat.Role(f.Owner)
	for _, oid := range reads {
		t := m.cat.Relation(oid)
		if t == nil {
			continue
		}
		tables := []*catalog.Relation{t}
		if !t.IsTable() {
			tables = m.contents(t, nil)
		}
		for _, t := range tables {
			if m.tenancy.Column(t) == nil || m.tenancy.IsDirectory(t) {
				continue
			}
			if r.Reads == "" {
				r.Reads = t.Name()
			}
			if !f.Definer || owner == nil || r.Power != "" {
				continue
			}
			if why := m.bypasses(owner, t); why != "" && t.RLS {
				r.Table, r.Power = t.Name(), why
				r.Scoped = r.Scoped || m.onlyInserts(f, b, t)
			} else if v := m.command(owner, t, "SELECT"); t.RLS && v.level >= loose && v.level != closed {
				r.Table, r.Power = t.Name(), "the policies for "+owner.Name+" let all rows pass"
				r.Scoped = r.Scoped || m.onlyInserts(f, b, t)
			}
		}
	}
}

// onlyInserts says whether a function that knows the context does nothing with
// a table but insert into it, itself and through what it calls: it writes a log.
func (m *model) onlyInserts(f *catalog.Function, b *body, t *catalog.Relation) bool {
	if len(b.settings) == 0 || b.dynamic || f.Tree != "" {
		return false
	}
	for _, oid := range append([]catalog.OID{f.OID}, b.calls...) {
		g := m.cat.Function(oid)
		inner := m.body(g)
		if g.Tree != "" && slices.Contains(inner.reads, t.OID) || inner.dynamic && oid == f.OID {
			return false
		}
		code := plainText(inner.code, true)
		named := len(regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(t.RelName)+`\b`).FindAllString(code, -1))
		inserted := len(regexp.MustCompile(`(?is)\binsert\s+into\s+(?:"?\w+"?\.)?"?`+regexp.QuoteMeta(t.RelName)+`\b`).FindAllString(code, -1))
		if named > inserted {
			return false
		}
	}
	return true
}

// sets finds whether a function changes the tenant of the session, and reads
// on as that tenant.
func (m *model) sets(b *body, r *routine) {
	for _, s := range b.sets {
		if !slices.Contains(m.canon, s) {
			continue
		}
		r.Sets = s
		// The arguments of set_config: a name, a value, and whether it is local.
		call := regexp.MustCompile(`(?is)set_config\s*\(\s*E?'` + regexp.QuoteMeta(s) + `'\s*,\s*(.+?)\s*,\s*(true|false)\s*\)`)
		at := len(b.code)
		if match := call.FindStringSubmatchIndex(b.code); match != nil {
			at = match[1]
			arg := b.code[match[2]:match[3]]
			if strings.HasPrefix(arg, "'") && strings.Count(arg, "'") == 2 && !nobody(arg) {
				r.SetsTo = strings.Trim(arg, "'")
			}
			r.Session = strings.EqualFold(b.code[match[4]:match[5]], "false")
		}
		rest := plainText(b.code[at:], true)
		for _, t := range m.tenancy.Tables {
			if regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(t.RelName) + `\b`).MatchString(rest) {
				r.After = t.Name()
			}
		}
	}
}

// scoped says whether the text compares a tenant column with the context.
//
// It must do so for each of the tables that it names, and without OR.
func (m *model) scoped(b *body) bool {
	code := plainText(b.code, true)
	if reOr.MatchString(code) {
		return false
	}
	tables, compared := 0, 0
	for _, oid := range b.reads {
		if r := m.cat.Relation(oid); r != nil && r.IsTable() && m.tenancy.Column(r) != nil && !m.tenancy.IsDirectory(r) &&
			regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(r.RelName)+`\b`).MatchString(code) {
			tables++
		}
	}
	for _, name := range m.tenancy.Names {
		compared += len(regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(name)+`"?(?:::\w+)?\s*=|using\s*\([^)]*\b`+regexp.QuoteMeta(name)+`\b`).FindAllString(code, -1))
	}
	if compared < tables {
		return false
	}
	for _, name := range m.tenancy.Names {
		column := `(?:"` + regexp.QuoteMeta(name) + `"|` + regexp.QuoteMeta(name) + `)`
		if regexp.MustCompile(`(?is)\b` + column + `\s*(?:::\w+)?\s*=\s*\(?\s*(?:select\s+)?[^;]{0,60}?(?:current_setting|\btenant\w*\s*\(|current_\w+\s*\(|ctx|context)`).MatchString(b.code) {
			return true
		}
		for _, oid := range b.calls {
			if f := m.cat.Function(oid); f != nil && len(m.body(f).settings) > 0 &&
				regexp.MustCompile(`(?is)`+column+`\s*(?:::\w+)?\s*=\s*\(?\s*(?:select\s+)?(?:\w+\.)?"?`+regexp.QuoteMeta(f.FuncName)).MatchString(b.code) {
				return true
			}
		}
	}
	return false
}

var reOr = regexp.MustCompile(`(?i)\bor\b`)

// comparesArgument says whether the tenant column is compared with an argument:
// then whoever calls the function says which tenant it is.
func (m *model) comparesArgument(f *catalog.Function, b *body) bool {
	args := []string{`\$[0-9]+`}
	for _, a := range f.ArgNames {
		if a != "" {
			args = append(args, `(?:\w+\.)?`+regexp.QuoteMeta(a)+`\b`)
		}
	}
	if len(f.ArgTypes) == 0 {
		return false
	}
	for _, name := range m.tenancy.Names {
		if regexp.MustCompile(`(?is)\b"?` + regexp.QuoteMeta(name) + `"?\s*=\s*(?:` + strings.Join(args, "|") + `)`).MatchString(b.code) {
			return true
		}
	}
	return false
}

// shadows says whether an argument has the name of the tenant column: in SQL
// functions the column wins, and tenant_id = tenant_id is always true.
func (m *model) shadows(f *catalog.Function, b *body) bool {
	for _, name := range m.tenancy.Names {
		if f.Language == "sql" && slices.Contains(f.ArgNames, name) &&
			regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(name)+`\s*=\s*(?:\w+\.)?`+regexp.QuoteMeta(name)+`\b`).MatchString(b.code) {
			return true
		}
	}
	return false
}

var reConcat = regexp.MustCompile(`(?is)\bexecute\b[^;]*(\|\||%s)`)

// concatenates says whether text becomes part of SQL without quoting.
func concatenates(code string) bool { return reConcat.MatchString(code) }

// tiesToRow says whether a trigger's text compares a tenant column with that of
// the row at hand.
func (m *model) tiesToRow(f *catalog.Function, b *body) bool {
	names := slices.Clone(m.tenancy.Names)
	for _, r := range m.tenancy.Directories { // whose tenant is their key
		if slices.ContainsFunc(r.Triggers, func(t *catalog.Trigger) bool { return t.Function == f.OID }) {
			names = append(names, m.tenancy.Column(r).Name)
		}
	}
	for _, name := range names {
		if regexp.MustCompile(`(?i)\b(new|old)\."?` + regexp.QuoteMeta(name) + `\b`).MatchString(b.code) {
			return true
		}
	}
	return false
}

// policyFunctions returns the functions that policies call, directly or through
// other functions.
func (m *model) policyFunctions() []catalog.OID {
	var out []catalog.OID
	for _, r := range m.cat.Relations {
		for _, p := range r.Policies {
			for _, text := range []string{p.UsingTree, p.CheckTree} {
				tree, err := catalog.ParseNode(text)
				if err != nil {
					continue
				}
				tree.Walk(func(n *catalog.Node) bool {
					if n.Tag == "FUNCEXPR" || n.Tag == "OPEXPR" {
						oid := n.OID("funcid")
						if n.Tag == "OPEXPR" {
							oid = n.OID("opfuncid")
						}
						if f := m.cat.Function(oid); f != nil {
							out = union(out, []catalog.OID{f.OID})
							out = union(out, m.body(f).calls)
						}
					}
					return true
				})
			}
		}
	}
	return out
}

// writes says whether the text inserts into, updates or deletes from the table.
func writes(code, table string) bool {
	return regexp.MustCompile(`(?is)\b(?:into|update|delete\s+from|merge\s+into|copy)\s+(?:only\s+)?(?:"?\w+"?\.)?"?` + regexp.QuoteMeta(table) + `\b`).MatchString(code)
}

var reBare = regexp.MustCompile(`(?i)\b(?:from|join|into|update|using)\s+(?:only\s+)?("[^"]+"|\w+)\s*([.(]?)`)

// namesBare says whether the text of a function names a relation that the
// search_path decides about.
func (m *model) namesBare(b *body) bool {
	if b.dynamic {
		return true
	}
	for _, match := range reBare.FindAllStringSubmatch(plainText(b.code, true), -1) {
		name := strings.Trim(match[1], `"`)
		if match[2] == "" && slices.ContainsFunc(m.cat.Relations, func(r *catalog.Relation) bool { return strings.EqualFold(r.RelName, name) }) {
			return true
		}
	}
	return false
}
