package inspect

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/internal/catalog"
)

// ProfileCitus of [Config] looks at a database as one that is, or is to be, the
// coordinator of a Citus cluster.
const ProfileCitus = "citus"

// A cluster is what Citus knows of the tables.
type cluster struct {
	there  bool // the database is part of one
	tables []distributedFact
}

// A distributedFact is a table of which a node has more than its own copy.
type distributedFact struct {
	RelID      catalog.OID `json:"relid"`
	Kind       string      `json:"kind"`   // spread, reference, schema or local
	Attnum     int16       `json:"attnum"` // what it is spread by
	Colocation int32       `json:"colocation"`
}

// readCluster asks Citus's own catalogue, by the table itself and not by the
// functions over it: those open connections to other nodes.
func (m *model) readCluster(ctx context.Context, tx pgx.Tx) error {
	var readable bool
	err := tx.QueryRow(ctx, `select c.oid is not null, coalesce(pg_catalog.has_table_privilege(c.oid, 'SELECT'), false)
		from (select to_regclass('pg_catalog.pg_dist_partition')::oid as oid) c`).Scan(&m.cluster.there, &readable)
	if err != nil {
		return fmt.Errorf("look for Citus: %w", err)
	}
	if !m.cluster.there {
		return nil
	}
	if !readable {
		m.unseen = append(m.unseen, "pg_dist_partition: how Citus distributes tables")
		return nil
	}
	// partkey is a column of the server's expression trees, null for reference
	// tables and for those of a distributed schema.
	rows, err := tx.Query(ctx, `select logicalrelid::oid, case
			when partmethod = 'n' and repmodel = 't' then 'reference'
			when partmethod = 'n' and colocationid > 0 then 'schema'
			when partmethod = 'n' then 'local' else 'spread' end,
			coalesce(substring(partkey from ':varattno ([0-9]+)')::int2, 0::int2), colocationid::int4
		from pg_catalog.pg_dist_partition order by 1`)
	if err != nil {
		return fmt.Errorf("read how Citus distributes tables: %w", err)
	}
	m.cluster.tables, err = pgx.CollectRows(rows, pgx.RowToStructByPos[distributedFact])
	if err != nil {
		return fmt.Errorf("read how Citus distributes tables: %w", err)
	}
	return nil
}
