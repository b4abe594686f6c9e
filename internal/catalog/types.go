package catalog

import (
	"context"
	"fmt"
)

// A Type is a data type, with what is needed to write down a value of it.
type Type struct {
	OID      OID
	Schema   string
	TypeName string
	Name     string // as in CREATE TABLE
	Kind     string // b base, c composite, d domain, e enum, r range, m multirange, p pseudo
	Element  OID    // of an array
	Base     OID    // of a domain
	BaseName string // of a domain, with its modifier, such as "character varying(20)"
	Subtype  OID    // of a range; of a multirange its range
	Relation OID    // of a composite type

	Labels []string // of an enum, in order
	Checks []string // of a domain, each as CHECK (…) with VALUE
	Fields []OID    // types of the columns of a composite type
}

const typesSQL = `
select t.oid, n.nspname::text, t.typname::text, pg_catalog.format_type(t.oid, null), t.typtype::text,
  case when t.typcategory = 'A' then t.typelem else 0 end,
  t.typbasetype, coalesce(pg_catalog.format_type(nullif(t.typbasetype, 0), t.typtypmod), ''),
  coalesce((select r.rngsubtype from pg_catalog.pg_range r where r.rngtypid = t.oid),
    (select r.rngtypid from pg_catalog.pg_range r where r.rngmultitypid = t.oid), 0::oid),
  t.typrelid,
  array(select e.enumlabel::text from pg_catalog.pg_enum e where e.enumtypid = t.oid order by e.enumsortorder),
  array(select pg_catalog.pg_get_constraintdef(k.oid) from pg_catalog.pg_constraint k where k.contypid = t.oid and k.contype = 'c' order by k.conname),
  array(select a.atttypid from pg_catalog.pg_attribute a
    where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped order by a.attnum)
from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
where n.nspname <> 'pg_toast' and n.nspname <> 'information_schema'
  and not (t.typtype = 'c' and n.nspname = 'pg_catalog')`

// ReadTypes reads the types of the database, the server's own included.
func ReadTypes(ctx context.Context, q Querier) (map[OID]*Type, error) {
	list, err := collect[Type](ctx, q, "types", typesSQL)
	if err != nil {
		return nil, err
	}
	types := make(map[OID]*Type, len(list))
	for _, t := range list {
		types[t.OID] = t
	}
	return types, nil
}

// PartitionBounds returns what each partition demands of its rows, as an
// expression over the columns. The default partition of a table without others
// demands nothing and is left out.
func PartitionBounds(ctx context.Context, q Querier) (map[OID]string, error) {
	return textByOID(ctx, q, "partition bounds", `
select c.oid, pg_catalog.pg_get_partition_constraintdef(c.oid)
from pg_catalog.pg_class c
where c.relispartition and c.relkind in ('r', 'p') and pg_catalog.pg_get_partition_constraintdef(c.oid) is not null`)
}

// FunctionBodies returns the bodies of the functions that have no source text:
// those written in the form of the SQL standard.
func FunctionBodies(ctx context.Context, q Querier) (map[OID]string, error) {
	return textByOID(ctx, q, "function bodies", `
select p.oid, pg_catalog.pg_get_function_sqlbody(p.oid)
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.prosqlbody is not null and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`)
}

func textByOID(ctx context.Context, q Querier, what, sql string) (map[OID]string, error) {
	rows, err := q.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	out := map[OID]string{}
	for rows.Next() {
		var (
			oid  OID
			text string
		)
		if err := rows.Scan(&oid, &text); err != nil {
			return nil, fmt.Errorf("read %s: %w", what, err)
		}
		out[oid] = text
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return out, nil
}
