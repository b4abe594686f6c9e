// Package registry shows how a team with its own users table says who is
// registered with which tenant: its own query, in the tenant's own handle.
package registry

import (
	"context"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/examples/registry/people"
	"github.com/watertight-go/watertight/tenancy"
)

// Registry is the tenancy.Registry over the team's own table app.staff. That
// there is no row, pgx.ErrNoRows, counts as not registered.
type Registry struct{}

// Member returns the person's job, which is his role.
func (Registry) Member(ctx context.Context, c *tenancy.Conn, user uuid.UUID) (tenancy.Role, error) {
	job, err := people.New(c).JobOf(ctx, c.Tenant(), user)
	return tenancy.Role(job), err
}

// Active reports whether jobs may work in the tenant.
func (Registry) Active(ctx context.Context, c *tenancy.Conn) error {
	_, err := people.New(c).IsActive(ctx, c.Tenant())
	return err
}
