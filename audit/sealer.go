package audit

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed sql/unsealed.sql
var sqlUnsealed string

//go:embed sql/bound.sql
var sqlBound string

//go:embed sql/heads.sql
var sqlHeads string

const (
	sqlSealBegin = "select epoch, low::text, high::text from watertight.audit_seal_begin()"
	sqlTrees     = "select tenant_id, size, range from watertight.audit_tree where tenant_id = any ($1)"
	sqlSealEnd   = "select watertight.audit_seal_end($1::text::xid8, $2::text::xid8, $3, $4, $5, $6, $7)"
)

// ErrRestored: the database is a restored copy, in which transaction ids began
// anew. The log stays as it is until an operator begins a new epoch.
var ErrRestored = errors.New("the database was restored from elsewhere since its log was last sealed (compare the newest checkpoint held outside, then run watertight audit epoch)")

// SealerConfig of [OpenSealer]. Keys is required.
type SealerConfig struct {
	// Keys sign every checkpoint, the first one naming the log. A second one is
	// for rotation: sign with both for as long as checkpoints are kept.
	Keys []SigningKey

	// Anchors keep checkpoints outside the database. Without one, a superuser
	// could cut off the end of the log together with its checkpoints, and
	// nobody could tell.
	Anchors []Anchor

	// Interval between rounds. Defaults to one second: an event can be removed
	// without a trace, by a superuser, until it is sealed.
	Interval time.Duration

	// PublishEvery is how often the checkpoints of logs that grew go to the
	// anchors. Defaults to one minute.
	PublishEvery time.Duration

	// Heartbeat is how often the checkpoints of all logs go to the anchors,
	// also when nothing happened. Defaults to one hour.
	Heartbeat time.Duration

	// MaxEvents bounds the memory of one round: 32 bytes an event. Defaults to
	// 200,000.
	MaxEvents int

	// Sealed, if not nil, is told of every round, for metrics and alerts.
	Sealed func(Round)

	// Failed, if not nil, is told of every error of Run, which then goes on.
	// Defaults to slog.
	Failed func(error)

	// Tracer is pgx's, for OpenTelemetry and the like.
	Tracer pgx.QueryTracer
}

// Round says what one round sealed.
type Round struct {
	Events  int
	Tenants int
	Lag     time.Duration // the age of the oldest event of the round
	Took    time.Duration
	More    bool // the round was full: there is more to seal at once
}

// Sealer appends what was committed to the trees and signs their heads. Any
// number of processes may run one: the database lets one at a time work.
type Sealer struct {
	cfg   SealerConfig
	pool  *pgxpool.Pool
	dirty map[uuid.UUID][]byte // checkpoints that are not published yet
	ended time.Time            // when the last round was stored

	// step is called between the steps of a round; tests crash there.
	step func(name string) error
}

// OpenSealer connects as a member of watertight_sealer.
func OpenSealer(ctx context.Context, url string, cfg SealerConfig) (*Sealer, error) {
	if len(cfg.Keys) == 0 {
		return nil, errors.New("audit.SealerConfig: Keys is empty (make one with watertight audit keygen)")
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&cfg.Interval, time.Second}, {&cfg.PublishEvery, time.Minute}, {&cfg.Heartbeat, time.Hour}} {
		if *d.field < 0 {
			return nil, errors.New("audit.SealerConfig: an interval is negative")
		}
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if cfg.MaxEvents <= 0 {
		cfg.MaxEvents = 200_000
	}
	if cfg.Failed == nil {
		cfg.Failed = func(err error) { slog.ErrorContext(ctx, "audit sealer", "error", err) }
	}
	pc, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	pc.MaxConns = 2
	pc.ConnConfig.Tracer = cfg.Tracer
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, errURL
	}
	return &Sealer{cfg: cfg, pool: pool, dirty: map[uuid.UUID][]byte{}, step: func(string) error { return nil }}, nil
}

var errURL = errors.New("the database URL cannot be read (write postgres://user@host:5432/database)")

// Close ends the connections.
func (s *Sealer) Close() { s.pool.Close() }

// Run seals until ctx ends, and publishes. It returns the error of ctx, or
// [ErrRestored], which does not go away by itself; any other goes to Failed.
func (s *Sealer) Run(ctx context.Context) error {
	round := time.NewTimer(0)
	publish := time.NewTicker(s.cfg.PublishEvery)
	beat := time.NewTicker(s.cfg.Heartbeat)
	defer round.Stop()
	defer publish.Stop()
	defer beat.Stop()
	if err := s.Heartbeat(ctx); err != nil && ctx.Err() == nil {
		s.cfg.Failed(err)
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-publish.C:
			err = s.Publish(ctx)
		case <-beat.C:
			err = s.Heartbeat(ctx)
		case <-round.C:
			var r Round
			if r, err = s.Seal(ctx); r.More {
				round.Reset(0)
			} else {
				round.Reset(s.cfg.Interval)
			}
		}
		if errors.Is(err, ErrRestored) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Failed(err)
		}
	}
}

