package catalog

import "slices"

// An OID identifies an object within its catalogue.
type OID = uint32

// A Catalog is what one database said about itself at one moment.
type Catalog struct {
	Version  int // server_version_num, such as 150018
	Database string

	Relations []*Relation // by schema and name
	Functions []*Function // of the user's schemas and of extensions
	Roles     []*Role

	relations map[OID]*Relation
	functions map[OID]*Function
	roles     map[OID]*Role
}

// Relation returns the relation with the identifier, nil if there is none or
// it belongs to the server itself.
func (c *Catalog) Relation(oid OID) *Relation { return c.relations[oid] }

// Function returns the function with the identifier, nil if there is none or
// it belongs to the server itself.
func (c *Catalog) Function(oid OID) *Function { return c.functions[oid] }

// Role returns the role with the identifier, nil if there is none; 0 is PUBLIC.
func (c *Catalog) Role(oid OID) *Role { return c.roles[oid] }

// RoleNamed returns the role with the name, nil if there is none.
func (c *Catalog) RoleNamed(name string) *Role {
	for _, r := range c.Roles {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// Kinds of relations, as in pg_class.relkind.
const (
	Table            = "r"
	PartitionedTable = "p"
	View             = "v"
	MaterializedView = "m"
	ForeignTable     = "f"
)

// A Relation is a table, a view, or something that is read like one.
type Relation struct {
	OID          OID
	Schema       string
	RelName      string
	Kind         string // Table, PartitionedTable, View, MaterializedView, ForeignTable
	Persistence  string // p permanent, u unlogged
	Owner        OID
	RLS, Force   bool // row-level security enabled, and forced on the owner
	Partition    bool
	Extension    bool // belongs to an extension
	Options      []string
	Parents      []OID // tables that it inherits from or is a partition of
	Rows         float32
	Columns      []*Column
	Constraints  []*Constraint
	Indexes      []*Index
	Policies     []*Policy
	Triggers     []*Trigger
	Rules        []*Rule // the definition of a view is the rule _RETURN
	PartitionKey string  // as in PARTITION BY, of a partitioned table
}

// Name is the schema-qualified name, quoted where it must be.
func (r *Relation) Name() string { return Quote(r.Schema) + "." + Quote(r.RelName) }

// IsTable says whether rows are stored in or below it and it can have policies.
func (r *Relation) IsTable() bool { return r.Kind == Table || r.Kind == PartitionedTable }

// Column returns the column with the number, nil if there is none.
func (r *Relation) Column(num int16) *Column {
	for _, c := range r.Columns {
		if c.Num == num {
			return c
		}
	}
	return nil
}

// ColumnNamed returns the column with exactly this name, nil if there is none.
func (r *Relation) ColumnNamed(name string) *Column {
	for _, c := range r.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// PrimaryKey returns the numbers of the columns of the primary key.
func (r *Relation) PrimaryKey() []int16 {
	for _, c := range r.Constraints {
		if c.Type == "p" {
			return c.Columns
		}
	}
	return nil
}

// Option says whether a view or table was made WITH (name) or (name = true).
func (r *Relation) Option(name string) bool {
	for _, v := range []string{"true", "on", "yes", "1"} {
		if slices.Contains(r.Options, name+"="+v) {
			return true
		}
	}
	return false
}

// A Column is a column of a relation.
type Column struct {
	Relation OID
	Num      int16
	Name     string

	Type     string // as in CREATE TABLE, such as "character varying(20)"
	TypeOID  OID
	TypeKind string // b base, c composite, d domain, e enum, r range, m multirange
	BaseOID  OID    // what a domain is over; TypeOID for other types
	BaseType string

	NotNull       bool   // by the column or by its domain
	Identity      string // "", a always, d by default
	Generated     string // "", s stored, v virtual
	Default       string // as an expression, also of a generated column
	DefaultTree   string // pg_node_tree
	Deterministic bool   // the collation tells different texts apart
}

// A Constraint is a key, check or exclusion constraint.
type Constraint struct {
	OID        OID
	Relation   OID
	Name       string
	Type       string // c check, f foreign key, p primary key, u unique, x exclusion, t constraint trigger, n not null
	Columns    []int16
	Validated  bool
	Deferrable bool
	Deferred   bool
	Definition string
	Tree       string // pg_node_tree of a check
	Index      OID    // that enforces a key, or the parent's key of a foreign key
	Parent     OID    // the constraint of the partitioned table that this one comes from

	References        OID
	ReferencedColumns []int16
	OnUpdate          string // a no action, r restrict, c cascade, n set null, d set default
	OnDelete          string
	OnDeleteColumns   []int16 // of SET NULL (columns); empty: all
	Match             string  // s simple, f full

	Operators []OID // of an exclusion constraint, by column
}

// An Index is an index of a table.
type Index struct {
	OID              OID
	Relation         OID
	Name             string
	Unique, Primary  bool
	Exclusion        bool
	Valid            bool
	Columns          []int16 // key columns only, without INCLUDE; 0 is an expression
	Included         []int16
	Expressions      string // pg_node_tree, a list
	Predicate        string // pg_node_tree
	NullsNotDistinct bool
	Partition        bool // belongs to an index of the partitioned table
	Definition       string
}

// A Policy is a row-level security policy.
type Policy struct {
	OID        OID
	Relation   OID
	Name       string
	Command    string // r select, a insert, w update, d delete, * all
	Permissive bool
	Roles      []OID // 0 is PUBLIC
	Using      string
	UsingTree  string
	Check      string
	CheckTree  string
}

// A Trigger is a trigger; those that enforce foreign keys are Internal.
type Trigger struct {
	OID      OID
	Relation OID
	Name     string
	Function OID
	Type     int16  // bits of pg_trigger.tgtype: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate, 64 instead
	Enabled  string // O origin, D disabled, R replica, A always
	Internal bool   // of a foreign key
	Deferred bool
}

// A Rule is a rewrite rule; that of a view is named _RETURN.
type Rule struct {
	OID      OID
	Relation OID
	Name     string
	Event    string // 1 select, 2 update, 3 insert, 4 delete
	Instead  bool
	Enabled  string
	Tree     string // pg_node_tree, a list of queries
}

// A Function is a function or procedure.
type Function struct {
	OID        OID
	Schema     string
	FuncName   string
	Arguments  string // types, as ALTER FUNCTION takes them
	Kind       string // f function, p procedure, a aggregate, w window
	Language   string
	Owner      OID
	Definer    bool
	Leakproof  bool
	Volatility string // i immutable, s stable, v volatile
	Config     []string
	Source     string
	Tree       string   // pg_node_tree of an SQL-standard body
	ArgNames   []string // of all arguments, in order; empty names included
	ArgTypes   []OID    // of input arguments
	Returns    OID
	Trigger    bool // returns trigger
	Event      bool // returns event_trigger
	Extension  bool
}

// Name is the schema-qualified name with the types of the arguments, quoted
// where it must be.
func (f *Function) Name() string {
	return Quote(f.Schema) + "." + Quote(f.FuncName) + "(" + f.Arguments + ")"
}

// Setting returns the value of a SET clause of the function.
func (f *Function) Setting(name string) (string, bool) {
	for _, c := range f.Config {
		if len(c) > len(name) && c[len(name)] == '=' && c[:len(name)] == name {
			return c[len(name)+1:], true
		}
	}
	return "", false
}

// A Role is a role of the cluster.
type Role struct {
	OID         OID
	Name        string
	Super       bool
	Inherit     bool
	CreateRole  bool
	CreateDB    bool
	Login       bool
	Replication bool
	BypassRLS   bool
}
