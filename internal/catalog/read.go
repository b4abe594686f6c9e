package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Options narrows what Read reads. The zero value reads everything that is not
// the server's own.
type Options struct {
	// Schemas are the schemas to read. Defaults to all but pg_* and
	// information_schema.
	//
	// Functions are always read from all schemas: a policy may call one that
	// lives elsewhere.
	Schemas []string

	// WithoutText leaves out what the server would have to write: the texts of
	// defaults, constraints, indexes, policies and partition keys. The server
	// locks a table (ACCESS SHARE) to write them, and so waits for whoever is
	// altering it; the trees of the same expressions it just hands out.
	WithoutText bool
}

// Querier is what Read needs of a connection or transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Read reads the catalogue. An error names what could not be read.
func Read(ctx context.Context, q Querier, opt Options) (*Catalog, error) {
	c := &Catalog{relations: map[OID]*Relation{}, functions: map[OID]*Function{}, roles: map[OID]*Role{}}
	rows, err := q.Query(ctx, "select current_setting('server_version_num')::int, current_database()::text")
	if err != nil {
		return nil, fmt.Errorf("read the server's version: %w", err)
	}
	if _, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (int, error) {
		return 0, row.Scan(&c.Version, &c.Database)
	}); err != nil {
		return nil, fmt.Errorf("read the server's version: %w", err)
	}
	if err := c.readRelations(ctx, q, opt); err != nil {
		return nil, err
	}
	if c.Functions, err = collect[Function](ctx, q, "functions", functionsSQL); err != nil {
		return nil, err
	}
	if c.Roles, err = collect[Role](ctx, q, "roles", rolesSQL); err != nil {
		return nil, err
	}
	for _, f := range c.Functions {
		c.functions[f.OID] = f
	}
	for _, r := range c.Roles {
		c.roles[r.OID] = r
	}
	return c, nil
}

func (c *Catalog) readRelations(ctx context.Context, q Querier, opt Options) error {
	schemas := opt.Schemas
	if schemas == nil {
		schemas = []string{}
	}
	var err error
	if c.Relations, err = readRelationRows(ctx, q, schemas, !opt.WithoutText); err != nil {
		return err
	}
	for _, r := range c.Relations {
		c.relations[r.OID] = r
	}
	columns, err := collect[Column](ctx, q, "columns", columnsSQL, schemas, !opt.WithoutText)
	if err != nil {
		return err
	}
	attach(c, columns, func(v *Column, r *Relation) { r.Columns = append(r.Columns, v) }, func(v *Column) OID { return v.Relation })
	constraints, err := collect[Constraint](ctx, q, "constraints", constraintsSQL, schemas, !opt.WithoutText)
	if err != nil {
		return err
	}
	attach(c, constraints, func(v *Constraint, r *Relation) { r.Constraints = append(r.Constraints, v) }, func(v *Constraint) OID { return v.Relation })
	indexes, err := collect[Index](ctx, q, "indexes", indexesSQL, schemas, !opt.WithoutText)
	if err != nil {
		return err
	}
	attach(c, indexes, func(v *Index, r *Relation) { r.Indexes = append(r.Indexes, v) }, func(v *Index) OID { return v.Relation })
	policies, err := collect[Policy](ctx, q, "policies", policiesSQL, schemas, !opt.WithoutText)
	if err != nil {
		return err
	}
	attach(c, policies, func(v *Policy, r *Relation) { r.Policies = append(r.Policies, v) }, func(v *Policy) OID { return v.Relation })
	triggers, err := collect[Trigger](ctx, q, "triggers", triggersSQL, schemas, !opt.WithoutText)
	if err != nil {
		return err
	}
	attach(c, triggers, func(v *Trigger, r *Relation) { r.Triggers = append(r.Triggers, v) }, func(v *Trigger) OID { return v.Relation })
	rules, err := collect[Rule](ctx, q, "rules", rulesSQL, schemas, !opt.WithoutText)
	if err != nil {
		return err
	}
	attach(c, rules, func(v *Rule, r *Relation) { r.Rules = append(r.Rules, v) }, func(v *Rule) OID { return v.Relation })
	return nil
}

func readRelationRows(ctx context.Context, q Querier, schemas []string, text bool) ([]*Relation, error) {
	rows, err := q.Query(ctx, relationsSQL, schemas, text)
	if err != nil {
		return nil, fmt.Errorf("read relations: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Relation, error) {
		var r Relation
		err := row.Scan(&r.OID, &r.Schema, &r.RelName, &r.Kind, &r.Persistence, &r.Owner, &r.RLS, &r.Force,
			&r.Partition, &r.Extension, &r.Options, &r.Parents, &r.Rows, &r.PartitionKey)
		return &r, err
	})
	if err != nil {
		return nil, fmt.Errorf("read relations: %w", err)
	}
	return out, nil
}

// attach hands each item to its relation. Items of a relation that appeared
// between two queries are dropped; in a REPEATABLE READ transaction there are none.
func attach[T any](c *Catalog, items []*T, add func(*T, *Relation), relation func(*T) OID) {
	for _, v := range items {
		if r := c.relations[relation(v)]; r != nil {
			add(v, r)
		}
	}
}

func collect[T any](ctx context.Context, q Querier, what, sql string, args ...any) ([]*T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[T])
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return out, nil
}

// Ancestors returns the tables that r inherits from or is a partition of, at
// any distance.
func (c *Catalog) Ancestors(r *Relation) []*Relation {
	var out []*Relation
	next := slices.Clone(r.Parents)
	for len(next) > 0 {
		p := c.Relation(next[0])
		next = next[1:]
		if p != nil && !slices.Contains(out, p) {
			out = append(out, p)
			next = append(next, p.Parents...)
		}
	}
	return out
}
