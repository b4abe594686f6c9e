package accounts

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// ErrNoUser: the tenant has no such account, or it is an owner's and an admin
// wanted to remove it.
var ErrNoUser = errors.New("there is no such account to remove (an owner's can be removed by an owner only)")

// RemoveUser takes an account out of the scope's tenant, in one statement: the
// user, the membership, every session, every API key that he made, and every
// calendar connection with its credentials, by the foreign keys. So it happens
// as a whole or not at all, whenever the process is killed, and can be run
// again. Each row leaves its event in the audit log. The same person's accounts
// in other tenants stay.
//
// A token that was issued before is good until it expires. The tokens of his
// calendars wait for [Revocations] to tell their providers.
//
// Owners and jobs remove anybody, admins anybody but an owner. Others get
// [tenancy.ErrForbidden].
func RemoveUser(ctx context.Context, db *tenancy.DB, s tenancy.Scope, user uuid.UUID) error {
	q := query.New(db.For(s))
	remove := q.RemoveUser
	if s.Role() == tenancy.RoleAdmin {
		remove = q.RemoveMember
	}
	n, err := remove(ctx, s.Tenant(), user)
	if err != nil {
		return fmt.Errorf("remove an account: %w", err)
	}
	if n == 0 {
		return ErrNoUser
	}
	return nil
}
