// Package worker shows background work with River
// (github.com/riverqueue/river): the tenant travels in the job, and the worker
// is let into that tenant and no other.
//
//	workers := worker.NewWorkers(db, slog.Default())
//	worker.Handle(workers, func(ctx context.Context, s tenancy.Scope, args Reminder) error {
//		return store.New(db.For(s)).SendReminder(ctx, s.Tenant(), args.Booking)
//	})
//	queue, err := worker.Open(ctx, queueURL, workers)
//
//	// In a request:
//	err := worker.Enqueue(ctx, queue, scope, Reminder{Booking: id})
//
// Enqueue takes the scope of whoever asks for the work, so a job without a
// tenant does not compile, and one of another tenant cannot be asked for. River
// stores the tenant's id beside the arguments. When the job's turn comes the
// registry is asked with DB.AdmitJob, which leaves an event in the tenant's log;
// a job of a tenant that is closed meanwhile is cancelled.
//
// # River's tables
//
// They are the platform's: one queue holds the jobs of all tenants, and no
// column of them is a tenant's. So they lie in a schema of their own, and only
// the queue's role reaches them (grants.sql); the application's role, with which
// requests and jobs read customers' rows, has no right there, and the queue's
// role has none on tenants' tables. A new table of a River upgrade is closed
// until grants.sql has run again. watertight inspect has nothing to say of that.
//
// For the same reason write ids into arguments, never customers' data, and
// expect no error text in River's tables: what a handler returns is logged, and
// River keeps a constant.
//
// # Limits
//
// The job is inserted on the queue's own connection, so not in the transaction
// of the work that asks for it: enqueue after that has committed, and let the
// handler find out whether there is still something to do. River runs a job at
// least once.
package worker
