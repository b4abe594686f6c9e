package audit

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
)

// Archive writes the bundle of a log, as [Disclose] does, that goes along with
// an export of the tenant. The same log gives the same bytes: the time in it is
// that of the last event. It has no public key in it; [VerifyBundle] reads it.
func Archive(ctx context.Context, db Querier, tenant uuid.UUID, w io.Writer) error {
	s, err := openSource(ctx, db, tenant)
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	sum := newSummary(tenant)
	if err := s.writeEvents(z, &sum); err != nil {
		return err
	}
	sum.MadeAt = time.Unix(0, 0).UTC()
	if sum.Last != nil {
		sum.MadeAt = sum.Last.UTC().Truncate(time.Second)
	}
	if err := s.writeRest(z, VerifyingKey{}, sum); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}
