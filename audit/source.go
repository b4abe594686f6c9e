package audit

import (
	"context"
	_ "embed"
	"errors"
	"iter"
	"math"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

var (
	//go:embed sql/events.sql
	sqlEvents string
	//go:embed sql/tree.sql
	sqlTree string
	//go:embed sql/checkpoints.sql
	sqlCheckpoints string
)

// Querier is a pool or a transaction of a member of watertight_sealer or
// watertight_privacy, or a tenant's own handle: a *tenancy.Conn reads its own
// log and no other.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// treeState is a stored tree.
type treeState struct {
	size   uint64
	tree   compactRange
	pruned compactRange // of the events that retention removed
}

// source is one log to verify, wherever it comes from.
type source struct {
	tenant      uuid.UUID
	state       treeState
	checkpoints [][]byte
	events      iter.Seq2[*record, error] // a record is good until the next one
}

// openSource reads a log from the database. The tree is read before the
// events, so that a sealer at work makes the unsealed rest longer, no more.
func openSource(ctx context.Context, db Querier, tenant uuid.UUID) (*source, error) {
	s := &source{tenant: tenant}
	rows, err := db.Query(ctx, sqlTree, tenant)
	if err != nil {
		return nil, clean("read the tree", err)
	}
	var (
		size, pruned   int64
		raw, rawPruned []byte
	)
	_, err = pgx.ForEachRow(rows, []any{&size, &raw, &pruned, &rawPruned}, func() error {
		s.state, err = parseState(uint64(size), raw, uint64(pruned), rawPruned)
		return err
	})
	if err != nil {
		return nil, clean("read the tree", err)
	}
	rows, err = db.Query(ctx, sqlCheckpoints, tenant)
	if err != nil {
		return nil, clean("read the checkpoints", err)
	}
	notes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, clean("read the checkpoints", err)
	}
	for _, n := range notes {
		s.checkpoints = append(s.checkpoints, []byte(n))
	}
	s.events = readEvents(ctx, db, tenant, beginning)
	return s, nil
}

func parseState(size uint64, raw []byte, pruned uint64, rawPruned []byte) (treeState, error) {
	var s treeState
	var err error
	s.size = size
	if s.tree, err = parseRange(size, raw); err != nil {
		return s, err
	}
	if pruned > size {
		return s, errors.New("more events were pruned than the tree has")
	}
	s.pruned, err = parseRange(pruned, rawPruned)
	return s, err
}

// beginning is in front of every event.
var beginning = position{math.MinInt16, 0, math.MinInt64}

// readEvents streams a log in the order of its tree. PostgreSQL walks the
// primary key, so neither side holds more than a few rows.
func readEvents(ctx context.Context, db Querier, tenant uuid.UUID, after position) iter.Seq2[*record, error] {
	return func(yield func(*record, error) bool) {
		rows, err := db.Query(ctx, sqlEvents, tenant, after.epoch, strconv.FormatUint(after.xid, 10), after.id)
		if err != nil {
			yield(nil, clean("read the events", err))
			return
		}
		defer rows.Close()
		var r record
		checked := false
		for rows.Next() {
			if !checked {
				if err := checkFormats(rows); err != nil {
					yield(nil, err)
					return
				}
				checked = true
			}
			if err := rowsRecord(rows, &r); err != nil {
				yield(nil, err)
				return
			}
			if !yield(&r, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, clean("read the events", err))
		}
	}
}
