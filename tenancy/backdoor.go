package tenancy

import (
	"context"

	"github.com/watertight-go/watertight/tenancy/internal/gate"
)

// What tenancy/unverified and tenancy/crosstenant may do beyond this package's
// own API: make a scope without asking the registry, and one over all tenants
// on a DB of the system role.
func init() {
	gate.NewScope = func(db *DB, a Actor, t ID, r Role) (Scope, error) {
		switch {
		case db == nil || t.IsZero():
			return Scope{}, ErrNoTenant
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
	gate.OpenSystem = func(ctx context.Context, url string, cfg Config) (*DB, error) {
		return open(ctx, url, cfg, systemDuty)
	}
}
