package tenancy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// veiled is an error whose cause can be matched but does not show in its text,
// because it names the server or quotes an argument.
type veiled struct {
	public string
	causes []error
	unsent bool // there was no connection to send anything on
}

func (v *veiled) Error() string   { return v.public }
func (v *veiled) Unwrap() []error { return v.causes }

// SafeToRetry answers pgconn.SafeToRetry in place of the causes. When a
// connection breaks under a batch, pgx reports that it is closed, and takes that
// for an error of before anything was sent.
func (v *veiled) SafeToRetry() bool { return v.unsent }

// contextErrors are the names by which watertight's functions refuse a context,
// with what to do about it.
var contextErrors = map[string]struct {
	err    error
	remedy string
}{
	"watertight_context_missing": {ErrNoTenant, "use the handle of a scope"},
	"watertight_context_invalid": {ErrContextInvalid, "check that Config.Key is one of the database's live keys"},
	"watertight_context_expired": {ErrContextExpired, "check that the clocks of application and database agree"},
	"watertight_context_once":    {ErrContextInvalid, "one tenant for each transaction"},
	"watertight_tenant_moving":   {ErrMoving, "try again in a moment"},
	"watertight_tenant_closing":  {ErrNotAdmitted, "it is to be erased"},
}

const misfit = "an argument does not fit its parameter (compare the number and Go types of the arguments with the columns)"

// clean makes an error of pgx fit to be shown: a database error without the
// parts that quote rows, a connection error without the server's name.
func (db *DB) clean(err error) error {
	if err == nil || errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	var (
		pg     *pgconn.PgError
		unsafe *UnsafeError
	)
	switch {
	case errors.As(err, &unsafe):
		return unsafe
	case errors.As(err, &pg):
		return db.cleanPg(pg)
	case ended(err):
		cause := context.Canceled
		if errors.Is(err, context.DeadlineExceeded) {
			cause = context.DeadlineExceeded
		}
		return &veiled{public: cause.Error(), causes: []error{cause, err}}
	case unreachable(err):
		return &veiled{public: ErrUnavailable.Error(), causes: []error{ErrUnavailable, err}}
	case errors.Is(err, ErrNoTenant): // an ID that refused to be encoded
		return &veiled{public: ErrNoTenant.Error(), causes: []error{err}}
	}
	return err
}

// cleanConnect is clean for what went wrong while a connection was taken. What
// has no other name is that there was none.
func (db *DB) cleanConnect(err error) error {
	if unexplained(err) && !errors.As(err, new(*UnsafeError)) && !errors.Is(err, ErrPooler) {
		return &veiled{public: ErrUnavailable.Error(), causes: []error{ErrUnavailable, err}, unsent: true}
	}
	err = db.clean(err)
	if v, ok := err.(*veiled); ok { //nolint:errorlint // clean's own
		v.unsent = true
	}
	return err
}

// ended reports whether the context of the call was over.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// unreachable reports whether there was no connection, or it broke.
func unreachable(err error) bool {
	var (
		connect *pgconn.ConnectError
		network net.Error
	)
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.Timeout(err) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

func (db *DB) cleanPg(pg *pgconn.PgError) error {
	if !db.cfg.VerboseErrors {
		stripped := *pg
		stripped.Detail, stripped.Hint, stripped.Where, stripped.InternalQuery = "", "", "", ""
		stripped.InternalPosition = 0
		pg = &stripped
	}
	if pg.Code == "42501" {
		if named, ok := contextErrors[pg.ConstraintName]; ok {
			return &veiled{
				public: fmt.Sprintf("%s (%s)", pg.Message, named.remedy),
				causes: []error{named.err, pg},
			}
		}
	}
	if unavailable[pg.Code] {
		return &veiled{
			public: fmt.Sprintf("%v: SQLSTATE %s", ErrUnavailable, pg.Code),
			causes: []error{ErrUnavailable, pg},
		}
	}
	return pg
}

// unavailable are the ways in which a server says that it takes no statement
// now, or that it has ended the connection. Their messages name roles and
// databases.
var unavailable = map[string]bool{
	"57P01": true, // terminated by an administrator, or shutting down
	"57P02": true, // ended because another process crashed
	"57P03": true, // starting up, or in recovery
	"53300": true, // no connection left
	"25P03": true, // idle in its transaction for too long
}
