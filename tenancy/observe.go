package tenancy

import "context"

// Operations that an [Observer] hears of.
const (
	OperationStatement   = "statement"   // what goes to the database in one flight: a statement or a batch
	OperationTransaction = "transaction" // all of a Tx or ReadTx
	OperationAdmission   = "admission"   // Admit or AdmitJob
)

// Operation is something that is done for a tenant. There is no SQL in it, no
// argument, no result and nothing of the connection, so that an observer cannot
// give away what it was not told.
type Operation struct {
	Kind       string // one of the constants above
	Tenant     ID     // zero for what is no tenant's
	Role       Role   // empty before the admission
	Actor      Kind
	Action     string // see WithAction; empty for a transaction
	Statements int    // in the flight
}

// Observer is told of every operation of a [DB]; package observe has one for
// OpenTelemetry. Begin is called before the operation, in its goroutine, and
// what it returns after its end, with its error: that which the caller gets, or
// nil. A statement that was refused before anything was sent begins and ends as
// well. The context that Begin returns is that of what happens inside, such as
// the statements of a transaction.
//
// Both calls stand in the way of every statement: they must be quick.
type Observer interface {
	Begin(ctx context.Context, op Operation) (context.Context, func(error))
}

// observe tells the observer, if there is one. The function that it returns
// tells of the end.
func (db *DB) observe(ctx context.Context, op Operation) (context.Context, func(error)) {
	if db.cfg.Observer == nil {
		return ctx, func(error) {}
	}
	return db.cfg.Observer.Begin(ctx, op)
}

// observed is observe for a flight on its way, nil without an observer: the
// hot path makes no closure.
func (c *Conn) observed(ctx context.Context, calls []call) func(error) {
	if c.db.cfg.Observer == nil {
		return nil
	}
	sql := ""
	if len(calls) > 0 {
		sql = calls[0].sql
	}
	_, end := c.db.cfg.Observer.Begin(ctx, c.operation(ctx, sql, len(calls)))
	return end
}

// refusedCall tells of a statement that was not sent, and returns its error.
func (c *Conn) refusedCall(ctx context.Context, sql string, err error) error {
	if c != nil && c.db != nil && c.db.cfg.Observer != nil {
		_, end := c.db.cfg.Observer.Begin(ctx, c.operation(ctx, sql, 1))
		end(err)
	}
	return err
}

func (c *Conn) operation(ctx context.Context, sql string, statements int) Operation {
	return Operation{
		Kind: OperationStatement, Tenant: c.scope.tenant, Role: c.scope.role, Actor: c.scope.actor.Kind,
		Action: actionOf(ctx, sql), Statements: statements,
	}
}
