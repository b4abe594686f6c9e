package audit

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

var (
	//go:embed sql/retention.sql
	sqlRetention string
	//go:embed sql/person.sql
	sqlPerson string
)

const (
	sqlPrune  = "select watertight.audit_prune($1, $2, $3::text::xid8, $4, $5, $6)"
	sqlRetain = "select watertight.audit_retain($1, $2)"
	sqlRedact = "select watertight.audit_redact($1, $2, $3, $4)"
	sqlErase  = "select watertight.audit_erase($1)"
	sqlEpoch  = "select watertight.audit_new_epoch($1)"
	sqlNote   = "select watertight.audit_note($1, $2, $3)"
)

// Pruned is what retention removed from one log.
type Pruned struct {
	Tenant uuid.UUID `json:"tenant_id"`
	Events uint64    `json:"events"` // removed now
	Total  uint64    `json:"total"`  // removed since the log began
}

// Retention sets how many days a tenant's events are kept: 30 to 180. A tenant
// for which none is set keeps them for 180 days. The role needs
// watertight_privacy.
func Retention(ctx context.Context, db Querier, tenant uuid.UUID, days int) error {
	if days < 30 || days > 180 {
		return fmt.Errorf("a retention of %d days (30 to 180 are possible)", days)
	}
	return exec(ctx, db, "set the retention", sqlRetain, tenant, days)
}

// Prune removes the events of a log that are past its retention, as far as
// they are its oldest ones and sealed, and keeps the compact range of what it
// removed: every later checkpoint still verifies, and so does every later
// event. It verifies first, and removes nothing from a log that is not what
// was sealed. The zero tenant prunes the platform's log. The role needs
// watertight_privacy.
func Prune(ctx context.Context, db Querier, tenant uuid.UUID, keys []VerifyingKey) (Pruned, error) {
	if len(keys) == 0 {
		return Pruned{}, errNoKeys
	}
	days, err := retentionOf(ctx, db, tenant)
	if err != nil {
		return Pruned{}, err
	}
	return prune(ctx, db, tenant, keys, time.Now().AddDate(0, 0, -days))
}

func prune(ctx context.Context, db Querier, tenant uuid.UUID, keys []VerifyingKey, before time.Time) (Pruned, error) {
	s, err := openSource(ctx, db, tenant)
	if err != nil {
		return Pruned{}, err
	}
	p := Pruned{Tenant: tenant, Total: s.state.pruned.size}
	// Verifying walks the whole log; the end of the old part and its range are
	// noted on the way.
	var (
		cut    position
		prefix = s.state.pruned.clone()
		kept   = s.state.pruned.clone()
		l      leafer
		young  bool
		inner  = s.events
	)
	s.events = func(yield func(*record, error) bool) {
		for r, err := range inner {
			if err == nil && !young && prefix.size < s.state.size {
				if young = !time.UnixMicro(r.unixMicro()).Before(before); !young {
					if h, err := l.hash(r); err == nil {
						prefix.add(h)
						cut, kept = r.key(), prefix.clone()
					}
				}
			}
			if !yield(r, err) {
				return
			}
		}
	}
	verdict, err := verify(s, VerifyConfig{Keys: keys})
	if err != nil {
		return p, err
	}
	if !verdict.OK() {
		return p, fmt.Errorf("nothing is pruned from a log that does not verify: %s (run watertight audit verify)", verdict.Problems[0].Detail)
	}
	if kept.size == s.state.pruned.size {
		return p, nil
	}
	err = exec(ctx, db, "prune the log", sqlPrune, tenant, cut.epoch, strconv.FormatUint(cut.xid, 10), cut.id, int64(kept.size), kept.bytes())
	if err != nil {
		return p, err
	}
	p.Events, p.Total = kept.size-s.state.pruned.size, kept.size
	return p, nil
}

// Logs lists the tenants that have a sealed log, the platform's included.
func Logs(ctx context.Context, db Querier) ([]uuid.UUID, error) {
	rows, err := db.Query(ctx, sqlRetention, nil)
	if err != nil {
		return nil, clean("list the logs", err)
	}
	var (
		list []uuid.UUID
		t    uuid.UUID
		days int
	)
	_, err = pgx.ForEachRow(rows, []any{&t, &days}, func() error {
		list = append(list, t)
		return nil
	})
	if err != nil {
		return nil, clean("list the logs", err)
	}
	return list, nil
}

func retentionOf(ctx context.Context, db Querier, tenant uuid.UUID) (int, error) {
	rows, err := db.Query(ctx, sqlRetention, tenant)
	if err != nil {
		return 0, clean("read the retention", err)
	}
	days := 180
	var t uuid.UUID
	if _, err = pgx.ForEachRow(rows, []any{&t, &days}, func() error { return nil }); err != nil {
		return 0, clean("read the retention", err)
	}
	return days, nil
}

// Selection chooses events to redact: those in which a person acted, those
// that speak of a row, or both conditions together.
type Selection struct {
	Actor    string // an account's id, or an e-mail address
	Entity   string // with EntityID: one row's history
	EntityID string
}

// Redact erases personal data from sealed events and leaves the tree as it
// is: with actor, who acted and from where; with values, what changed and the
// reason. It returns how many events it changed. Events that are not sealed
// yet are left alone: seal first. The role needs watertight_privacy.
func Redact(ctx context.Context, db Querier, tenant uuid.UUID, sel Selection, actor, values bool) (int, error) {
	if sel == (Selection{}) {
		return 0, errors.New("nothing chosen to redact (name an actor or a row)")
	}
	if sel.EntityID != "" && sel.Entity == "" {
		return 0, errors.New("an entity id without its entity")
	}
	if !actor && !values {
		return 0, errors.New("nothing to redact (say whether the actor, the values, or both)")
	}
	rows, err := db.Query(ctx, sqlPerson, tenant, optional(sel.Actor), optional(sel.Entity), optional(sel.EntityID))
	if err != nil {
		return 0, clean("find the events", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return 0, clean("find the events", err)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	rows, err = db.Query(ctx, sqlRedact, tenant, ids, actor, values)
	if err != nil {
		return 0, clean("redact", err)
	}
	n, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[int64])
	if err != nil {
		return 0, clean("redact", err)
	}
	return int(n), nil
}

// Erase deletes the whole log of a tenant that is closing or gone. The
// platform's log keeps the final size and root. The role needs
// watertight_privacy.
func Erase(ctx context.Context, db Querier, tenant uuid.UUID) error {
	return exec(ctx, db, "erase the log", sqlErase, tenant)
}

// NewEpoch lets the sealer go on in a restored copy of the database, after an
// operator has compared it with the newest checkpoint held outside. The role
// needs watertight_sealer.
func NewEpoch(ctx context.Context, db Querier, why string) error {
	return exec(ctx, db, "begin a new epoch", sqlEpoch, why)
}

// exec runs a function of ours for its effect.
func exec(ctx context.Context, db Querier, doing, sql string, args ...any) error {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return clean(doing, err)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return clean(doing, err)
	}
	return nil
}
