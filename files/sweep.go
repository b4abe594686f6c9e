package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/google/uuid"
	"gocloud.dev/blob"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// MinGrace is the least age at which a sweep takes an upload for dead. A clock
// that is wrong by minutes must not cost a file.
const MinGrace = time.Hour

// Swept is what a sweep found.
type Swept struct {
	Uploads   int // that died and were removed
	Deletions int // that died and were brought to their end
	Objects   int // that no row spoke of and were removed

	// Missing are files whose content is not in the bucket. They are left as
	// they are: somebody has to know.
	Missing []uuid.UUID
	// Foreign counts what lies under the tenant's prefix and was not put there
	// by this package. It is left there.
	Foreign int
}

// Sweep removes what uploads and deletions left behind that did not come to
// their end: of uploads only such as were last seen alive before grace, at
// least [MinGrace]; a day is a good choice. It goes once through the rows and
// once through the bucket, side by side, and may run at any time.
func (h *Handle) Sweep(ctx context.Context, grace time.Duration) (Swept, error) {
	q, err := h.usable()
	if err != nil {
		return Swept{}, err
	}
	if grace < MinGrace {
		return Swept{}, fmt.Errorf("a grace of %s could take an upload that is alive (at least %s)", grace, MinGrace)
	}
	s := &sweep{handle: h, q: q, before: h.store.now().Add(-grace)}
	ctx = tenancy.WithAction(ctx, "files.sweep")
	// Both come in the order of the object's id, so that neither is held in
	// memory.
	err = h.store.bucket.list(ctx, h.scope.Tenant(), func(o listed) error {
		key, err := parseKey(o.key)
		if err != nil && h.store.bucket.halfWritten(o.key) {
			return s.halfWritten(ctx, o)
		}
		if err != nil || h.store.bucket.guard(key) != nil {
			s.Foreign++
			return nil
		}
		return s.object(ctx, key.object, o.changed)
	})
	if err == nil {
		err = s.rowsBefore(ctx, nil)
	}
	if err != nil {
		return s.Swept, fmt.Errorf("sweep files: %w", err)
	}
	return s.Swept, nil
}

// sweep walks through the rows, by pages, beside the walk through the bucket.
type sweep struct {
	Swept
	handle *Handle
	q      *query.Queries
	before time.Time
	page   []query.FileObjectsRow
	last   uuid.UUID
	ended  bool
}

// object looks at an object of the bucket.
func (s *sweep) object(ctx context.Context, object uuid.UUID, changed time.Time) error {
	if err := s.rowsBefore(ctx, &object); err != nil {
		return err
	}
	row, err := s.peek(ctx)
	if err != nil {
		return err
	}
	if row != nil && row.Object == object {
		s.page = s.page[1:]
		return s.row(ctx, *row, true)
	}
	if !changed.Before(s.before) {
		return nil
	}
	// The page may be older than the row.
	_, err = s.q.FileObjectState(ctx, s.handle.scope.Tenant(), object)
	if !noRows(err) {
		return err
	}
	if err := s.handle.remove(ctx, object); err != nil {
		return err
	}
	s.Objects++
	return nil
}

// halfWritten removes what the driver of directories left of an object that
// was being written when its process died.
func (s *sweep) halfWritten(ctx context.Context, o listed) error {
	if !o.changed.Before(s.before) {
		return nil
	}
	s.Objects++
	return s.handle.store.bucket.remove(ctx, o.key)
}

var halfWritten = regexp.MustCompile(`^\.[0-9a-f]{1,16}\.tmp$`)

// halfWritten reports whether a key is of an object that the driver of
// directories is writing: the object's key, a number and ".tmp".
func (b *Bucket) halfWritten(key string) bool {
	if b.root == nil || len(key) <= keyLength || !halfWritten.MatchString(key[keyLength:]) {
		return false
	}
	_, err := parseKey(key[:keyLength])
	return err == nil
}

// rowsBefore goes through the rows whose objects the bucket did not list: all
// that are before this one, or all that are left.
func (s *sweep) rowsBefore(ctx context.Context, object *uuid.UUID) error {
	for {
		row, err := s.peek(ctx)
		if err != nil || row == nil || object != nil && row.Object.String() >= object.String() {
			return err
		}
		s.page = s.page[1:]
		if err := s.row(ctx, *row, false); err != nil {
			return err
		}
	}
}

// peek returns the next row, or nil after the last.
func (s *sweep) peek(ctx context.Context) (*query.FileObjectsRow, error) {
	if len(s.page) == 0 && !s.ended {
		const page = 500
		rows, err := s.q.FileObjects(ctx, s.handle.scope.Tenant(), s.last, page)
		if err != nil {
			return nil, err
		}
		s.page, s.ended = rows, len(rows) < page
		if len(rows) > 0 {
			s.last = rows[len(rows)-1].Object
		}
	}
	if len(s.page) == 0 {
		return nil, nil
	}
	return &s.page[0], nil
}

// row looks at a row, whose object is there or not.
func (s *sweep) row(ctx context.Context, row query.FileObjectsRow, there bool) error {
	old := row.StateAt.Before(s.before)
	switch row.State {
	case "ready":
		if !there && old {
			s.Missing = append(s.Missing, row.ID)
		}
		return nil
	case "uploading":
		if !old {
			return nil
		}
		s.Uploads++
	default:
		s.Deletions++
	}
	// The row first, and the object only if it went: an upload that ends this
	// moment is a file.
	n, err := s.q.RemoveFile(ctx, s.handle.scope.Tenant(), row.ID, row.Object)
	if err != nil || n == 0 {
		return err
	}
	return s.handle.remove(ctx, row.Object)
}

// listed is an entry of the bucket.
type listed struct {
	key     string
	changed time.Time
}

// list goes through what lies under a tenant's prefix, in the order of the keys.
func (b *Bucket) list(ctx context.Context, t tenancy.ID, fn func(listed) error) error {
	it := b.blob.List(&blob.ListOptions{Prefix: prefix(t)})
	for {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return describe("list files", err)
		}
		if o.IsDir {
			continue
		}
		if err := fn(listed{o.Key, o.ModTime}); err != nil {
			return err
		}
	}
}
