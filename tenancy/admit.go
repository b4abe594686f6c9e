package tenancy

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Admit checks with the [Registry] that the actor's account is registered with
// the tenant, and returns the scope in which it may work there. An account
// that is not is refused with [ErrNotAdmitted], whatever the reason: the
// answer does not tell whether the tenant exists. Config.Refused hears of it.
//
// Admit costs one round trip. Call it once a request, where the identity has
// just been verified; it does not verify it.
func (db *DB) Admit(ctx context.Context, a Actor, t ID) (Scope, error) {
	ctx, ended := db.observe(ctx, Operation{Kind: OperationAdmission, Tenant: t, Actor: a.Kind, Action: "admit"})
	s, err := db.admit(ctx, a, t)
	ended(err)
	return s, err
}

func (db *DB) admit(ctx context.Context, a Actor, t ID) (Scope, error) {
	if t.IsZero() {
		return Scope{}, ErrNoTenant
	}
	if a.Kind != KindUser || a.UserID == uuid.Nil || db.duty.support {
		return Scope{}, db.refuse(ctx, a, t, ErrNotAdmitted)
	}
	provisional := db.newScope(t, a, "", reachTenant, "")
	role, err := db.cfg.Registry.Member(WithAction(ctx, "admit"), db.For(provisional), a.UserID)
	if err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			err = ErrNotAdmitted
		}
		return Scope{}, db.refuse(ctx, a, t, err)
	}
	if !roleForm.MatchString(string(role)) {
		return Scope{}, db.refuse(ctx, a, t, fmt.Errorf("%w: the registry gave a role that is not one (a-z, 0-9, - and _)", ErrNotAdmitted))
	}
	return db.newScope(t, a, role, reachTenant, ""), nil
}

// Refuse reports an actor who asked for a tenant and was turned away before
// [DB.Admit] was asked: his session is bound to another one, say. It returns
// [ErrNotAdmitted], and Config.Refused hears of it as of any other.
func (db *DB) Refuse(ctx context.Context, a Actor, t ID) error {
	return db.refuse(ctx, a, t, ErrNotAdmitted)
}

// refuse reports a refusal and returns its error. What is no refusal, such as
// a broken connection, is only returned.
func (db *DB) refuse(ctx context.Context, a Actor, t ID, err error) error {
	if errors.Is(err, ErrNotAdmitted) && db.cfg.Refused != nil {
		db.cfg.Refused(ctx, Refusal{Actor: a, Tenant: t, Err: err})
	}
	return err
}

// AdmitJob returns a scope for work of the application itself in one tenant: a
// queue's worker, a nightly report. The job's name stands in the audit log
// where a person's e-mail would, beginning with an event of the admission itself.
// A tenant that does not exist or is not active is [ErrNotAdmitted].
func (db *DB) AdmitJob(ctx context.Context, t ID, job string) (Scope, error) {
	ctx, ended := db.observe(ctx, Operation{Kind: OperationAdmission, Tenant: t, Actor: KindJob, Action: job})
	s, err := db.admitJob(ctx, t, job)
	ended(err)
	return s, err
}

func (db *DB) admitJob(ctx context.Context, t ID, job string) (Scope, error) {
	if t.IsZero() {
		return Scope{}, ErrNoTenant
	}
	if job == "" {
		return Scope{}, errors.New("the job has no name (name it, for the audit log)")
	}
	a := Actor{Email: job, Kind: KindJob}
	scope := db.newScope(t, a, RoleJob, reachTenant, "")
	if err := db.cfg.Registry.Active(WithAction(ctx, "admit"), db.For(scope)); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			err = ErrNotAdmitted
		}
		return Scope{}, db.refuse(ctx, a, t, err)
	}
	if err := db.For(scope).execOwn(WithAction(ctx, "admit"), sqlJobAdmitted); err != nil {
		return Scope{}, fmt.Errorf("record the job's admission: %w", err)
	}
	return scope, nil
}

// tenantPage is how many ids EachTenant fetches at a time.
const tenantPage = 500

// EachTenant runs fn for every active tenant of watertight.tenants, one after
// the other, each in a scope and a transaction of its own. An error of one
// tenant does not keep the others from their turn; the errors are joined, each
// headed by its tenant. It stops when ctx ends.
func (db *DB) EachTenant(ctx context.Context, job string, fn func(context.Context, Scope, *Conn) error) error {
	if job == "" {
		return errors.New("the job has no name (name it, for the audit log)")
	}
	a := Actor{Email: job, Kind: KindJob}
	list := db.For(db.newScope(ID{}, a, RoleJob, reachList, ""))
	var (
		after *uuid.UUID
		errs  []error
	)
	for {
		rows, err := list.queryOwn(ctx, sqlTenantIDs, after, tenantPage)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[ID])
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, t := range ids {
			scope := db.newScope(t, a, RoleJob, reachTenant, "")
			err := db.Tx(ctx, scope, func(ctx context.Context, c *Conn) error {
				if err := c.execOwn(WithAction(ctx, job), sqlJobAdmitted); err != nil {
					return fmt.Errorf("record the job's admission: %w", err)
				}
				return fn(ctx, scope, c)
			})
			if err != nil {
				errs = append(errs, fmt.Errorf("tenant %s: %w", t, err))
			}
			if ctx.Err() != nil {
				return errors.Join(append(errs, ctx.Err())...)
			}
		}
		if len(ids) < tenantPage {
			return errors.Join(errs...)
		}
		last := ids[len(ids)-1].UUID()
		after = &last
	}
}
