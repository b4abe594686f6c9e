package audit

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"
)

// FollowConfig of [Follow].
type FollowConfig struct {
	Format Format
	Since  time.Time     // where to begin; the zero time is the begin of the log
	Every  time.Duration // between two looks. Defaults to one second
	Once   bool          // end after what there is
}

// overlap is how long after an event others may appear in front of it: a
// transaction that began earlier and commits later. Each look goes back that
// far and skips what it has seen.
const overlap = time.Minute

// Follow writes events as they appear, until ctx ends. An event that commits
// more than a minute after a later one is not shown; it is in the log.
func Follow(ctx context.Context, db Querier, tenant uuid.UUID, w io.Writer, cfg FollowConfig) error {
	if cfg.Every <= 0 {
		cfg.Every = time.Second
	}
	if _, err := cfg.Format.encoder(); err != nil {
		return err
	}
	f := follower{cfg: cfg, seen: map[position]int64{}, from: beginning}
	for {
		if err := f.look(ctx, db, tenant, w); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		if cfg.Once {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(cfg.Every):
		}
	}
}

type follower struct {
	cfg  FollowConfig
	from position
	seen map[position]int64 // of the overlap: when each happened
}

func (f *follower) look(ctx context.Context, db Querier, tenant uuid.UUID, w io.Writer) error {
	line, err := f.cfg.Format.encoder()
	if err != nil {
		return err
	}
	settled := time.Now().Add(-overlap).UnixMicro()
	next := f.from
	moving := true // next moves over old events up to the first young one
	for r, err := range readEvents(ctx, db, tenant, f.from) {
		if err != nil {
			return err
		}
		key, at := r.key(), r.unixMicro()
		if moving = moving && at < settled; moving {
			next = key
		}
		if _, ok := f.seen[key]; ok {
			continue
		}
		f.seen[key] = at
		if time.UnixMicro(at).Before(f.cfg.Since) {
			continue
		}
		e := r.event()
		if err := writeJSON(w, line(&e)); err != nil {
			return err
		}
	}
	f.from = next
	for key := range f.seen {
		if !key.after(next) {
			delete(f.seen, key)
		}
	}
	return nil
}
