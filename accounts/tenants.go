package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// Owner is the first person of a new tenant.
type Owner struct {
	UserID uuid.UUID // defaults to a new one; give the same id to work for several tenants
	Email  string
	Name   string
}

// CreateTenant makes a tenant and its owner. It runs in the caller's
// cross-tenant transaction.
func CreateTenant(ctx context.Context, c *crosstenant.Conn, name string, owner Owner) (tenancy.ID, uuid.UUID, error) {
	if strings.TrimSpace(name) == "" {
		return tenancy.ID{}, uuid.Nil, errors.New("the tenant has no name (give the customer's)")
	}
	if owner.UserID == uuid.Nil {
		owner.UserID = uuid.New()
	}
	t := tenancy.NewID()
	q := platform.New(c)
	if err := q.CreateTenant(ctx, t, name); err != nil {
		return tenancy.ID{}, uuid.Nil, fmt.Errorf("create tenant: %w", err)
	}
	err := q.AddFirstUser(ctx, t, owner.UserID, owner.Email, owner.Name, string(tenancy.RoleOwner))
	if err != nil {
		return tenancy.ID{}, uuid.Nil, fmt.Errorf("create the tenant's owner: %w", err)
	}
	return t, owner.UserID, nil
}

// SetTenantStatus suspends a tenant ("suspended"), marks it as closing
// ("closing"), or resumes it ("active"). Nobody is admitted to a tenant that is
// not active.
func SetTenantStatus(ctx context.Context, c *crosstenant.Conn, t tenancy.ID, status string) error {
	n, err := platform.New(c).SetTenantStatus(ctx, t, status)
	if err != nil {
		return fmt.Errorf("set the status of tenant %s: %w", t, err)
	}
	if n == 0 {
		return fmt.Errorf("set the status of tenant %s: there is no such tenant", t)
	}
	return nil
}

// AddUser registers a person with the scope's tenant in the given role. A
// person who works for several tenants keeps one id.
//
// Owners, admins and jobs may; only an owner makes another owner. Everybody
// else gets [tenancy.ErrForbidden].
func AddUser(ctx context.Context, db *tenancy.DB, s tenancy.Scope, user uuid.UUID, email, name string, role tenancy.Role) error {
	return db.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error {
		q := query.New(c)
		if err := q.AddUser(ctx, s.Tenant(), user, email, name); err != nil {
			return fmt.Errorf("add user: %w", err)
		}
		var err error
		if role == tenancy.RoleOwner {
			err = q.SetMembership(ctx, s.Tenant(), user, string(role), "active")
		} else {
			_, err = q.AddMembership(ctx, s.Tenant(), user, string(role))
		}
		if err != nil {
			return fmt.Errorf("add membership: %w", err)
		}
		return nil
	})
}
