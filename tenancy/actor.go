package tenancy

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"

	"github.com/google/uuid"
)

// Kind says what sort of actor works in a tenant.
type Kind uint8

// The kinds. The zero Kind is a user.
const (
	KindUser    Kind = iota // a signed-in person
	KindSupport             // a support administrator, on the customer's request
	KindJob                 // the application itself, see DB.AdmitJob
)

func (k Kind) String() string {
	switch k {
	case KindUser:
		return "user"
	case KindSupport:
		return "support"
	case KindJob:
		return "job"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Role is what an actor may do in a tenant. A team may have its own beside
// these; a role is 1 to 32 characters of a-z, 0-9, - and _.
type Role string

// The usual roles.
const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
	RoleViewer Role = "viewer"
	RoleJob    Role = "job" // what AdmitJob gives

	// RoleSupport is what a grant of support access gives, see tenancy/support.
	RoleSupport Role = "support"
)

var roleForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// Actor is whoever caused an operation, already identified by the caller: by a
// session, a token, a certificate. The audit log records all of it.
type Actor struct {
	UserID  uuid.UUID  // the account; required unless Kind is KindJob
	Email   string     // of the signed-in person
	IP      netip.Addr // where the request came from; zero when there is no request
	Kind    Kind
	Request string // an id that leads back to the request's trace or log lines
}

// Registry answers who is registered with a tenant. Package accounts has the
// one for Watertight's own tables; a team with its own users table writes one
// around its own queries. Both methods get a handle of the tenant in question,
// so the queries behind them are scoped like any other.
type Registry interface {
	// Member returns the role of an account in the handle's tenant, and
	// ErrNotAdmitted if it has none or the tenant is not active.
	Member(ctx context.Context, c *Conn, user uuid.UUID) (Role, error)

	// Active returns ErrNotAdmitted unless the handle's tenant exists and is
	// active.
	Active(ctx context.Context, c *Conn) error
}

// Refusal tells of an actor who asked for a tenant and was not admitted, or who
// was admitted and asked for a query that his role may not run.
type Refusal struct {
	Actor  Actor
	Tenant ID
	Role   Role   // the admitted actor's; empty if he was not admitted
	Query  string // the query's name; empty if he was not admitted
	Err    error  // matches ErrNotAdmitted or ErrForbidden
}
