package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A model is everything that is known about the database before the rules run.
type model struct {
	cfg     Config
	cat     *catalog.Catalog
	tenancy *catalog.Tenancy

	app        *catalog.Role
	identities []identity // what the application can act as, itself first
	memberships
	grants map[grantKey]*grant

	equality  map[catalog.OID]operator // operators that mean "the same"
	operators map[catalog.OID]string
	builtins  map[catalog.OID]builtin

	collations map[catalog.OID]bool   // those that take different texts for the same
	callable   map[catalog.OID]string // functions, and an identity that may call each

	bodies   map[catalog.OID]*body
	verdicts map[verdictKey]result
	busy     map[verdictKey]bool
	canon    []string // the settings that most policies compare with
	cluster  cluster

	assumed, unseen []string
}

// An identity is a role whose rights the application has or can take.
type identity struct {
	role *catalog.Role
	via  string // how it gets there
}

type operator struct{ builtin bool }

type builtin struct {
	name       string
	volatility string
}

func read(ctx context.Context, tx pgx.Tx, cfg Config) (*model, error) {
	for _, s := range settings {
		if _, err := tx.Exec(ctx, s); err != nil {
			return nil, fmt.Errorf("prepare the transaction: %w", err)
		}
	}
	cat, err := catalog.Read(ctx, tx, catalog.Options{Schemas: cfg.Schemas, WithoutText: true})
	if err != nil {
		return nil, err
	}
	m := &model{
		cfg: cfg, cat: cat,
		bodies: map[catalog.OID]*body{}, verdicts: map[verdictKey]result{}, busy: map[verdictKey]bool{},
	}
	if m.tenancy, err = cat.Tenancy(cfg.TenantColumns); err != nil {
		return nil, fmt.Errorf("find the tenant tables: %w (name the column with --tenant-column, and the schemas with --schema)", err)
	}
	if m.tenancy.Assumed != "" && !slices.Equal(m.tenancy.Names, []string{"tenant_id"}) {
		m.assumed = append(m.assumed, fmt.Sprintf("the tenant column is %s (%s)", strings.Join(m.tenancy.Names, " or "), m.tenancy.Assumed))
	}
	if err := m.findApp(ctx, tx); err != nil {
		return nil, err
	}
	if err := m.readMemberships(ctx, tx); err != nil {
		return nil, err
	}
	m.findIdentities()
	if err := m.readGrants(ctx, tx); err != nil {
		return nil, err
	}
	if err := m.readOperators(ctx, tx); err != nil {
		return nil, err
	}
	if err := m.readCollations(ctx, tx); err != nil {
		return nil, err
	}
	if err := m.readCallable(ctx, tx); err != nil {
		return nil, err
	}
	if err := m.readCluster(ctx, tx); err != nil {
		return nil, err
	}
	m.canonicalContext()
	return m, nil
}

// readOperators reads which operators mean equality, by the operator classes
// that say so, and the names of the server's own functions.
func (m *model) readOperators(ctx context.Context, tx pgx.Tx) error {
	m.equality, m.operators, m.builtins = map[catalog.OID]operator{}, map[catalog.OID]string{}, map[catalog.OID]builtin{}
	rows, err := tx.Query(ctx, `
select o.oid, o.oprname::text, o.oprnamespace = 'pg_catalog'::regnamespace, exists (
  select from pg_catalog.pg_amop a join pg_catalog.pg_am m on m.oid = a.amopmethod
  where a.amopopr = o.oid and (m.amname = 'btree' and a.amopstrategy = 3 or m.amname = 'hash' and a.amopstrategy = 1))
from pg_catalog.pg_operator o`)
	if err != nil {
		return fmt.Errorf("read operators: %w", err)
	}
	var (
		oid       catalog.OID
		name      string
		own, same bool
	)
	if _, err := pgx.ForEachRow(rows, []any{&oid, &name, &own, &same}, func() error {
		m.operators[oid] = name
		if same {
			m.equality[oid] = operator{builtin: own}
		}
		return nil
	}); err != nil {
		return fmt.Errorf("read operators: %w", err)
	}
	rows, err = tx.Query(ctx, `select oid, proname::text, provolatile::text from pg_catalog.pg_proc where pronamespace = 'pg_catalog'::regnamespace`)
	if err != nil {
		return fmt.Errorf("read functions: %w", err)
	}
	var b builtin
	if _, err := pgx.ForEachRow(rows, []any{&oid, &b.name, &b.volatility}, func() error {
		m.builtins[oid] = b
		return nil
	}); err != nil {
		return fmt.Errorf("read functions: %w", err)
	}
	return nil
}

// deterministic says whether a collation tells different texts apart.
func (m *model) deterministic(collation catalog.OID) bool { return !m.collations[collation] }

func (m *model) readCollations(ctx context.Context, tx pgx.Tx) error {
	m.collations = map[catalog.OID]bool{}
	rows, err := tx.Query(ctx, "select oid from pg_catalog.pg_collation where not collisdeterministic")
	if err != nil {
		return fmt.Errorf("read collations: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[catalog.OID])
	if err != nil {
		return fmt.Errorf("read collations: %w", err)
	}
	for _, oid := range list {
		m.collations[oid] = true
	}
	return nil
}
