package inspect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// Facts are what the rules read beside the catalogue, as tables. prelude.sql
// says what each of them means. An empty one is left out: a missing array has
// no rows, but null is not an array.
type facts struct {
	Config     configFact      `json:"config"`
	Identities []identityFact  `json:"identities,omitempty"`
	Tables     []tableFact     `json:"tables,omitempty"`
	Access     []accessFact    `json:"access,omitempty"`
	Verdicts   []verdictFact   `json:"verdicts,omitempty"`
	Contexts   []contextFact   `json:"contexts,omitempty"`
	Lookups    []lookupFact    `json:"lookups,omitempty"`
	Calls      []callFact      `json:"calls,omitempty"`
	Views      []viewRead      `json:"views,omitempty"`
	Copies     []copyFact      `json:"copies,omitempty"`
	Routines   []routine       `json:"routines,omitempty"`
	Mentions   []mentionFact   `json:"mentions,omitempty"`
	Indexes    []indexFact     `json:"indexes,omitempty"`
	References []referenceFact `json:"refs,omitempty"`
	Secrets    []secretFact    `json:"secrets,omitempty"`

	Distributed []distributedFact `json:"distributed,omitempty"`
}

type configFact struct {
	App    string   `json:"app"`
	AppOID uint32   `json:"app_oid"`
	Canon  []string `json:"canon"`
	Names  []string `json:"names"`

	Version int `json:"version"` // server_version_num

	Citus   bool `json:"citus"`   // it is a Citus cluster, or to be looked at as one
	Cluster bool `json:"cluster"` // it is one
}

type identityFact struct {
	OID  catalog.OID `json:"oid"`
	Name string      `json:"name"`
	Via  string      `json:"via"`
	Self bool        `json:"self"`
}

type tableFact struct {
	RelID     catalog.OID `json:"relid"`
	Name      string      `json:"name"`
	Attnum    int16       `json:"attnum"`
	Column    string      `json:"col"`
	Directory bool        `json:"directory"`
	Reached   bool        `json:"reached"` // an identity may read or write it
	Default   string      `json:"fills"`   // how the column fills itself in: "", "context" or "constant"
}

type accessFact struct {
	RelID      catalog.OID `json:"relid"`
	Role       catalog.OID `json:"role"`
	RoleName   string      `json:"role_name"`
	Select     bool        `json:"sel"`
	Insert     bool        `json:"ins"`
	Update     bool        `json:"upd"`
	Delete     bool        `json:"del"`
	Truncate   bool        `json:"trunc"`
	References bool        `json:"refs"`
	Trigger    bool        `json:"trig"`
	InsertCols []int16     `json:"ins_cols"`
	UpdateCols []int16     `json:"upd_cols"`
}

type verdictFact struct {
	RelID    catalog.OID `json:"relid"`
	Role     catalog.OID `json:"role"`
	RoleName string      `json:"role_name"`
	Command  string      `json:"command"`
	Level    string      `json:"level"`
	Class    string      `json:"class"`
	Reason   string      `json:"reason"`
	Policies string      `json:"policies"`
	Allowed  bool        `json:"allowed"` // the grants let the role use the command
	Widened  bool        `json:"widened"` // one policy is good, and another makes it worse
}

type contextFact struct {
	RelID   catalog.OID `json:"relid"`
	Policy  string      `json:"policy"`
	Clause  string      `json:"clause"` // USING or WITH CHECK
	Setting string      `json:"setting"`
	Canon   bool        `json:"canon"`
}

type lookupFact struct {
	RelID    catalog.OID `json:"relid"` // the protected table
	Lookup   catalog.OID `json:"lookup"`
	Role     catalog.OID `json:"role"`
	RoleName string      `json:"role_name"`
	Command  string      `json:"command"`
	Level    string      `json:"level"`
	Reason   string      `json:"reason"`
	Column   string      `json:"col"`
}

type callFact struct {
	RelID    catalog.OID `json:"relid"`
	Function catalog.OID `json:"function"`
	Row      bool        `json:"row"` // it is given a column of the row
}

type copyFact struct {
	RelID catalog.OID `json:"relid"`
	Of    catalog.OID `json:"of"`
}

type mentionFact struct {
	Function catalog.OID `json:"function"`
	RelID    catalog.OID `json:"relid"`
	Writes   bool        `json:"writes"`
}

type indexFact struct {
	Index  catalog.OID `json:"index"`
	RelID  catalog.OID `json:"relid"`
	Tenant bool        `json:"tenant"` // the tenant column is part of the key, also inside an expression
	Drawn  bool        `json:"drawn"`  // a column of the key gets its value from a sequence or at random
}

type secretFact struct {
	RelID  catalog.OID `json:"relid"`
	Policy string      `json:"policy"`
}

