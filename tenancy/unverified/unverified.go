// Package unverified makes a [tenancy.Scope] without asking whether the actor
// is registered with the tenant. It is for a service behind a gateway that
// has verified that already, and for tests. Everything else about the scope is
// as usual: one tenant, both locks.
//
// Importing it is a decision that a reviewer should see: keep the import in
// one file, and let `watertight lint` allow it there only.
package unverified

import (
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/internal/gate"
)

// Scope returns a scope of the tenant for the actor in the given role, taken
// on the caller's word. The zero tenant is [tenancy.ErrNoTenant], a role that
// is none [tenancy.ErrNotAdmitted].
func Scope(db *tenancy.DB, a tenancy.Actor, t tenancy.ID, r tenancy.Role) (tenancy.Scope, error) {
	newScope := gate.NewScope.(func(*tenancy.DB, tenancy.Actor, tenancy.ID, tenancy.Role) (tenancy.Scope, error))
	return newScope(db, a, t, r)
}
