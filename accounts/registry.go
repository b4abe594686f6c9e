package accounts

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// Registry is the [tenancy.Registry] over Watertight's own tables. A member is
// admitted while the membership and the tenant are active.
type Registry struct{}

var _ tenancy.Registry = Registry{}

// Member returns the role of the user in the handle's tenant.
func (Registry) Member(ctx context.Context, c *tenancy.Conn, user uuid.UUID) (tenancy.Role, error) {
	role, err := query.New(c).MemberRole(ctx, c.Tenant(), user)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", tenancy.ErrNotAdmitted
	}
	if err != nil {
		return "", fmt.Errorf("look up the membership: %w", err)
	}
	return tenancy.Role(role), nil
}

// Active returns nil if the handle's tenant exists and is active.
func (Registry) Active(ctx context.Context, c *tenancy.Conn) error {
	_, err := query.New(c).TenantIsActive(ctx, c.Tenant())
	if errors.Is(err, pgx.ErrNoRows) {
		return tenancy.ErrNotAdmitted
	}
	if err != nil {
		return fmt.Errorf("look up the tenant: %w", err)
	}
	return nil
}