// Seal runs one round. An application calls it after a commit that should not
// stay unsealed for a second, such as a change of roles.
//
// A crash at any moment is harmless: what was not stored is sealed again by the
// next round, with the same events in front, so a checkpoint that was signed
// and lost is a prefix of every later one.
func (s *Sealer) Seal(ctx context.Context) (Round, error) {
	began := time.Now()
	var r Round
	heads := map[uuid.UUID][]byte{}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var err error
		heads, err = s.round(ctx, tx, &r)
		return err
	})
	if err == nil {
		err = s.step("committed")
	}
	if err != nil {
		return Round{}, clean("seal the log", err)
	}
	for t, note := range heads {
		s.dirty[t] = note
	}
	r.Took = time.Since(began)
	if s.cfg.Sealed != nil {
		s.cfg.Sealed(r)
	}
	return r, nil
}

// idle is how long rounds without events leave no trace in the database.
const idle = 30 * time.Second

func (s *Sealer) round(ctx context.Context, tx pgx.Tx, r *Round) (map[uuid.UUID][]byte, error) {
	var (
		epoch     int16
		low, high string
	)
	if err := tx.QueryRow(ctx, sqlSealBegin).Scan(&epoch, &low, &high); err != nil {
		return nil, err
	}
	if err := s.step("locked"); err != nil {
		return nil, err
	}
	var bound *string
	if err := tx.QueryRow(ctx, sqlBound, epoch, low, high, s.cfg.MaxEvents).Scan(&bound); err != nil {
		return nil, err
	}
	if bound != nil {
		high, r.More = *bound, true
	}
	leaves, lastID, err := s.read(ctx, tx, epoch, low, high, r)
	if err != nil {
		return nil, err
	}
	if err := s.step("read"); err != nil {
		return nil, err
	}
	if len(leaves) == 0 && time.Since(s.ended) < idle {
		return nil, nil
	}
	grown, err := s.grow(ctx, tx, leaves)
	if err != nil {
		return nil, err
	}
	if err := s.step("signed"); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, sqlSealEnd, low, high, lastID, grown.tenants, grown.sizes, grown.ranges, grown.notes); err != nil {
		return nil, err
	}
	if err := s.step("stored"); err != nil {
		return nil, err
	}
	s.ended = time.Now()
	heads := make(map[uuid.UUID][]byte, len(grown.tenants))
	for i, t := range grown.tenants {
		heads[t] = []byte(grown.notes[i])
	}
	return heads, nil
}

// read hashes the events of the round, by tenant.
func (s *Sealer) read(ctx context.Context, tx pgx.Tx, epoch int16, low, high string, r *Round) (map[uuid.UUID][]Hash, int64, error) {
	rows, err := tx.Query(ctx, sqlUnsealed, epoch, low, high)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	if err := checkFormats(rows); err != nil {
		return nil, 0, err
	}
	var (
		rec    record
		l      leafer
		lastID int64
		oldest int64
		leaves = map[uuid.UUID][]Hash{}
	)
	for rows.Next() {
		if err := rowsRecord(rows, &rec); err != nil {
			return nil, 0, err
		}
		h, err := l.hash(&rec)
		if err != nil {
			return nil, 0, err
		}
		t := uuid.UUID(rec[colTenant])
		leaves[t] = append(leaves[t], h)
		lastID = max(lastID, rec.key().id)
		if at := rec.unixMicro(); oldest == 0 || at < oldest {
			oldest = at
		}
		r.Events++
	}
	r.Tenants = len(leaves)
	if oldest != 0 {
		r.Lag = max(0, time.Since(time.UnixMicro(oldest)))
	}
	return leaves, lastID, rows.Err()
}

// grown are the trees of a round as the database takes them.
type grown struct {
	tenants []uuid.UUID
	sizes   []int64
	ranges  [][]byte
	notes   []string
}

func (s *Sealer) grow(ctx context.Context, tx pgx.Tx, leaves map[uuid.UUID][]Hash) (grown, error) {
	g := grown{tenants: []uuid.UUID{}, sizes: []int64{}, ranges: [][]byte{}, notes: []string{}}
	for t := range leaves {
		g.tenants = append(g.tenants, t)
	}
	rows, err := tx.Query(ctx, sqlTrees, g.tenants)
	if err != nil {
		return g, err
	}
	trees := make(map[uuid.UUID]compactRange, len(leaves))
	var (
		t    uuid.UUID
		size int64
		raw  []byte
	)
	_, err = pgx.ForEachRow(rows, []any{&t, &size, &raw}, func() error {
		tree, err := parseRange(uint64(size), raw)
		trees[t] = tree
		return err
	})
	if err != nil {
		return g, err
	}
	for _, t := range g.tenants {
		tree := trees[t]
		for _, h := range leaves[t] {
			tree.add(h)
		}
		c := Checkpoint{Tenant: t, Size: tree.size, Root: tree.root()}
		g.sizes = append(g.sizes, int64(tree.size))
		g.ranges = append(g.ranges, tree.bytes())
		g.notes = append(g.notes, string(c.sign(s.cfg.Keys)))
	}
	return g, nil
}

// clean says what was being done, and keeps the server's name out of it.
func clean(doing string, err error) error {
	var (
		pg      *pgconn.PgError
		connect *pgconn.ConnectError
	)
	switch {
	case errors.As(err, &pg) && pg.ConstraintName == "watertight_audit_cluster":
		return ErrRestored
	case errors.As(err, &pg):
		return fmt.Errorf("%s: %s (SQLSTATE %s)", doing, pg.Message, pg.Code)
	case errors.As(err, &connect):
		return fmt.Errorf("%s: the database cannot be reached (check that it runs, and the address)", doing)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
