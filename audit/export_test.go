package audit

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// SetStep lets a test crash the sealer between two steps of a round.
func (s *Sealer) SetStep(step func(name string) error) { s.step = step }

// PruneBefore is Prune with a moment of the test's choice; the database still
// holds it against the tenant's retention.
func PruneBefore(ctx context.Context, db Querier, tenant uuid.UUID, keys []VerifyingKey, before time.Time) (Pruned, error) {
	return prune(ctx, db, tenant, keys, before)
}
