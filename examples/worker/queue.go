package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/watertight-go/watertight/tenancy"
)

// Schema is where River's tables lie.
const Schema = "queue"

// Args are the arguments of one kind of job. They name no tenant: the queue
// does. Kind is the job's name in River and in the audit log.
type Args interface{ Kind() string }

// job is what River stores.
type job[A Args] struct {
	Tenant tenancy.ID `json:"tenant"`
	Args   A          `json:"args"`
}

// Kind implements [river.JobArgs].
func (j job[A]) Kind() string { return j.Args.Kind() }

// Queue holds jobs of all tenants.
type Queue struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
}

// Open connects with the queue's own role and starts to work.
func Open(ctx context.Context, url string, workers *Workers) (*Queue, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, errors.New("the queue's URL cannot be read (write postgres://role@host:5432/database)")
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Schema: Schema, Workers: workers.river, Logger: workers.log,
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 10}},
	})
	if err == nil {
		err = client.Start(ctx)
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("start the queue: %w", err)
	}
	return &Queue{pool: pool, client: client}, nil
}

// Close lets the jobs that run end, and stops.
func (q *Queue) Close(ctx context.Context) error {
	defer q.pool.Close()
	return q.client.Stop(ctx)
}

// Enqueue asks for work in the tenant of the scope.
func Enqueue[A Args](ctx context.Context, q *Queue, s tenancy.Scope, args A) error {
	if s.IsZero() {
		return tenancy.ErrNoTenant
	}
	if _, err := q.client.Insert(ctx, job[A]{Tenant: s.Tenant(), Args: args}, nil); err != nil {
		return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
	}
	return nil
}

// Workers are the handlers, one for each kind of job.
type Workers struct {
	db    *tenancy.DB
	log   *slog.Logger
	river *river.Workers
}

// NewWorkers returns no handlers yet. db admits the jobs; what they fail of goes
// to the log.
func NewWorkers(db *tenancy.DB, log *slog.Logger) *Workers {
	return &Workers{db: db, log: log, river: river.NewWorkers()}
}

// Handle adds the handler of one kind of job. It gets the scope of the job's
// tenant, in the role job.
func Handle[A Args](w *Workers, fn func(ctx context.Context, s tenancy.Scope, args A) error) {
	river.AddWorker(w.river, &handler[A]{workers: w, fn: fn})
}

type handler[A Args] struct {
	river.WorkerDefaults[job[A]]
	workers *Workers
	fn      func(context.Context, tenancy.Scope, A) error
}

// What River's tables, which belong to no tenant, keep of a failure.
var (
	errClosed = errors.New("the tenant admits no jobs")
	errFailed = errors.New("the job failed (the log says why)")
)

// Work implements [river.Worker].
func (h *handler[A]) Work(ctx context.Context, j *river.Job[job[A]]) (err error) {
	fail := func(cause any) error {
		h.workers.log.ErrorContext(ctx, "job failed", "kind", j.Kind, "job", j.ID, "tenant", j.Args.Tenant, "attempt", j.Attempt, "error", cause)
		return errFailed
	}
	defer func() {
		// River would store what a panic says.
		if p := recover(); p != nil {
			err = fail(p)
		}
	}()
	scope, err := h.workers.db.AdmitJob(ctx, j.Args.Tenant, j.Kind)
	switch {
	case errors.Is(err, tenancy.ErrNotAdmitted), errors.Is(err, tenancy.ErrNoTenant):
		return river.JobCancel(errClosed)
	case err != nil:
		return fail(err)
	}
	if err := h.fn(ctx, scope, j.Args.Args); err != nil {
		return fail(err)
	}
	return nil
}