// A referenceFact is a foreign key and whether policies check what it refers to.
type referenceFact struct {
	Constraint catalog.OID `json:"con"`
	Role       catalog.OID `json:"role"`
	Checked    bool        `json:"checked"`
}

func (m *model) facts() (string, error) {
	clear(m.verdicts) // what was judged before the canonical setting was known
	f := facts{Config: configFact{
		App: m.app.Name, AppOID: m.app.OID, Canon: m.canon, Names: m.tenancy.Names, Version: m.cat.Version,
		Citus: m.cluster.there || m.cfg.Profile == ProfileCitus, Cluster: m.cluster.there,
	}, Distributed: m.cluster.tables}
	for i, id := range m.identities {
		f.Identities = append(f.Identities, identityFact{id.role.OID, id.role.Name, id.via, i == 0})
	}
	m.tableFacts(&f)
	m.policyFacts(&f)
	m.lookupFacts(&f)
	m.indexFacts(&f)
	m.referenceFacts(&f)
	m.secretFacts(&f)
	f.Views = m.views()
	for _, r := range m.cat.Relations {
		if r.Kind == catalog.MaterializedView {
			for _, t := range m.contents(r, nil) {
				f.Copies = append(f.Copies, copyFact{r.OID, t.OID})
			}
		}
	}
	f.Routines = m.routines(m.callable)
	m.mentionFacts(&f)
	text, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("describe the schema: %w", err)
	}
	return string(text), nil
}

func (m *model) tableFacts(f *facts) {
	add := func(r *catalog.Relation, directory bool) {
		col := m.tenancy.Column(r)
		t := tableFact{RelID: r.OID, Name: r.Name(), Attnum: col.Num, Column: col.Name, Directory: directory, Default: m.fills(col)}
		for _, id := range m.identities {
			t.Reached = t.Reached || m.may(id.role.OID, r).any()
		}
		f.Tables = append(f.Tables, t)
	}
	for _, r := range m.tenancy.Tables {
		add(r, false)
	}
	for _, r := range m.tenancy.Directories {
		add(r, true)
	}
	for _, r := range m.cat.Relations {
		for _, id := range m.identities {
			if g := m.grants[grantKey{id.role.OID, r.OID}]; g != nil {
				f.Access = append(f.Access, accessFact{
					r.OID, id.role.OID, id.role.Name, g.Select, g.Insert, g.Update, g.Delete,
					g.Truncate, g.References, g.Trigger, g.InsertColumns, g.UpdateColumns,
				})
			}
		}
	}
}

// policyFacts judges every table, tenant table or not, for every identity.
func (m *model) policyFacts(f *facts) {
	for _, r := range m.cat.Relations {
		if !r.IsTable() || r.Extension {
			continue
		}
		for _, id := range m.identities {
			if id.role.Super || id.role.BypassRLS {
				continue // a rule about roles says so, once
			}
			g := m.may(id.role.OID, r)
			for _, command := range commands {
				v := m.otherTenant(m.command(id.role, r, command), id.role, r, command)
				f.Verdicts = append(f.Verdicts, verdictFact{
					r.OID, id.role.OID, id.role.Name, command, v.level.String(), v.class, v.reason, policyNames(v.policies), g.allows(command), v.widened,
				})
			}
		}
		m.contextFacts(f, r)
	}
}

// otherTenant refuses a design with a role for each tenant when one tenant's role
// can become another's: both are let in by who they are.
func (m *model) otherTenant(v result, role *catalog.Role, r *catalog.Relation, command string) result {
	byUser := func(v result) bool {
		return v.level == pinned && slices.ContainsFunc(v.contexts, func(s source) bool { return s.user })
	}
	if role == m.app || !byUser(v) || !m.may(m.app.OID, r).allows(command) || !byUser(m.command(m.app, r, command)) {
		return v
	}
	return isOpen("role", fmt.Sprintf("%s is the role of one tenant and can become %s, that of another", m.app.Name, role.Name))
}

