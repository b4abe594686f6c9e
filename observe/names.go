package observe

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/tenancy"
)

// Names of errors, as they stand in error.type and in the reasons of the
// metrics. The text of an error never does.
var Names = []struct {
	Name string
	Err  error
}{
	{"tenant_mismatch", tenancy.ErrTenantMismatch},
	{"not_admitted", tenancy.ErrNotAdmitted},
	{"forbidden", tenancy.ErrForbidden},
	{"no_tenant", tenancy.ErrNoTenant},
	{"context_expired", tenancy.ErrContextExpired},
	{"context_invalid", tenancy.ErrContextInvalid},
	{"moving", tenancy.ErrMoving},
	{"unavailable", tenancy.ErrUnavailable},
	{"canceled", context.Canceled},
	{"deadline_exceeded", context.DeadlineExceeded},
	{"rolled_back", tenancy.ErrRolledBack},
	{"tx_done", tenancy.ErrTxDone},
	{"busy", tenancy.ErrBusy},
}

// nameOf is the error's name, its SQLSTATE, or "other".
func nameOf(err error) string {
	for _, n := range Names {
		if errors.Is(err, n.Err) {
			return n.Name
		}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && isState(pg.Code) {
		return pg.Code
	}
	return "other"
}

// isState: five of A-Z and 0-9. A function may raise any text as its SQLSTATE
// that has that form, and no other.
func isState(code string) bool {
	if len(code) != 5 {
		return false
	}
	for _, c := range code {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// contextFailures are the names that say that the database did not take the
// signed context.
var contextFailures = map[string]bool{"context_expired": true, "context_invalid": true}
