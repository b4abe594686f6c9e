package tenancy

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/google/uuid"
)

// Scope is the proof that an actor was admitted to a tenant. Only [DB.Admit],
// [DB.AdmitJob] and package tenancy/unverified make one; the zero Scope is
// refused everywhere. It never changes and may be shared by goroutines.
//
// A Scope belongs to the DB that admitted it and to the request it was made
// for: it says what was true at the admission, so do not keep it longer.
type Scope struct {
	db     *DB
	tenant ID
	actor  Actor
	role   Role
	reach  reach
	// readOnly: Postgres is to refuse every write of this role.
	readOnly bool
	claims   string // the token's claims, encoded once per scope
}

// reach is how far a scope goes; only the zero value is reachable without
// package crosstenant or a job over all tenants.
type reach uint8

const (
	reachTenant reach = iota
	reachList         // may read the ids of active tenants, and no row
	reachAll          // package crosstenant
)

// Tenant returns the tenant that the actor was admitted to.
func (s Scope) Tenant() ID { return s.tenant }

// Actor returns who was admitted.
func (s Scope) Actor() Actor { return s.actor }

// Role returns the actor's role in the tenant.
func (s Scope) Role() Role { return s.role }

// IsZero reports whether s is no scope.
func (s Scope) IsZero() bool { return s.db == nil }

// claims of a token: who acts, for watertight.actor() and the audit log.
type claims struct {
	User    string `json:"user,omitempty"`
	Email   string `json:"email,omitempty"`
	IP      string `json:"ip,omitempty"`
	Kind    string `json:"kind"`
	Role    string `json:"role"`
	Version string `json:"version"`
	Request string `json:"request,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Grant   string `json:"grant,omitempty"`
}

func (db *DB) newScope(t ID, a Actor, role Role, r reach, reason string) Scope {
	return db.scopeOf(t, a, role, r, reason, uuid.Nil)
}

func (db *DB) scopeOf(t ID, a Actor, role Role, r reach, reason string, grant uuid.UUID) Scope {
	c := claims{
		Email: a.Email, Kind: a.Kind.String(), Role: string(role),
		Version: db.cfg.Version, Request: a.Request, Reason: reason,
	}
	if grant != uuid.Nil {
		c.Grant = grant.String()
	}
	if a.UserID != uuid.Nil {
		c.User = a.UserID.String()
	}
	if a.IP.IsValid() {
		c.IP = a.IP.String()
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic("tenancy: claims are strings only: " + err.Error())
	}
	return Scope{
		db: db, tenant: t, actor: a, role: role, reach: r,
		readOnly: role == RoleViewer || slices.Contains(db.cfg.ReadOnlyRoles, role),
		claims:   base64.StdEncoding.EncodeToString(text),
	}
}
