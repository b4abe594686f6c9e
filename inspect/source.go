package inspect

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A source is where a policy takes the tenant from.
type source struct {
	setting  string      // of current_setting
	user     bool        // current_user or session_user
	function catalog.OID // whose body gives no setting away
}

// A value is what is known about an expression without a column of the row.
type value struct {
	constant  bool // depends on nothing
	isNull    bool
	text      string // of a constant, if it is a text or a number
	sources   []source
	relations []catalog.OID // that sub-selects and functions read
	kept      []catalog.OID // that functions read which are vouched for
	calls     []catalog.OID // functions of the user
	fallback  string        // what it becomes when no context is set, if that is a tenant
	nullable  bool          // may be NULL without a context, rather than fail
}

// value looks into an expression that has no column of the row.
func (m *model) value(n *catalog.Node) value {
	v := value{constant: true}
	n.Walk(func(n *catalog.Node) bool {
		switch n.Tag {
		case "CONST":
			v.isNull, v.text = n.Bool("constisnull"), constText(n)
		case "SQLVALUEFUNCTION":
			v.constant = false
			v.sources = append(v.sources, source{user: true})
		case "COALESCEEXPR":
			m.fallback(n, &v)
		case "CASEEXPR":
			m.caseFallback(n, &v)
		case "SUBLINK":
			m.subValue(n, &v)
			return false
		case "FUNCEXPR":
			return m.callValue(n, &v)
		case "VAR", "PARAM", "NEXTVALUEEXPR":
			v.constant = false
		}
		return true
	})
	return v
}

// callValue looks into a call and says whether to go on with its arguments.
func (m *model) callValue(n *catalog.Node, v *value) bool {
	oid := n.OID("funcid")
	if b, ok := m.builtins[oid]; ok {
		switch {
		case b.name == "current_setting":
			v.constant = false
			args := n.List("args")
			name := ""
			if len(args) > 0 {
				name = constText(args[0])
			}
			v.nullable = v.nullable || len(args) > 1
			v.sources = append(v.sources, source{setting: name})
			return false
		case b.name == "current_user" || b.name == "session_user" || b.name == "getpgusername":
			v.constant = false
			v.sources = append(v.sources, source{user: true})
		case b.volatility != "i":
			v.constant = false
		}
		return true
	}
	v.constant = false
	v.calls = append(v.calls, oid)
	f := m.cat.Function(oid)
	if f == nil {
		return true
	}
	b := m.body(f)
	for _, s := range b.settings {
		v.sources = append(v.sources, source{setting: s})
	}
	if b.user {
		v.sources = append(v.sources, source{user: true})
	}
	if len(b.settings) == 0 && !b.user {
		switch {
		case b.constant:
			v.constant = len(n.List("args")) == 0 && len(v.sources) == 0
		case b.unaware && len(n.List("args")) == 0:
			// It looks something up, the same for everyone.
		default:
			v.sources = append(v.sources, source{function: oid})
		}
	}
	if b.fallback != "" {
		v.fallback = b.fallback
	}
	v.nullable = v.nullable || b.nullable
	v.relations, v.kept = union(v.relations, b.reads), union(v.kept, b.kept)
	v.calls = union(v.calls, b.calls)
	return true
}

// subValue looks into a scalar sub-select, such as (select current_setting(…)).
func (m *model) subValue(n *catalog.Node, v *value) {
	q := n.Child("subselect")
	v.constant = false
	q.Walk(func(n *catalog.Node) bool {
		if n.Tag == "RANGETBLENTRY" && n.OID("relid") != 0 {
			v.relations = union(v.relations, []catalog.OID{n.OID("relid")})
			v.nullable = true
		}
		switch n.Tag {
		case "SQLVALUEFUNCTION":
			v.sources = append(v.sources, source{user: true})
		case "FUNCEXPR":
			return m.callValue(n, v)
		case "COALESCEEXPR":
			m.fallback(n, v)
		}
		return true
	})
}

// fallback notes a constant that stands in for a missing context and that may
// be a tenant.
func (m *model) fallback(n *catalog.Node, v *value) {
	args := n.List("args")
	if len(args) < 2 {
		return
	}
	last := args[len(args)-1]
	if hasRowVar(last) {
		return
	}
	lv := m.value(last)
	switch {
	case lv.constant && !lv.isNull && !nobody(lv.text):
		v.fallback = lv.text
	case !lv.constant && len(lv.sources) == 0:
		v.fallback = "that no context names"
	}
}

// caseFallback notes a constant tenant among the results of a CASE.
func (m *model) caseFallback(n *catalog.Node, v *value) {
	results := []*catalog.Node{n.Child("defresult")}
	for _, w := range n.List("args") {
		results = append(results, w.Child("result"))
	}
	for _, r := range results {
		if r == nil || hasRowVar(r) || n.OID("casetype") == typeBool {
			continue
		}
		if rv := m.value(r); rv.constant && !rv.isNull && !nobody(rv.text) {
			v.fallback = rv.text
		}
	}
}

