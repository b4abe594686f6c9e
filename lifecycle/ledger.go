package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/tenancy"
)

// The defaults of [ErasureConfig].
const (
	// ErasureDelay is how long after the end of a licence a tenant is erased:
	// what the vendors of such services promise is "within a month".
	ErasureDelay = 30 * 24 * time.Hour
	// BackupsKept is how long backups are taken to be kept.
	BackupsKept = 30 * 24 * time.Hour
)

// ErasureConfig of [DB.ScheduleErasure]. Reason is required.
type ErasureConfig struct {
	// Reason stands in the ledger, which outlives the tenant: name no person.
	Reason string

	// LicenceEnds is from when the delay is counted. Defaults to now.
	LicenceEnds time.Time

	// Delay after LicenceEnds. Defaults to [ErasureDelay].
	Delay time.Duration

	// Now erases without delay.
	Now bool

	// Backups is how long backups made until the erasure are kept. Defaults to
	// [BackupsKept].
	Backups time.Duration
}

// Erasure is a line of the ledger. It names no person of the tenant.
type Erasure struct {
	ID           uuid.UUID  `json:"id"`
	Tenant       tenancy.ID `json:"tenant_id"`
	Purpose      string     `json:"purpose"` // erase; move: the tenant lives on elsewhere
	State        string     `json:"state"`   // scheduled, running, done, cancelled
	AskedBy      string     `json:"asked_by"`
	Reason       string     `json:"reason"`
	AskedAt      time.Time  `json:"asked_at"`
	DueAt        time.Time  `json:"due_at"`
	StartedAt    *time.Time `json:"started_at,omitempty"`
	DoneAt       *time.Time `json:"done_at,omitempty"`
	Rows         int64      `json:"rows"`
	BackupsUntil *time.Time `json:"backups_until,omitempty"`
	was          string
}

// What stands in the way of an erasure.
var (
	ErrNotScheduled = errors.New("no erasure of the tenant is scheduled (watertight tenant erase schedules one)")
	ErrNotDue       = errors.New("the erasure is not due yet (wait, or schedule it anew with Now)")
	ErrTooLate      = errors.New("the erasure has begun and cannot be taken back (import the tenant's last export instead)")
)

const ledgerColumns = "id, tenant, purpose, state, asked_by, reason, asked_at, due_at, started_at, done_at, row_count, backups_until, was"

func scanErasure(row pgx.CollectableRow) (Erasure, error) {
	var e Erasure
	err := row.Scan(&e.ID, &e.Tenant, &e.Purpose, &e.State, &e.AskedBy, &e.Reason, &e.AskedAt, &e.DueAt, &e.StartedAt, &e.DoneAt, &e.Rows, &e.BackupsUntil, &e.was)
	return e, err
}

// ScheduleErasure closes a tenant to everybody at once and has it erased when
// it is due: 30 days after the end of the licence unless told otherwise. Until
// then [DB.CancelErasure] opens it again as it was. Scheduling once more only
// changes the date.
func (db *DB) ScheduleErasure(ctx context.Context, a tenancy.Actor, t tenancy.ID, cfg ErasureConfig) (Erasure, error) {
	due := time.Now()
	if !cfg.Now {
		if !cfg.LicenceEnds.IsZero() {
			due = cfg.LicenceEnds
		}
		if cfg.Delay == 0 {
			cfg.Delay = ErasureDelay
		}
		due = due.Add(cfg.Delay)
	}
	return db.schedule(ctx, a, t, "erase", due, cfg)
}

func (db *DB) schedule(ctx context.Context, a tenancy.Actor, t tenancy.ID, purpose string, due time.Time, cfg ErasureConfig) (Erasure, error) {
	if len(cfg.Reason) < 5 {
		return Erasure{}, errors.New("no reason given for the erasure (say why, for the ledger)")
	}
	if cfg.Backups == 0 {
		cfg.Backups = BackupsKept
	}
	by := a.Email
	if by == "" {
		by = a.UserID.String()
	}
	var out Erasure
	err := db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		var was string
		err := c.QueryRow(ctx, "select status from watertight.tenants where id = $1 for update", t).Scan(&was)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("%w: %s", ErrNoSuchTenant, t)
		}
		if err != nil {
			return fmt.Errorf("look up the tenant: %w", err)
		}
		rows, err := c.Query(ctx, "insert into watertight.erasure (tenant, purpose, asked_by, reason, due_at, backups_until, was) values ($1, $2, $3, $4, $5, $5::timestamptz + make_interval(secs => $6), $7) on conflict (tenant) where state in ('scheduled', 'running') do update set due_at = case when erasure.state = 'scheduled' then excluded.due_at else erasure.due_at end returning "+ledgerColumns,
			t, purpose, by, cfg.Reason, due, cfg.Backups.Seconds(), was)
		if err != nil {
			return fmt.Errorf("write the ledger: %w", err)
		}
		if out, err = pgx.CollectExactlyOneRow(rows, scanErasure); err != nil {
			return fmt.Errorf("write the ledger: %w", err)
		}
		if _, err := c.Exec(ctx, "update watertight.tenants set status = 'closing' where id = $1", t); err != nil {
			return fmt.Errorf("close the tenant: %w", err)
		}
		return note(ctx, c, "watertight.closing", map[string]any{"erasure": out.ID, "due": out.DueAt.UTC().Format(time.RFC3339)}, false)
	})
	return out, err
}

