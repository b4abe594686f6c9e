package audit

import (
	"context"
	_ "embed"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

var (
	//go:embed sql/health.sql
	sqlHealth string
	//go:embed sql/refused.sql
	sqlRefused string
)

// Health is what to watch. A long writing transaction anywhere in the cluster
// holds the sealer up, prepared ones included; a long reading one does not. Set
// idle_in_transaction_session_timeout, and alert when Unsealed passes 300 s.
type Health struct {
	Unsealed time.Duration `json:"-"` // the age of the oldest event that no checkpoint covers
	Pending  int64         `json:"unsealed_events"`
	Epoch    int16         `json:"epoch"`
	SealedAt time.Time     `json:"sealed_at"` // when the sealer last stored a round; it does so twice a minute when idle
	Silent   time.Duration `json:"-"`         // how long ago that was

	UnsealedSeconds float64 `json:"unsealed_seconds"`
	SilentSeconds   float64 `json:"silent_seconds"`
}

// CheckHealth asks how far behind the sealer is. The role needs
// watertight_sealer.
func CheckHealth(ctx context.Context, db Querier) (Health, error) {
	var h Health
	rows, err := db.Query(ctx, sqlHealth)
	if err != nil {
		return h, clean("read the sealer's state", err)
	}
	_, err = pgx.ForEachRow(rows, []any{&h.UnsealedSeconds, &h.Pending, &h.Epoch, &h.SealedAt, &h.SilentSeconds}, func() error { return nil })
	if err != nil {
		return h, clean("read the sealer's state", err)
	}
	h.Unsealed = time.Duration(h.UnsealedSeconds * float64(time.Second))
	h.Silent = time.Duration(h.SilentSeconds * float64(time.Second))
	return h, nil
}

// RefusedSince counts the attempts on each tenant that were refused since a
// moment, those on tenants that do not exist included. The role needs
// watertight_sealer.
func RefusedSince(ctx context.Context, db Querier, since time.Time) (map[uuid.UUID]int64, error) {
	rows, err := db.Query(ctx, sqlRefused, since)
	if err != nil {
		return nil, clean("count the refused attempts", err)
	}
	counts := map[uuid.UUID]int64{}
	var (
		t uuid.UUID
		n int64
	)
	_, err = pgx.ForEachRow(rows, []any{&t, &n}, func() error {
		counts[t] = n
		return nil
	})
	if err != nil {
		return nil, clean("count the refused attempts", err)
	}
	return counts, nil
}
