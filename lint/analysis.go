package lint

// The analysis turns one statement into a graph and asks a question of it.
//
// The nodes are terms: a column of one occurrence of a table, a parameter, an
// output column of a subquery. An edge from x to y means: in every row in which
// the edge holds, x = y, and neither is NULL. When an edge holds is said by its
// fact: each fact lists tokens, and a token stands for "this occurrence is
// present in the row" (and not NULL-extended by an outer join) or "this row
// survives the WHERE clause of that block".
//
// An occurrence is pinned by a parameter when the parameter is reached from its
// tenant column, starting with the tokens of the occurrence itself and of the
// block it stands in. Each equality that is walked makes both sides present,
// which brings in the facts that hold for the other side.

type (
	nodeID int32
	token  int32
)

const (
	noNode  nodeID = -1
	noToken token  = -1
)

type termKind uint8

const (
	termColumn termKind = iota
	termParam
	termLiteral
	termAll  // equal to a parameter when each of its arms is
	termSelf // a column of a recursive query inside itself
)

// term is a node of the graph.
type term struct {
	kind    termKind
	name    string
	typ     string
	leaf    token // occurrence whose presence the term implies
	notNull bool
	param   *param
	arms    []arm // of a termAll
	any     bool  // of a termAll: one arm is enough (INTERSECT)
	rec     *recursion
	col     int // of a termSelf
	edges   []edge
}

// arm is one of the alternatives of a termAll, with the tokens its rows bring.
type arm struct {
	node nodeID
	from []token
}

type edge struct {
	to   nodeID
	fact *fact // nil: always holds
}

// param is a parameter of the statement.
type param struct {
	name     string // as written: $1, @name
	number   int32  // 0 for a named one
	nullable bool   // sqlc.narg
	slice    bool   // sqlc.slice
	node     nodeID
	order    int
	at       int  // of sqlc.slice
	cast     bool // $1::type
	castAt   int
}

type factKind uint8

const (
	factEqual    factKind = iota // a = b
	factStrict                   // leaf is present
	factActivate                 // a row of another block exists
	factAtLeast                  // a >= b
	factAtMost                   // a <= b
	factNever                    // the condition is never true
	factSame                     // a = b where a or b is present: not strict
)

// fact is something that a condition says about the rows that pass it.
type fact struct {
	kind   factKind
	a, b   nodeID
	leaf   token   // of factStrict
	block  *block  // of factActivate
	guards []token // tokens under which the fact holds
}

// recursion is a recursive common table expression while it is looked at.
type recursion struct {
	outs   []output
	block  *block
	solved [][]*param // per column, once known
	busy   bool
}

// occurrence is one mention of a table in a FROM clause or as a target.
type occurrence struct {
	table  *Table
	alias  string
	at     int // byte offset in the query file
	via    string
	levels []nodeID // the tenant columns, one per level; noNode when missing
	start  []token
	write  string // "", "update", "delete", "merge": what happens to its rows
	rel    *relation
	block  *block
	hints  []string
	key    bool // pinned by its primary key: the tenants table itself
	// nullable says that an outer join may leave the occurrence out of a row.
	nullable bool
}

// problem is something that makes the statement unprovable by itself.
type problem struct {
	rule    string
	at      int
	table   string
	message string
	fix     string
	object  string
	note    bool        // matters to generated code only
	broken  bool        // the query cannot be judged at all
	occ     *occurrence // to edit
	clause  string
}

// analysis is the work on one statement.
type analysis struct {
	schema  *Schema
	tenancy *tenancy
	path    []string // search path for names without a schema

	nodes    []term
	ntokens  int
	implies  map[token][]token
	params   map[string]*param
	literals map[string]nodeID
	occs     []*occurrence
	problems []problem
	inserts  []*insertion
	seen     map[*rangeVar]bool
	nullable map[token]bool // occurrences an outer join may leave out
	blocks   int
	tooLarge bool
	memo     map[nodeID][]*param
	assuming int
	viaView  []*Table // views being expanded
	viaAt    int
	offset   func(int32) int
	named    map[int32]string // numbers that stand for @name
	ctes     []*cteDef

	tenantParams []*param // per level, once judged
	classAt      int32    // where pg_class is mentioned, -1 when it is not
	textual      string   // the query file
}

// maxBlocks bounds the size of a statement with its views and common table
// expressions expanded, so that a query cannot stall the analysis.
const maxBlocks = 600

func newAnalysis(s *Schema, t *tenancy, path []string) *analysis {
	return &analysis{
		schema: s, tenancy: t, path: path,
		implies: map[token][]token{}, params: map[string]*param{}, literals: map[string]nodeID{},
		seen: map[*rangeVar]bool{}, nullable: map[token]bool{}, memo: map[nodeID][]*param{},
		offset: func(l int32) int { return int(l) }, classAt: -1,
	}
}

func (a *analysis) token() token {
	a.ntokens++
	return token(a.ntokens - 1)
}

func (a *analysis) imply(from, to token) {
	if from != noToken && to != noToken {
		a.implies[from] = append(a.implies[from], to)
	}
}

func (a *analysis) node(t term) nodeID {
	a.nodes = append(a.nodes, t)
	return nodeID(len(a.nodes) - 1)
}

// link adds an edge in one direction.
func (a *analysis) link(from, to nodeID, f *fact) {
	if from == noNode || to == noNode || from == to {
		return
	}
	a.nodes[from].edges = append(a.nodes[from].edges, edge{to, f})
}

// param returns the parameter of the name, which it creates at first sight.
func (a *analysis) param(name string, number int32) *param {
	p := a.params[name]
	if p == nil {
		p = &param{name: name, number: number, order: len(a.params)}
		p.node = a.node(term{kind: termParam, name: name, leaf: noToken, param: p})
		a.params[name] = p
	}
	return p
}

func (a *analysis) literal(value string) nodeID {
	n, ok := a.literals[value]
	if !ok {
		n = a.node(term{kind: termLiteral, name: value, leaf: noToken})
		a.literals[value] = n
	}
	return n
}

// report records a problem at a location of the parser.
func (a *analysis) report(rule string, at int32, message string) *problem {
	off := a.offset(at)
	if len(a.viaView) > 0 {
		off = a.viaAt
		if rule == ruleUnknown {
			// The query is in order; it is the view that cannot be followed.
			rule = ruleNotUnderstood
		}
		message += " (inside view " + a.viaView[0].String() + ")"
	}
	a.problems = append(a.problems, problem{rule: rule, at: off, message: message})
	return &a.problems[len(a.problems)-1]
}
