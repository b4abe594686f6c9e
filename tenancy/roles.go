package tenancy

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// AnyRole in a list of roles stands for every role.
const AnyRole Role = "any"

// QueryRoles says who may run one generated query. The plugin of sqlc writes
// them into db.go from the watertight:roles comments; nobody does by hand.
type QueryRoles struct {
	Query string             // its name, for the error and the audit log
	SQL   string             // its text as sent; empty for a :copyfrom query
	Rows  pgx.CopyFromSource // a :copyfrom query's source, of a type that only this query has
	Roles []Role             // AnyRole for all; none for nobody
}

// DeclareRoles makes the handles of every [DB] refuse the queries to other
// roles, with [ErrForbidden] and before anything is sent.
//
// The table belongs to the process and is looked up by the text that is about
// to be sent, so there is no handle, transaction, batch or Queries value that a
// query could be passed through to escape it. A declaration can only narrow:
// a text declared twice may be run by the roles that both lists have.
func DeclareRoles(list ...QueryRoles) {
	declaring.Lock()
	defer declaring.Unlock()
	next := &declarations{bySQL: map[string]*permission{}, byRows: map[reflect.Type]*permission{}}
	if old := declared.Load(); old != nil {
		maps.Copy(next.bySQL, old.bySQL)
		maps.Copy(next.byRows, old.byRows)
	}
	for _, q := range list {
		p := &permission{query: q.Query, roles: slices.Clone(q.Roles)}
		switch {
		case q.Rows != nil:
			t := reflect.TypeOf(q.Rows)
			next.byRows[t] = p.narrow(next.byRows[t])
		case q.SQL != "":
			next.bySQL[q.SQL] = p.narrow(next.bySQL[q.SQL])
		default:
			panic("tenancy: query " + q.Query + " is declared without its text")
		}
	}
	declared.Store(next)
}

type declarations struct {
	bySQL  map[string]*permission
	byRows map[reflect.Type]*permission
}

var (
	declaring sync.Mutex // one writer at a time
	declared  atomic.Pointer[declarations]
)

// permission is who may run one query.
type permission struct {
	query string
	roles []Role
}

func (p *permission) allows(r Role) bool {
	return slices.Contains(p.roles, r) || slices.Contains(p.roles, AnyRole)
}

// narrow keeps of p's roles those that the earlier declaration has too.
func (p *permission) narrow(earlier *permission) *permission {
	switch {
	case earlier == nil || slices.Contains(earlier.roles, AnyRole):
	case slices.Contains(p.roles, AnyRole):
		p.roles = earlier.roles
	default:
		p.roles = slices.DeleteFunc(p.roles, func(r Role) bool { return !slices.Contains(earlier.roles, r) })
	}
	return p
}

// permit refuses a statement that the scope's role may not run.
func (c *Conn) permit(ctx context.Context, sql string) error {
	d := declared.Load()
	if d == nil {
		return c.permitted(ctx, nil, sql)
	}
	return c.permitted(ctx, d.bySQL[sql], sql)
}

// permitRows is permit for CopyFrom.
func (c *Conn) permitRows(ctx context.Context, src pgx.CopyFromSource) error {
	d := declared.Load()
	if d == nil {
		return c.permitted(ctx, nil, "")
	}
	return c.permitted(ctx, d.byRows[reflect.TypeOf(src)], "")
}

func (c *Conn) permitted(ctx context.Context, p *permission, sql string) error {
	switch {
	case c.scope.reach != reachTenant:
		return nil // roles are a tenant's; package crosstenant has its own role and its own record
	case c.scope.role == "":
		return nil // the registry is being asked for the role
	case p != nil:
		if p.allows(c.scope.role) {
			return nil
		}
		return c.forbid(ctx, p.query)
	case c.db.cfg.UnlistedRoles == nil || slices.Contains(c.db.cfg.UnlistedRoles, c.scope.role):
		return nil
	}
	return c.forbid(ctx, actionOf(ctx, sql))
}

// forbid reports the refusal and returns its error.
func (c *Conn) forbid(ctx context.Context, query string) error {
	s := &c.scope
	if c.db.cfg.Refused != nil {
		c.db.cfg.Refused(ctx, Refusal{Actor: s.actor, Tenant: s.tenant, Role: s.role, Query: query, Err: ErrForbidden})
	}
	return fmt.Errorf("query %s as %s: %w", query, s.role, ErrForbidden)
}
