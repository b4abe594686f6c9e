package tenancy

import (
	"context"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/tenancy/internal/gate"
)

// roleLookup marks the context of a look-up before a tenant is known. The
// database tells it from that of a job over all tenants by this role.
const roleLookup Role = "lookup"

// What the packages below tenancy may do beyond this package's own API: make a
// scope without asking the registry, one over all tenants on a DB of the system
// role, a handle that names no tenant, one on which a read-only role's record
// can be written, and a DB of the role that works on closed tenants.
func init() {
	gate.NewScope = func(db *DB, a Actor, t ID, r Role) (Scope, error) {
		switch {
		case db == nil || t.IsZero():
			return Scope{}, ErrNoTenant
		case db.duty.support || a.Kind == KindSupport: // by a grant only
			return Scope{}, ErrNotAdmitted
		case db.duty.reach != reachTenant || !roleForm.MatchString(string(r)):
			return Scope{}, ErrNotAdmitted
		}
		return db.newScope(t, a, r, reachTenant, ""), nil
	}
	gate.NewCrossScope = func(db *DB, a Actor, reason string) Scope {
		if db == nil || db.duty.reach != reachAll {
			return Scope{}
		}
		return db.newScope(ID{}, a, RoleJob, reachAll, reason)
	}
	gate.Recording = func(c *Conn) *Conn {
		if c == nil || !c.scope.readOnly {
			return c
		}
		own := &Conn{db: c.db, scope: c.scope}
		own.scope.readOnly = false
		return own
	}
	gate.OpenSupport = func(ctx context.Context, url string, cfg Config) (*DB, error) {
		return openFor(ctx, url, cfg, supportDuty)
	}
	gate.AdmitSupport = (*DB).admitSupport
	gate.NewLookup = func(db *DB, job string) *Conn {
		if db == nil || db.duty.reach != reachTenant {
			return &Conn{}
		}
		return db.For(db.newScope(ID{}, Actor{Email: job, Kind: KindJob}, roleLookup, reachList, ""))
	}
	gate.OpenSystem = func(ctx context.Context, url string, cfg Config) (*DB, error) {
		return openFor(ctx, url, cfg, systemDuty)
	}
	gate.OpenCustody = func(ctx context.Context, url string, cfg Config, session map[string]string) (*DB, error) {
		d := custodyDuty
		d.session = session
		return openFor(ctx, url, cfg, d)
	}
}

// openFor opens a pool for another duty than a service's. No registry lets
// anybody in on it.
func openFor(ctx context.Context, url string, cfg Config, d duty) (*DB, error) {
	cfg.Registry = nobody{}
	return open(ctx, url, cfg, d)
}

type nobody struct{}

func (nobody) Member(context.Context, *Conn, uuid.UUID) (Role, error) { return "", ErrNotAdmitted }

func (nobody) Active(context.Context, *Conn) error { return ErrNotAdmitted }
