// Package accounts is Watertight's own answer to who works for which tenant:
// the tables watertight.tenants, users and memberships.
//
// A person who works for two tenants has two rows in users, with one id, so
// nothing of an account is shared between tenants.
//
//	db, err := tenancy.Open(ctx, url, tenancy.Config{Key: key, Registry: accounts.Registry{}})
//
// A team with its own users table implements [tenancy.Registry] instead:
//
//	type registry struct{}
//
//	func (registry) Member(ctx context.Context, c *tenancy.Conn, user uuid.UUID) (tenancy.Role, error) {
//		role, err := app.New(c).RoleOf(ctx, c.Tenant(), user)
//		return tenancy.Role(role), err // pgx.ErrNoRows counts as not admitted
//	}
//
// examples/registry is such a team, and examples/worker its work in the
// background.
//
// Making and closing tenants is the platform's work, see [CreateTenant]; it
// needs tenancy/crosstenant. What happens inside a tenant needs only its scope.
package accounts