// nobody says whether a constant is one of those that are used for "no tenant".
func nobody(text string) bool {
	t := strings.ToLower(strings.Trim(text, "'\" "))
	return t == "" || t == "0" || t == "-1" || strings.Trim(t, "0-") == "" || t == "none" || t == "null" || t == "{}"
}

// constText returns the value of a constant of a common type, "" for others.
func constText(n *catalog.Node) string {
	for n != nil && (n.Tag == "RELABELTYPE" || n.Tag == "COERCEVIAIO" || n.Tag == "FUNCEXPR" && len(n.List("args")) == 1) {
		if n.Tag == "FUNCEXPR" {
			n = n.List("args")[0]
		} else {
			n = n.Child("arg")
		}
	}
	if n == nil || n.Tag != "CONST" || n.Bool("constisnull") {
		return ""
	}
	b := n.Bytes("constvalue")
	switch n.OID("consttype") {
	case typeText, typeVarchar, typeBpchar:
		if len(b) >= 4 {
			return string(b[4:])
		}
	case typeName, typeUnknown:
		return strings.TrimRight(string(b), "\x00")
	case typeBool:
		if len(b) > 0 && b[0] != 0 {
			return "true"
		}
		return "false"
	case typeInt2, typeInt4, typeInt8:
		if len(b) == 8 {
			return fmt.Sprint(int64(binary.LittleEndian.Uint64(b)))
		}
	case typeUUID:
		if len(b) == 16 {
			return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
		}
	}
	return "?"
}

// Identifiers of types that every server has.
const (
	typeBool    = 16
	typeName    = 19
	typeInt8    = 20
	typeInt2    = 21
	typeInt4    = 23
	typeText    = 25
	typeFloat4  = 700
	typeFloat8  = 701
	typeUnknown = 705
	typeBpchar  = 1042
	typeVarchar = 1043
	typeNumeric = 1700
	typeUUID    = 2950
)

// hasRowVar says whether an expression contains a column of the row, also from
// within a sub-select.
func hasRowVar(n *catalog.Node) bool { return len(rowVars(n)) > 0 }

// rowVars returns the numbers of the columns of the row that an expression
// contains.
func rowVars(n *catalog.Node) []int16 { return varsAt(n, 0) }

func varsAt(n *catalog.Node, depth int) []int16 {
	var out []int16
	n.Walk(func(n *catalog.Node) bool {
		switch {
		case n.Tag == "VAR" && n.Int("varlevelsup") == depth:
			out = union(out, []int16{int16(n.Int("varattno"))})
		case n.Tag == "SUBLINK":
			out = union(out, varsAt(n.Child("testexpr"), depth))
			out = union(out, varsAt(n.Child("subselect"), depth+1))
			return false
		}
		return true
	})
	return out
}

// A body is what the text of a function tells.
type body struct {
	settings []string      // that it reads
	sets     []string      // that it sets with set_config or SET
	user     bool          // asks who the user is
	reads    []catalog.OID // relations that it names
	kept     []catalog.OID // relations that it names, itself or through another, as one that is vouched for
	calls    []catalog.OID // functions of the user that it names
	vouched  bool          // it is one of Watertight's own, as it was made
	constant bool          // depends on nothing that can be seen
	unaware  bool          // reads tables, and asks nothing of the session
	fallback string
	nullable bool
	dynamic  bool   // runs text as SQL
	code     string // the source without comments, in lower case but for strings
}

var (
	reSetting  = regexp.MustCompile(`(?i)current_setting\s*\(\s*E?'([^']*)'`)
	reSets     = regexp.MustCompile(`(?i)set_config\s*\(\s*E?'([^']*)'`)
	reSetStmt  = regexp.MustCompile(`(?i)\bset\s+(?:local\s+|session\s+)?([a-z_][a-z_0-9]*\.[a-z_][a-z_0-9]*)\s*(?:=|\bto\b)`)
	reMissing  = regexp.MustCompile(`(?i)current_setting\s*\(\s*E?'[^']*'(?:::\w+)?\s*,\s*true`)
	reUser     = regexp.MustCompile(`(?i)\b(current_user|session_user|current_role|pg_has_role)\b`)
	reFallback = regexp.MustCompile(`(?is)coalesce\s*\(.*current_setting.*,\s*'?([^',()\s]+)'?(?:::\w+)?\s*\)`)
	reReturns  = regexp.MustCompile(`(?i)\b(?:return|else|then)\s+'([^']+)'`)
	reIdent    = regexp.MustCompile(`"(?:[^"]|"")+"|[A-Za-z_][A-Za-z_0-9$]*`)
	reDynamic  = regexp.MustCompile(`(?i)\bexecute\b(?:\s+(?:format\b|'|\w+)|\s*\()|\breturn\s+query\s+execute\b|\bfor\s+\w+\s+in\s+execute\b|query_to_xml|\bdblink`)
)

