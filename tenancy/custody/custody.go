// Package custody opens one tenant to whoever hands it over as a whole: exports
// it, puts it back, erases it. It connects as another database role,
// watertight_lifecycle, which reaches a tenant also when it is closed to
// everybody else, and whose writes leave one event for the whole, not one for
// each row.
//
// The role is bound to its context's tenant like the application: the same
// comparison stands in its policies, so what runs here cannot read, write or
// delete a row of another tenant, whatever its statements say.
//
// Package lifecycle is built on it. A service that serves customers does not
// import it.
package custody

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/internal/gate"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// Role is the role of the scopes made here. A function of the schema,
// watertight.restoring(), asks for it together with the database role.
const Role tenancy.Role = "lifecycle"

// Editor is the role of scopes whose writes are ordinary ones, with an event
// for each row: one record that is put back, a correction.
const Editor tenancy.Role = "operator"

// Config of [Open]. Key is required.
type Config struct {
	// Key signs the context, see tenancy.Config.
	Key tenancy.ContextKey

	// MaxConns bounds the pool. Defaults to 4.
	MaxConns int32

	// AllowPlaintext and Version are as in tenancy.Config.
	AllowPlaintext bool
	Version        string
}

// session are settings that decide how PostgreSQL writes values as text, and
// that every transaction sees one snapshot: what is exported must read the same
// on any server, and as of one moment.
var session = map[string]string{
	"default_transaction_isolation":       "repeatable read",
	"datestyle":                           "ISO, YMD",
	"intervalstyle":                       "postgres",
	"timezone":                            "UTC",
	"extra_float_digits":                  "1",
	"bytea_output":                        "hex",
	"lc_monetary":                         "C",
	"xmloption":                           "content",
	"statement_timeout":                   "0",
	"idle_in_transaction_session_timeout": "0", // an export waits for whoever reads it
}

// Open connects as a member of watertight_lifecycle. It refuses the same unsafe
// roles, schemas and connections as [tenancy.Open]. Each transaction sees one
// snapshot (REPEATABLE READ). Connect directly, not through a pooler: it would
// refuse the settings that make values read the same everywhere.
func Open(ctx context.Context, url string, cfg Config) (*tenancy.DB, error) {
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 4
	}
	open := gate.OpenCustody.(func(context.Context, string, tenancy.Config, map[string]string) (*tenancy.DB, error))
	return open(ctx, url, tenancy.Config{
		Key: cfg.Key, MaxConns: cfg.MaxConns, Version: cfg.Version, AllowPlaintext: cfg.AllowPlaintext,
		// What goes wrong names the row for the operator, who may see it.
		VerboseErrors: true,
	}, session)
}

// Scope returns a scope of the tenant in which rows are put back or taken away
// as a whole. The actor's e-mail address, or his id, is required, for the log.
func Scope(db *tenancy.DB, a tenancy.Actor, t tenancy.ID) (tenancy.Scope, error) {
	return scope(db, a, t, Role)
}

// EditScope returns a scope of the tenant in which each changed row leaves its
// event, as if the application had changed it.
func EditScope(db *tenancy.DB, a tenancy.Actor, t tenancy.ID) (tenancy.Scope, error) {
	return scope(db, a, t, Editor)
}

func scope(db *tenancy.DB, a tenancy.Actor, t tenancy.ID, r tenancy.Role) (tenancy.Scope, error) {
	if a.Email == "" && a.UserID == uuid.Nil {
		return tenancy.Scope{}, errors.New("no actor given for work on a whole tenant (set Actor.Email to the person or the job)")
	}
	return unverified.Scope(db, a, t, r)
}
