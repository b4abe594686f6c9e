package tenancy

import (
	"errors"
	"strings"
)

// Errors that callers branch on; match them with [errors.Is]. No text carries
// a key, a connection string or a value of another tenant.
var (
	// ErrNoTenant: the zero ID, the zero Scope, or a context that names no tenant.
	ErrNoTenant = errors.New("no tenant (admit the actor to a tenant first)")

	// ErrTenantMismatch: a tenant ID in the arguments is not the handle's
	// tenant. Nothing was sent to the database.
	ErrTenantMismatch = errors.New("an argument names another tenant than the handle (pass scope.Tenant(), and one handle per tenant)")

	// ErrNotAdmitted: the account is not registered with the tenant.
	ErrNotAdmitted = errors.New("the account is not registered with this tenant (sign in to the tenant, or ask its owner for a membership)")

	// ErrMoving: the tenant is on its way to another database and closed for that
	// time. Nothing was written; the same call succeeds there in a moment.
	ErrMoving = errors.New("the tenant is being moved (try again in a moment)")

	// ErrForbidden: the actor's role does not allow the operation.
	ErrForbidden = errors.New("the role does not allow this operation (ask an owner of the tenant for the role)")

	// ErrUnsafeRole: the database role can pass by row-level security.
	ErrUnsafeRole = errors.New("the database role can pass by row-level security")

	// ErrUnsafeSchema: a tenant table is not protected, or the watertight
	// schema is not installed.
	ErrUnsafeSchema = errors.New("the database schema does not protect its tenants")

	// ErrPooler: a pooler stands between the application and the database, in a
	// way that Config.Binding does not allow for.
	ErrPooler = errors.New("a pooler stands between the application and the database")

	// ErrPlaintext: the connection would cross a network unencrypted.
	ErrPlaintext = errors.New("the connection would not be encrypted (add sslmode=verify-full to the URL)")

	// ErrContextInvalid: Postgres refused the tenant context as malformed,
	// forged, or made for another session.
	ErrContextInvalid = errors.New("the database refused the tenant context")

	// ErrContextExpired: the tenant context was older than its 60 seconds when
	// its transaction began.
	ErrContextExpired = errors.New("the tenant context had expired")

	// ErrTxDone: the handle outlived its transaction or its DB.
	ErrTxDone = errors.New("the handle's transaction has ended (take a new handle from DB.For or DB.Tx)")

	// ErrStatement: a statement that the handle does not carry: anything but
	// SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, TABLE and WITH.
	ErrStatement = errors.New("the handle carries SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, TABLE and WITH only")

	// ErrBusy: another result of the same handle is still being read.
	ErrBusy = errors.New("the transaction is still reading another result (close the rows before the next statement)")

	// ErrRolledBack: the function returned nil but a statement in its
	// transaction had failed, so Postgres rolled the transaction back.
	ErrRolledBack = errors.New("a statement of the transaction had failed: nothing was written (return the error of the statement)")

	// ErrCommitUnknown: a transaction's commit was sent and its answer did not
	// arrive, because the connection broke or the context ended. All of it was
	// written, or nothing. It is never tried again by itself.
	ErrCommitUnknown = errors.New("the commit's answer is missing, so it is not known whether the transaction was written (look for what it would have written before running it again)")

	// ErrProtocol: what came back from the database was no answer to what was
	// asked: a proxy or pooler garbled it, or sent somebody else's. Nothing of it
	// was used, and the connection was closed. What was written is not known.
	ErrProtocol = errors.New("the database's answer does not belong to the question (look for a proxy or pooler in between that mixes connections up, and use TLS from end to end)")

	// ErrUnavailable: no connection could be made or it broke, or the server is
	// starting, ending, or has no connection left. The cause's
	// text is withheld because it names host, user and database.
	ErrUnavailable = errors.New("the database cannot be reached (check that it runs, the address, and that the role may log in)")
)

// UnsafeError is what [Open] returns when it refuses a database: every reason
// at once, so that one round of repairs is enough. It matches [ErrUnsafeRole]
// or [ErrUnsafeSchema].
type UnsafeError struct {
	Kind    error    // ErrUnsafeRole or ErrUnsafeSchema
	Reasons []string // one sentence each, naming the object and the remedy
}

func (e *UnsafeError) Error() string {
	return e.Kind.Error() + ": " + strings.Join(e.Reasons, "; ")
}

func (e *UnsafeError) Unwrap() error { return e.Kind }
