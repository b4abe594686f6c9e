package audit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// roleRefused is the role in the context that a refusal is recorded in. The
// database takes a record of a refusal in no other.
const roleRefused tenancy.Role = "refused"

// actionForbidden is the action of a query that was refused to a role.
const actionForbidden = "forbidden"

// forbidden are the details of such an event.
type forbidden struct {
	Role tenancy.Role `json:"role"`
}

// Refusals records what was refused, each in a transaction of its own. An
// attempt on a tenant stands in the platform's log with all that is known of the
// actor, and in the tenant's without his address unless the tenant knows the
// account. A query refused to a member's role stands in the tenant's log alone,
// as the action forbidden with the query and the role.
//
// A record takes a connection of the pool, also while the refused transaction
// holds one: MaxConns of 1 is too few.
//
//	refusals := &audit.Refusals{}
//	db, err := tenancy.Open(ctx, url, tenancy.Config{…, Refused: refusals.Record})
//	refusals.Use(db)
type Refusals struct {
	// PerMinute bounds how many attempts of one actor on one tenant are
	// recorded, so that nobody can fill a log by knocking. What is beyond is
	// counted, see Dropped. Defaults to 60.
	PerMinute int

	// Alert, if not nil, is told of every attempt, recorded or not.
	Alert func(context.Context, tenancy.Refusal)

	// Failed, if not nil, is told when an attempt could not be recorded.
	// Defaults to slog.
	Failed func(error)

	db      atomic.Pointer[tenancy.DB]
	dropped atomic.Int64

	mu     sync.Mutex
	minute time.Time
	seen   map[knock]int
}

type knock struct {
	user   uuid.UUID
	tenant tenancy.ID
}

// Use names the DB to record with: that of which Record is the hook.
func (r *Refusals) Use(db *tenancy.DB) { r.db.Store(db) }

// Dropped is how many attempts were over PerMinute since the start.
func (r *Refusals) Dropped() int64 { return r.dropped.Load() }

// recordTime bounds a record: the request that was refused has no more time.
const recordTime = 5 * time.Second

// Record is the hook for tenancy.Config.Refused.
func (r *Refusals) Record(ctx context.Context, refusal tenancy.Refusal) {
	if r.Alert != nil {
		r.Alert(ctx, refusal)
	}
	if !r.allow(refusal) {
		r.dropped.Add(1)
		return
	}
	if err := r.record(refusal); err != nil {
		if r.Failed != nil {
			r.Failed(err)
			return
		}
		slog.ErrorContext(ctx, "a refused attempt was not recorded", "error", err)
	}
}

func (r *Refusals) record(refusal tenancy.Refusal) error {
	db := r.db.Load()
	if db == nil {
		return tenancy.ErrTxDone
	}
	actor := refusal.Actor
	if actor.UserID == uuid.Nil && actor.Email == "" {
		actor.Email = "unknown" // an event needs an actor, this one gave none
	}
	scope, err := unverified.Scope(db, actor, refusal.Tenant, roleRefused)
	if err != nil {
		return err
	}
	// Not the request's context: the record must not depend on the attacker
	// waiting for the answer, nor on a transaction that he is in.
	ctx, cancel := context.WithTimeout(context.Background(), recordTime)
	defer cancel()
	if errors.Is(refusal.Err, tenancy.ErrForbidden) {
		return Log(ctx, db.For(scope), actionForbidden, "query", refusal.Query, forbidden{refusal.Role})
	}
	return query.New(db.For(scope)).AuditRefused(ctx, refusal.Tenant, actor.UserID)
}

func (r *Refusals) allow(refusal tenancy.Refusal) bool {
	limit := r.PerMinute
	if limit == 0 {
		limit = 60
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.seen == nil || now.Sub(r.minute) >= time.Minute {
		r.minute, r.seen = now, map[knock]int{}
	}
	k := knock{refusal.Actor.UserID, refusal.Tenant}
	r.seen[k]++
	return r.seen[k] <= limit
}
