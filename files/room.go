package files

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/files/internal/stream"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// firstStep is how much room an upload of unknown size reserves at first. Later
// ones are half of what it has, so that few statements serve a large file.
const firstStep = 8 << 20

// room is what an upload may still write before it must reserve more.
type room struct {
	handle     *Handle
	q          *query.Queries
	id, object uuid.UUID
	said       int64 // -1: not known
	reserved   int64
	seen       time.Time // when the row last heard that the upload is alive
}

// take makes sure that size bytes are reserved.
func (r *room) take(ctx context.Context, size int64) error {
	switch {
	case size > r.handle.store.maxSize:
		return ErrTooLarge
	case size <= r.reserved:
		if r.handle.store.now().Sub(r.seen) < MinGrace/4 {
			return nil
		}
		return r.grow(ctx, r.reserved)
	case r.said >= 0:
		return ErrSize
	}
	step := int64(max(firstStep, r.reserved/2))
	for {
		err := r.grow(ctx, max(size, r.reserved+step))
		// Near the limit a smaller step may fit where a large one does not.
		if !errors.Is(err, ErrQuota) || step == 0 {
			return err
		}
		if step /= 2; step < stream.ChunkSize {
			step = 0 // what is needed now, and no more
		}
	}
}

func (r *room) grow(ctx context.Context, size int64) error {
	n, err := r.q.GrowFile(ctx, r.handle.scope.Tenant(), r.id, r.object, size)
	if err != nil {
		return explain("reserve room for file", err)
	}
	if n == 0 {
		return ErrOvertaken
	}
	r.reserved, r.seen = size, r.handle.store.now()
	return nil
}

// Space is what a tenant keeps, and what it may.
type Space struct {
	Bytes int64 // of content, with what uploads under way have reserved
	Files int64 // with uploads under way

	MaxBytes, MaxFiles int64 // -1: no limit
}

// Space returns what the tenant keeps.
func (h *Handle) Space(ctx context.Context) (Space, error) {
	q, err := h.usable()
	if err != nil {
		return Space{}, err
	}
	row, err := q.FileSpace(ctx, h.scope.Tenant())
	switch {
	case noRows(err): // no file yet, and no limit
		return Space{MaxBytes: -1, MaxFiles: -1}, nil
	case err != nil:
		return Space{}, fmt.Errorf("space of the files: %w", err)
	}
	return Space{Bytes: row.Bytes, Files: row.Files, MaxBytes: unlimited(row.MaxBytes), MaxFiles: unlimited(row.MaxFiles)}, nil
}

// SetQuota sets how much a tenant may keep; -1 is no limit. It is the
// platform's to set, so it takes a handle across tenants. A limit below what is
// kept refuses new files and takes none away.
func SetQuota(ctx context.Context, c *crosstenant.Conn, t tenancy.ID, maxBytes, maxFiles int64) error {
	if maxBytes < -1 || maxFiles < -1 {
		return errors.New("a limit below zero (pass -1 for none)")
	}
	if err := platform.New(c).SetFileQuota(ctx, t, limit(maxBytes), limit(maxFiles)); err != nil {
		return fmt.Errorf("set the file quota of tenant %s: %w", t, err)
	}
	return nil
}

// noLimit is how the table says that there is none.
const noLimit = math.MaxInt64

func limit(n int64) int64 {
	if n < 0 {
		return noLimit
	}
	return n
}

func unlimited(n int64) int64 {
	if n == noLimit {
		return -1
	}
	return n
}
