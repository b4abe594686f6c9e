package files

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"gocloud.dev/gcerrors"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// Rename gives a file another name. It returns [ErrName] or [ErrNotFound].
func (h *Handle) Rename(ctx context.Context, id uuid.UUID, name string) error {
	q, err := h.usable()
	if err != nil {
		return err
	}
	if err := CheckName(name); err != nil {
		return err
	}
	n, err := q.RenameFile(ctx, h.scope.Tenant(), id, name)
	if err != nil {
		return fmt.Errorf("rename file %s: %w", id, err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

// Delete removes a file: first from sight, then its content, then its key. If
// it returns an error other than [ErrNotFound] the file is out of sight
// already; call it again, or leave the rest to [Handle.Sweep].
//
// With the row its key is gone. What a bucket keeps of deleted objects, or a
// backup of it, opens only together with a backup of the database.
func (h *Handle) Delete(ctx context.Context, id uuid.UUID) error {
	q, err := h.usable()
	if err != nil {
		return err
	}
	object, err := q.DeleteFile(ctx, h.scope.Tenant(), id)
	switch {
	case noRows(err):
		return ErrNotFound
	case err != nil:
		return fmt.Errorf("delete file %s: %w", id, err)
	}
	if err := h.discard(ctx, q, id, object); err != nil {
		return fmt.Errorf("delete file %s: %w", id, err)
	}
	return nil
}

// DeleteAll removes every file of the tenant, uploads under way and whatever
// else lies under its prefix, and returns how many files that were. It may be
// killed at any moment and called again.
func (h *Handle) DeleteAll(ctx context.Context) (int, error) {
	q, err := h.usable()
	if err != nil {
		return 0, err
	}
	const page = 500
	for { // all out of sight first
		n, err := q.DeleteFilesPage(ctx, h.scope.Tenant(), page)
		if err != nil {
			return 0, fmt.Errorf("delete all files: %w", err)
		}
		if n == 0 {
			break
		}
	}
	deleted := 0
	for {
		rows, err := q.FileObjects(ctx, h.scope.Tenant(), uuid.Nil, page)
		if err != nil {
			return deleted, fmt.Errorf("delete all files: %w", err)
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			if err := h.discard(ctx, q, row.ID, row.Object); err != nil {
				return deleted, fmt.Errorf("delete all files: %w", err)
			}
			deleted++
		}
	}
	if _, err := h.store.bucket.removeAll(ctx, h.scope.Tenant()); err != nil {
		return deleted, err
	}
	return deleted, nil
}

// discard removes the object and then the row of a file that is not ready.
func (h *Handle) discard(ctx context.Context, q *query.Queries, id, object uuid.UUID) error {
	if err := h.remove(ctx, object); err != nil {
		return err
	}
	_, err := q.RemoveFile(ctx, h.scope.Tenant(), id, object)
	return err
}

// remove deletes an object. One that is not there is no error.
func (h *Handle) remove(ctx context.Context, object uuid.UUID) error {
	key := h.key(object)
	if err := h.store.bucket.guard(key); err != nil {
		return err
	}
	return h.store.bucket.remove(ctx, key.String())
}

func (b *Bucket) remove(ctx context.Context, key string) error {
	if err := b.blob.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return describe("delete file", err)
	}
	return nil
}

// removeAll deletes whatever lies under a tenant's prefix. A link in a
// directory is removed itself, and what it points to left alone.
func (b *Bucket) removeAll(ctx context.Context, t tenancy.ID) (int, error) {
	n := 0
	err := b.list(ctx, t, func(o listed) error {
		n++
		return b.remove(ctx, o.key)
	})
	return n, err
}

// EraseObjects deletes every object of a tenant from the bucket, whoever's rows
// speak of them, and returns how many there were. It is for the erasure of a
// tenant, which deletes the rows itself, and takes a handle across tenants
// because nobody is admitted to such a tenant any more. It may be killed and
// called again.
func (s *Store) EraseObjects(ctx context.Context, c *crosstenant.Conn, t tenancy.ID) (int, error) {
	if err := crossing(ctx, c, t); err != nil {
		return 0, err
	}
	return s.bucket.removeAll(ctx, t)
}

// CountObjects counts what the bucket holds of a tenant: 0 after its erasure.
func (s *Store) CountObjects(ctx context.Context, c *crosstenant.Conn, t tenancy.ID) (int, error) {
	if err := crossing(ctx, c, t); err != nil {
		return 0, err
	}
	n := 0
	err := s.bucket.list(ctx, t, func(listed) error {
		n++
		return nil
	})
	return n, err
}

// crossing makes sure that the handle is one: the bucket would not ask.
func crossing(ctx context.Context, c *crosstenant.Conn, t tenancy.ID) error {
	if c == nil {
		return errors.New("no handle across tenants (run this in crosstenant.DB.Run)")
	}
	if t.IsZero() {
		return tenancy.ErrNoTenant
	}
	if _, err := platform.New(c).CountFiles(ctx, t); err != nil {
		return fmt.Errorf("objects of tenant %s: %w", t, err)
	}
	return nil
}