// body reads a function. Text is all there is of a function whose language is
// not SQL with a standard body; what it names is then known by its words.
func (m *model) body(f *catalog.Function) *body {
	if b := m.bodies[f.OID]; b != nil {
		return b
	}
	b := &body{}
	m.bodies[f.OID] = b // a function that calls itself ends here
	b.code = plainText(f.Source, false)
	if f.Tree != "" {
		m.treeBody(f, b)
	} else {
		m.textBody(b)
	}
	for _, c := range slices.Clone(b.calls) {
		if g := m.cat.Function(c); g != nil && c != f.OID {
			inner := m.body(g)
			b.settings = union(b.settings, inner.settings)
			b.user = b.user || inner.user
			b.reads, b.kept = union(b.reads, inner.reads), union(b.kept, inner.kept)
			b.calls = union(b.calls, inner.calls)
			b.nullable = b.nullable || inner.nullable
			if b.fallback == "" {
				b.fallback = inner.fallback
			}
		}
	}
	if b.vouched = m.vouched(f); b.vouched {
		// Who the user is opens a closed tenant to the lifecycle role, and decides nothing else.
		b.kept, b.reads, b.user = union(b.kept, b.reads), nil, false
	}
	b.constant = len(b.settings) == 0 && !b.user && len(b.reads) == 0 && len(b.calls) == 0 && !b.dynamic &&
		(f.Language == "sql" || f.Language == "plpgsql") && !m.callsServer(b.code)
	b.unaware = len(b.settings) == 0 && !b.user && len(b.reads) > 0 && !b.dynamic &&
		(f.Language == "sql" || f.Language == "plpgsql") && !m.callsServer(b.code)
	return b
}

func (m *model) textBody(b *body) {
	for _, match := range reSetting.FindAllStringSubmatch(b.code, -1) {
		b.settings = union(b.settings, []string{match[1]})
	}
	for _, re := range []*regexp.Regexp{reSets, reSetStmt} {
		for _, match := range re.FindAllStringSubmatch(b.code, -1) {
			b.sets = union(b.sets, []string{match[1]})
		}
	}
	b.nullable = reMissing.MatchString(b.code)
	b.user = reUser.MatchString(b.code)
	b.dynamic = reDynamic.MatchString(b.code)
	if match := reFallback.FindStringSubmatch(b.code); match != nil && !nobody(match[1]) && !strings.Contains(strings.ToLower(match[1]), "null") {
		b.fallback = match[1]
	}
	if match := reReturns.FindStringSubmatch(b.code); match != nil && len(b.settings) > 0 && !nobody(match[1]) && b.fallback == "" && match[1] != "true" && match[1] != "false" {
		b.fallback = match[1]
	}
	words := map[string]bool{}
	for _, w := range reIdent.FindAllString(plainText(b.code, true), -1) {
		if w[0] == '"' {
			words[strings.ReplaceAll(w[1:len(w)-1], `""`, `"`)] = true
		} else {
			words[strings.ToLower(w)] = true
		}
	}
	for _, r := range m.cat.Relations {
		if words[r.RelName] {
			b.reads = append(b.reads, r.OID)
		}
	}
	for _, f := range m.cat.Functions {
		if !f.Extension && words[f.FuncName] && regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(f.FuncName)+`"?\s*\(`).MatchString(b.code) {
			b.calls = append(b.calls, f.OID)
		}
	}
}

func (m *model) treeBody(f *catalog.Function, b *body) {
	tree, err := catalog.ParseNode(f.Tree)
	if err != nil {
		b.dynamic = true
		return
	}
	v := value{}
	tree.Walk(func(n *catalog.Node) bool {
		switch n.Tag {
		case "RANGETBLENTRY":
			if oid := n.OID("relid"); oid != 0 && m.cat.Relation(oid) != nil {
				b.reads = union(b.reads, []catalog.OID{oid})
			}
		case "SQLVALUEFUNCTION":
			b.user = true
		case "COALESCEEXPR":
			m.fallback(n, &v)
		case "CASEEXPR":
			m.caseFallback(n, &v)
		case "FUNCEXPR":
			if bi, ok := m.builtins[n.OID("funcid")]; ok && bi.name == "set_config" {
				if args := n.List("args"); len(args) > 0 {
					b.sets = append(b.sets, constText(args[0]))
				}
			}
			m.callValue(n, &v)
		}
		return true
	})
	for _, s := range v.sources {
		if s.setting != "" {
			b.settings = union(b.settings, []string{s.setting})
		}
		b.user = b.user || s.user
	}
	b.calls, b.fallback, b.nullable = v.calls, v.fallback, v.nullable
	b.reads = union(b.reads, v.relations)
}

var reServer = regexp.MustCompile(`(?i)\b(inet_client_addr|inet_client_port|pg_backend_pid|txid_current|now|clock_timestamp|random|gen_random_uuid|convert_from|decode|sha256)\s*\(`)

// callsServer says whether code calls something of the server that differs
// from session to session.
func (m *model) callsServer(code string) bool { return reServer.MatchString(code) }