func policyNames(list []*catalog.Policy) string {
	var names []string
	for _, p := range list {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

func (m *model) contextFacts(f *facts, r *catalog.Relation) {
	c := &condition{m: m, rel: r, col: m.tenancy.Column(r), role: m.app}
	for _, p := range r.Policies {
		applies := slices.ContainsFunc(m.identities, func(id identity) bool { return m.applies(p, id.role) })
		for clause, tree := range map[string]string{"USING": p.UsingTree, "WITH CHECK": p.CheckTree} {
			if tree == "" || c.col == nil || !applies {
				continue
			}
			v := c.text(tree)
			for _, s := range v.contexts {
				if s.setting == "" || v.level != pinned && v.level != nullRow {
					continue
				}
				fact := contextFact{r.OID, p.Name, clause, s.setting, len(m.canon) == 0 || slices.Contains(m.canon, s.setting)}
				if !slices.Contains(f.Contexts, fact) {
					f.Contexts = append(f.Contexts, fact)
				}
			}
			n, _ := catalog.ParseNode(tree)
			n.Walk(func(n *catalog.Node) bool {
				if n.Tag == "FUNCEXPR" && m.cat.Function(n.OID("funcid")) != nil {
					f.Calls = append(f.Calls, callFact{r.OID, n.OID("funcid"), hasRowVar(n)})
				}
				return true
			})
		}
	}
}

// fills says how a column gets a value that no statement gives it.
func (m *model) fills(col *catalog.Column) string {
	tree, err := catalog.ParseNode(col.DefaultTree)
	if err != nil || tree == nil {
		return ""
	}
	switch v := m.value(tree); {
	case v.isNull:
		return ""
	case v.constant:
		return "constant"
	}
	return "context"
}

// drawn says whether a column's default comes from a sequence or a source of
// random values: what stands there is no secret, or cannot be guessed.
func (m *model) drawn(col *catalog.Column) bool {
	if col == nil {
		return false
	}
	tree, err := catalog.ParseNode(col.DefaultTree)
	if err != nil || tree == nil {
		return col.Identity != ""
	}
	found := false
	tree.Walk(func(n *catalog.Node) bool {
		name := m.builtins[n.OID("funcid")].name
		if f := m.cat.Function(n.OID("funcid")); f != nil {
			name = f.FuncName
		}
		for _, word := range []string{"nextval", "uuid", "random", "ulid", "nanoid", "cuid", "snowflake"} {
			found = found || n.Tag == "NEXTVALUEEXPR" || n.Tag == "FUNCEXPR" && strings.Contains(name, word)
		}
		return !found
	})
	return found
}

// indexFacts says of every unique index of a tenant table whether the tenant
// is part of its key.
func (m *model) indexFacts(f *facts) {
	for _, r := range m.tenancy.Tables {
		col := m.tenancy.Column(r)
		for _, i := range r.Indexes {
			has := slices.Contains(i.Columns, col.Num)
			if tree, err := catalog.ParseNode(i.Expressions); err == nil && tree != nil {
				has = has || slices.Contains(rowVars(tree), col.Num)
			}
			drawn := slices.ContainsFunc(i.Columns, func(num int16) bool { return num > 0 && m.drawn(r.Column(num)) })
			f.Indexes = append(f.Indexes, indexFact{i.OID, r.OID, has, drawn})
		}
	}
}

// referenceFacts says of each foreign key to a tenant table whether the
// policies on the table that has it look the referenced row up.
func (m *model) referenceFacts(f *facts) {
	for _, r := range m.cat.Relations {
		for _, k := range r.Constraints {
			if k.Type != "f" || len(k.Columns) == 0 {
				continue
			}
			for _, id := range m.identities {
				f.References = append(f.References, referenceFact{k.OID, id.role.OID, m.checksReference(r, k, id.role)})
			}
		}
	}
}

// checksReference says whether every policy that lets the role write the table
// compares the key's column inside a sub-select on the referenced table.
func (m *model) checksReference(r *catalog.Relation, k *catalog.Constraint, role *catalog.Role) bool {
	if m.bypasses(role, r) != "" {
		return false
	}
	parent := m.cat.Relation(k.References)
	if parent == nil || m.command(role, parent, "SELECT").level > opaque {
		return false
	}
	found := false
	for _, p := range r.Policies {
		if !m.applies(p, role) || !p.Permissive {
			continue
		}
		tree, ok := clause(p, "INSERT")
		if !ok {
			continue
		}
		n, err := catalog.ParseNode(tree)
		if err != nil {
			return false
		}
		ties := false
		n.Walk(func(n *catalog.Node) bool {
			if n.Tag == "SUBLINK" {
				vars := append(varsAt(n.Child("testexpr"), 0), varsAt(n.Child("subselect"), 1)...)
				reads := false
				n.Walk(func(q *catalog.Node) bool {
					reads = reads || q.OID("relid") == parent.OID
					return !reads
				})
				ties = ties || reads && slices.Contains(vars, k.Columns[0])
			}
			return !ties
		})
		if !ties {
			return false
		}
		found = true
	}
	return found
}

// mentionFacts says which relations a function names.
func (m *model) mentionFacts(f *facts) {
	for _, fn := range m.cat.Functions {
		if fn.Extension {
			continue
		}
		b := m.body(fn)
		for _, oid := range union(b.reads, b.kept) {
			r := m.cat.Relation(oid)
			if r == nil {
				continue
			}
			f.Mentions = append(f.Mentions, mentionFact{fn.OID, oid, writes(b.code, r.RelName)})
		}
	}
}
