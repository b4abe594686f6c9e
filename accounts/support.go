package accounts

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
	"github.com/watertight-go/watertight/tenancy/support"
)

// MaxSupportGrant is the longest that a grant of support access lasts. The
// table's constraint at_most_72_hours says the same.
const MaxSupportGrant = 72 * time.Hour

// SupportMode is what a grant allows.
type SupportMode string

// The modes of a grant.
const (
	SupportRead  SupportMode = "read"
	SupportWrite SupportMode = "write"
)

// ErrSupportGrant: no such grant, or one that was revoked before.
var ErrSupportGrant = errors.New("there is no such support grant to revoke (list them with SupportGrants)")

// SupportPerson is somebody of the platform's support, by name: there are no
// shared accounts.
type SupportPerson struct {
	ID    uuid.UUID
	Email string
	Name  string
}

// AddSupportPerson registers a person of the platform's support, whom tenants
// can then let in. It lets nobody in by itself.
func AddSupportPerson(ctx context.Context, c *crosstenant.Conn, p SupportPerson) error {
	if err := platform.New(c).AddSupportStaff(ctx, p.ID, p.Email, p.Name); err != nil {
		return fmt.Errorf("add a support person: %w", err)
	}
	return nil
}

// SetSupportPersonActive takes a person out of service, which ends every grant
// for him at once, or puts him back.
func SetSupportPersonActive(ctx context.Context, c *crosstenant.Conn, person uuid.UUID, active bool) error {
	n, err := platform.New(c).SetSupportStaffActive(ctx, person, active)
	if err != nil {
		return fmt.Errorf("set a support person's state: %w", err)
	}
	if n == 0 {
		return errors.New("there is no such support person (add one with AddSupportPerson)")
	}
	return nil
}

// SupportPeople lists whom the scope's tenant can let in.
func SupportPeople(ctx context.Context, db *tenancy.DB, s tenancy.Scope) ([]SupportPerson, error) {
	rows, err := query.New(db.For(s)).SupportStaff(ctx)
	if err != nil {
		return nil, fmt.Errorf("list support people: %w", err)
	}
	people := make([]SupportPerson, len(rows))
	for i, r := range rows {
		people[i] = SupportPerson{ID: r.ID, Email: r.Email, Name: r.Name}
	}
	return people, nil
}

// GrantSupport lets one support person into the scope's tenant, for life, at
// most [MaxSupportGrant]. The reason, 5 to 500 characters, is kept.
//
// Only an owner or an admin of the tenant can; the database checks it against
// the signed context. Others get [tenancy.ErrForbidden].
func GrantSupport(ctx context.Context, db *tenancy.DB, s tenancy.Scope, person uuid.UUID, mode SupportMode, reason string, life time.Duration) (grant uuid.UUID, expires time.Time, err error) {
	if life < time.Second || life > MaxSupportGrant {
		return uuid.Nil, time.Time{}, fmt.Errorf("a support grant cannot last %s (between a second and %s)", life, MaxSupportGrant)
	}
	if mode != SupportRead && mode != SupportWrite {
		return uuid.Nil, time.Time{}, errors.New("a support grant is for reading or for writing (use SupportRead or SupportWrite)")
	}
	grant = uuid.New()
	expires, err = query.New(db.For(s)).GrantSupport(ctx, s.Tenant(), grant, person, string(mode), reason, s.Actor().UserID, int32(life/time.Second))
	if err != nil {
		return uuid.Nil, time.Time{}, fmt.Errorf("grant support access: %w", err)
	}
	return grant, expires, nil
}

// RevokeSupport ends a grant at once, also for the statements still to come of
// a transaction that is open. Owners and admins can.
func RevokeSupport(ctx context.Context, db *tenancy.DB, s tenancy.Scope, grant uuid.UUID) error {
	by := s.Actor().UserID
	n, err := query.New(db.For(s)).RevokeSupport(ctx, s.Tenant(), grant, &by)
	if err != nil {
		return fmt.Errorf("revoke support access: %w", err)
	}
	if n == 0 {
		return ErrSupportGrant
	}
	return nil
}

// SupportGrant is one that a tenant made, live or over.
type SupportGrant struct {
	ID               uuid.UUID
	Person           SupportPerson
	Mode             SupportMode
	Reason           string
	By               uuid.UUID
	Created, Expires time.Time
	Revoked          time.Time // zero if it was not
}

// SupportGrants lists the grants of the scope's tenant, the newest first, for
// owners and admins.
func SupportGrants(ctx context.Context, db *tenancy.DB, s tenancy.Scope) ([]SupportGrant, error) {
	rows, err := query.New(db.For(s)).SupportGrants(ctx, s.Tenant())
	if err != nil {
		return nil, fmt.Errorf("list support grants: %w", err)
	}
	grants := make([]SupportGrant, len(rows))
	for i, r := range rows {
		grants[i] = SupportGrant{
			ID: r.ID, Person: SupportPerson{ID: r.StaffID, Email: r.Email, Name: r.Name}, Mode: SupportMode(r.Mode),
			Reason: r.Reason, By: r.GrantedBy, Created: r.CreatedAt, Expires: r.ExpiresAt,
		}
		if r.RevokedAt != nil {
			grants[i].Revoked = *r.RevokedAt
		}
	}
	return grants, nil
}

// SupportEvent is one thing that support did under a grant: a statement that it
// asked for, a row that it changed, an admission.
type SupportEvent struct {
	ID       int64 // the cursor of the next page
	At       time.Time
	Action   string
	Person   string // the e-mail address
	IP       netip.Addr
	Entity   string
	EntityID string
	Details  []byte // JSON: the statement, or what changed from what to what
}

// SupportActivity lists what was done under a grant of the scope's tenant, the
// newest first, at most page of them and those before the event `before`, 0 for
// the newest. Owners and admins can.
func SupportActivity(ctx context.Context, db *tenancy.DB, s tenancy.Scope, grant uuid.UUID, before int64, page int32) ([]SupportEvent, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	rows, err := query.New(db.For(s)).SupportActivity(ctx, s.Tenant(), &grant, before, page)
	if err != nil {
		return nil, fmt.Errorf("list what support did: %w", err)
	}
	events := make([]SupportEvent, len(rows))
	for i, r := range rows {
		events[i] = SupportEvent{ID: r.ID, At: r.At, Action: r.Action, Details: r.Diff, Entity: text(r.Entity), EntityID: text(r.EntityID), Person: text(r.ActorEmail)}
		if r.IP != nil {
			events[i].IP = *r.IP
		}
	}
	return events, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// AdmitSupport lets a support person in under a grant, on a DB of
// [support.Open]; see [support.Admit].
func AdmitSupport(ctx context.Context, db *tenancy.DB, a tenancy.Actor, t tenancy.ID, grant uuid.UUID) (tenancy.Scope, error) {
	return support.Admit(ctx, db, a, t, grant)
}
