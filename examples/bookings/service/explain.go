package service

import (
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/tenancy"
)

// InputError says what is wrong with a field that somebody filled in.
type InputError struct{ Field, Text string }

func (e *InputError) Error() string { return e.Field + ": " + e.Text }

// Problem is what the sender of a request is told. It gives nothing away: of
// another tenant's row it says what it says of none.
type Problem struct {
	Status int    `json:"-"`
	Text   string `json:"error"`
	Field  string `json:"field,omitempty"` // of the form, if one is at fault
}

// The answers that have one text each, whatever the reason.
var (
	notFound     = Problem{http.StatusNotFound, "There is nothing here by that id.", ""}
	forbidden    = Problem{http.StatusForbidden, "Your role does not allow this.", ""}
	notAdmitted  = Problem{http.StatusForbidden, "Your account is not registered with this customer.", ""}
	signInFailed = Problem{http.StatusUnauthorized, "The sign-in failed. Check the address and the password.", ""}
	tooMany      = Problem{http.StatusTooManyRequests, "Too many attempts. Try again in a minute.", ""}
	unavailable  = Problem{http.StatusServiceUnavailable, "The service is busy. Try again in a moment.", ""}
	tooLarge     = Problem{http.StatusRequestEntityTooLarge, "The file is too large.", "file"}
	noCalendars  = Problem{http.StatusConflict, "Your plan has no calendar connections.", ""}
	unexpected   = Problem{http.StatusInternalServerError, "Something went wrong. It has been noted.", ""}
)

// sentences are the errors that mean one thing to whoever sent the request.
var sentences = []struct {
	err error
	Problem
}{
	{ErrNotFound, notFound},
	{pgx.ErrNoRows, notFound},
	{files.ErrNotFound, notFound},
	{accounts.ErrNoConnection, notFound},
	{accounts.ErrNoUser, notFound},
	{accounts.ErrSupportGrant, notFound},
	{tenancy.ErrForbidden, forbidden},
	{tenancy.ErrNotAdmitted, notAdmitted},
	{accounts.ErrSignIn, signInFailed},
	{accounts.ErrLimited, tooMany},
	{crypto.ErrBusy, unavailable},
	{tenancy.ErrUnavailable, unavailable},
	{tenancy.ErrMoving, unavailable},
	{files.ErrTooLarge, tooLarge},
	{files.ErrQuota, Problem{http.StatusRequestEntityTooLarge, "There is no room left for the file.", "file"}},
	{accounts.ErrNoCalendars, noCalendars},
	{audit.ErrCursor, Problem{http.StatusUnprocessableEntity, "There is no such page.", "after"}},
}

// constraints are what the database checks for every writer.
var constraints = map[string]Problem{
	"room_is_free":                       {http.StatusConflict, "The room is taken at that time.", "starts_at"},
	"room_name":                          {http.StatusConflict, "There is a room of that name already.", "name"},
	"room_exists":                        {http.StatusUnprocessableEntity, "Choose a room.", "room"},
	"appointment_exists":                 notFound,
	"calendar_connections_account":       {http.StatusConflict, "This calendar is connected already.", "account"},
	"users_email":                        {http.StatusConflict, "Somebody has this address already.", "email"},
	"memberships_tenant_id_user_id_fkey": notFound,
	"support_grants_staff_id_fkey":       {http.StatusUnprocessableEntity, "Choose a person.", "person"},
}

// Explain turns an error into an answer. The second result says that nobody
// expected it: log it.
func Explain(err error) (p Problem, unforeseen bool) {
	if wrong, ok := errors.AsType[*InputError](err); ok {
		return Problem{http.StatusUnprocessableEntity, wrong.Text, wrong.Field}, false
	}
	if weak, ok := errors.AsType[*crypto.PolicyError](err); ok {
		return Problem{http.StatusUnprocessableEntity, weak.Reason, "password"}, false
	}
	for _, s := range sentences {
		if errors.Is(err, s.err) {
			return s.Problem, false
		}
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return explainDatabase(pg)
	}
	return unexpected, true
}

func explainDatabase(pg *pgconn.PgError) (Problem, bool) {
	const readOnly, check = "25006", "23514"
	if p, ok := constraints[pg.ConstraintName]; ok {
		return p, false
	}
	switch pg.Code {
	case readOnly: // a viewer's transaction
		return forbidden, false
	case check:
		return Problem{http.StatusUnprocessableEntity, "A value is out of range.", ""}, false
	}
	return unexpected, true
}