// CancelErasure takes a scheduled erasure back: the tenant is as open as it was
// before. One that has begun is [ErrTooLate].
func (db *DB) CancelErasure(ctx context.Context, a tenancy.Actor, t tenancy.ID) error {
	return db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		e, err := openErasure(ctx, c, t)
		if err != nil {
			return err
		}
		if e.State == "running" {
			return fmt.Errorf("%w: %s", ErrTooLate, t)
		}
		if _, err := c.Exec(ctx, "update watertight.erasure set state = 'cancelled' where id = $1", e.ID); err != nil {
			return fmt.Errorf("write the ledger: %w", err)
		}
		was := e.was
		if was == "closing" || was == "moving" {
			was = "suspended" // somebody looks at it before it opens
		}
		if _, err := c.Exec(ctx, "update watertight.tenants set status = $2 where id = $1", t, was); err != nil {
			return fmt.Errorf("open the tenant: %w", err)
		}
		return note(ctx, c, "watertight.reopened", map[string]any{"erasure": e.ID}, false)
	})
}

// openErasure returns the erasure that is scheduled or has begun, and locks it.
func openErasure(ctx context.Context, c *tenancy.Conn, t tenancy.ID) (Erasure, error) {
	rows, err := c.Query(ctx, "select "+ledgerColumns+" from watertight.erasure where tenant = $1 and state in ('scheduled', 'running') for update", t)
	if err != nil {
		return Erasure{}, fmt.Errorf("read the ledger: %w", err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, scanErasure)
	if errors.Is(err, pgx.ErrNoRows) {
		return Erasure{}, fmt.Errorf("%w: %s", ErrNotScheduled, t)
	}
	if err != nil {
		return Erasure{}, fmt.Errorf("read the ledger: %w", err)
	}
	return e, nil
}

// platform is a scope for the ledger, which belongs to no tenant: of a tenant
// that does not exist, so that it reaches no row of one.
func (db *DB) platform(ctx context.Context, a tenancy.Actor, fn func(context.Context, *tenancy.Conn) error) error {
	return db.read(ctx, a, tenancy.NewID(), fn)
}

// Ledger returns every erasure, oldest first. Keep a copy outside the database
// and its backups, see [DB.Replay].
func (db *DB) Ledger(ctx context.Context, a tenancy.Actor) ([]Erasure, error) {
	var out []Erasure
	err := db.platform(ctx, a, func(ctx context.Context, c *tenancy.Conn) error {
		rows, err := c.Query(ctx, "select "+ledgerColumns+" from watertight.erasure order by asked_at, id")
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, scanErasure)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return out, nil
}

// Due erases every tenant whose erasure is due, and goes on with those that
// were begun. An error of one does not keep the others from their turn.
func (db *DB) Due(ctx context.Context, a tenancy.Actor) ([]Erasure, error) {
	all, err := db.Ledger(ctx, a)
	if err != nil {
		return nil, err
	}
	var (
		out  []Erasure
		errs []error
	)
	for _, e := range all {
		if e.State != "running" && (e.State != "scheduled" || e.DueAt.After(time.Now())) {
			continue
		}
		done, err := db.Erase(ctx, a, e.Tenant)
		if err != nil {
			errs = append(errs, fmt.Errorf("tenant %s: %w", e.Tenant, err))
			continue
		}
		out = append(out, done)
	}
	return out, errors.Join(errs...)
}

// Replay erases again what the ledger says was erased: after a restore the
// database is as it was at the time of the backup, its own ledger too, so the
// lines come from a copy kept outside. It returns the tenants that had come
// back. Run it before the database is opened to anybody.
func (db *DB) Replay(ctx context.Context, a tenancy.Actor, ledger []Erasure) ([]tenancy.ID, error) {
	var (
		back []tenancy.ID
		errs []error
	)
	for _, e := range ledger {
		if e.State != "done" && e.State != "running" {
			continue
		}
		_, err := db.schedule(ctx, a, e.Tenant, e.Purpose, time.Now(), ErasureConfig{Reason: "replay of the ledger after a restore"})
		if errors.Is(err, ErrNoSuchTenant) {
			continue
		}
		if err == nil {
			_, err = db.Erase(ctx, a, e.Tenant)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("tenant %s: %w", e.Tenant, err))
			continue
		}
		back = append(back, e.Tenant)
	}
	return back, errors.Join(errs...)
}
