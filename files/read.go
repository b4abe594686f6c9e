package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/watertight-go/watertight/files/internal/stream"
	"github.com/watertight-go/watertight/query"
)

// Stat returns what is known of a file, or [ErrNotFound].
func (h *Handle) Stat(ctx context.Context, id uuid.UUID) (File, error) {
	f, _, c, err := h.lookUp(ctx, id)
	clear(c.key[:])
	return f, err
}

// lookUp returns a file with its object and what opens it.
func (h *Handle) lookUp(ctx context.Context, id uuid.UUID) (File, uuid.UUID, content, error) {
	q, err := h.usable()
	if err != nil {
		return File{}, uuid.Nil, content{}, err
	}
	row, err := q.GetFile(ctx, h.scope.Tenant(), id)
	switch {
	case noRows(err):
		return File{}, uuid.Nil, content{}, ErrNotFound
	case err != nil:
		return File{}, uuid.Nil, content{}, fmt.Errorf("look up file %s: %w", id, err)
	}
	c, err := h.unseal(ctx, row)
	if err != nil {
		return File{}, uuid.Nil, content{}, fmt.Errorf("open the key of file %s: %w", id, err)
	}
	return File{
		ID: row.ID, Name: row.Name, ContentType: row.ContentType, Size: c.size, SealedSize: row.SealedSize,
		CreatedBy: value(row.CreatedBy), CreatedAt: row.CreatedAt, SHA256: c.sha256,
	}, row.Object, c, nil
}

func (h *Handle) unseal(ctx context.Context, row query.GetFileRow) (content, error) {
	secret, err := h.store.ring.Open(ctx, h.scope.Tenant(), ref(row.ID), row.Sealed)
	if err != nil {
		return content{}, err
	}
	plain := secret.Reveal()
	defer clear(plain)
	c, ok := decodeContent(plain)
	if !ok || row.Size != c.size || row.SealedSize != stream.SealedSize(c.size) {
		return content{}, ErrCorrupt
	}
	return c, nil
}

// Reader is the content of a file. It implements [io.ReadSeekCloser], so
// [net/http.ServeContent] serves parts of it. It gives out no byte that is not
// authenticated, and is for one goroutine at a time.
type Reader struct {
	File   File
	stream *stream.Reader
}

// Open opens a file's content. The context is that of every read. Close the
// Reader.
//
// It returns [ErrNotFound], [crypto.ErrOpen] when the key of the content cannot
// be opened, also because it was destroyed, and [ErrCorrupt] when the bucket
// does not hold what was written; that may also be what a Read returns.
func (h *Handle) Open(ctx context.Context, id uuid.UUID) (*Reader, error) {
	f, object, c, err := h.lookUp(ctx, id)
	if err != nil {
		return nil, err
	}
	defer clear(c.key[:])
	src := &source{ctx: ctx, bucket: h.store.bucket, key: h.key(object), size: f.SealedSize}
	r, err := stream.NewReader(src, c.key[:], h.place(object), c.size)
	if err != nil {
		return nil, fmt.Errorf("open file %s: %w", id, err)
	}
	return &Reader{File: f, stream: r}, nil
}

// Read implements [io.Reader].
func (r *Reader) Read(b []byte) (int, error) { return r.stream.Read(b) }

// Seek implements [io.Seeker].
func (r *Reader) Seek(offset int64, whence int) (int64, error) { return r.stream.Seek(offset, whence) }

// Close ends the reading.
func (r *Reader) Close() error { return r.stream.Close() }

// source is a sealed object in the bucket.
type source struct {
	ctx    context.Context
	bucket *Bucket
	key    objectKey
	size   int64
}

func (s *source) Range(offset int64) (io.ReadCloser, error) {
	if err := s.bucket.guard(s.key); err != nil {
		return nil, err
	}
	r, err := s.bucket.blob.NewRangeReader(s.ctx, s.key.String(), offset, -1, nil)
	switch {
	case gcerrors.Code(err) == gcerrors.NotFound:
		return nil, ErrCorrupt
	case err != nil:
		return nil, describe("read file", err)
	case r.Size() != s.size:
		return nil, errors.Join(ErrCorrupt, r.Close())
	}
	return body{r}, nil
}

// body is a reader whose errors say no more than that the bucket failed.
type body struct{ *blob.Reader }

func (b body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = describe("read file", err)
	}
	return n, err
}

// ListOptions choose what [Handle.List] returns. The zero value begins with the
// first file.
type ListOptions struct {
	Prefix string // of the name, compared by bytes; defaults to all
	After  Cursor // where the last page ended
	Limit  int    // files in the page, 1 to 1000; defaults to 100
}

// Cursor is where a page of a listing ended.
type Cursor struct {
	Name string
	ID   uuid.UUID
}

// aboveAll is the highest code point. It is not a character, so no name has it
// and every name with a prefix is below the prefix and it.
const aboveAll = "\U0010FFFF"

// List returns a page of the tenant's files by name, and the cursor of the next
// page, which is zero after the last one.
func (h *Handle) List(ctx context.Context, o ListOptions) ([]File, Cursor, error) {
	q, err := h.usable()
	if err != nil {
		return nil, Cursor{}, err
	}
	if o.Limit == 0 {
		o.Limit = 100
	}
	if o.Limit < 1 || o.Limit > 1000 {
		return nil, Cursor{}, fmt.Errorf("a page of %d files is out of range (from 1 to 1000)", o.Limit)
	}
	if !listable(o.Prefix) || !listable(o.After.Name) {
		return nil, Cursor{}, ErrName
	}
	from := o.After
	if from.Name < o.Prefix {
		from = Cursor{Name: o.Prefix}
	}
	rows, err := q.ListFiles(ctx, h.scope.Tenant(), from.Name, from.ID, o.Prefix+aboveAll, int32(o.Limit))
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("list files: %w", err)
	}
	list := make([]File, len(rows))
	for i, row := range rows {
		list[i] = File{
			ID: row.ID, Name: row.Name, ContentType: row.ContentType, Size: row.Size, SealedSize: row.SealedSize,
			CreatedBy: value(row.CreatedBy), CreatedAt: row.CreatedAt,
		}
	}
	var next Cursor
	if len(list) == o.Limit {
		last := list[len(list)-1]
		next = Cursor{last.Name, last.ID}
	}
	return list, next, nil
}

// All goes through all files of the tenant, page by page. It stops at the first
// error.
func (h *Handle) All(ctx context.Context) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		for o := (ListOptions{Limit: 1000}); ; {
			list, next, err := h.List(ctx, o)
			if err != nil {
				yield(File{}, err)
				return
			}
			for _, f := range list {
				if !yield(f, nil) {
					return
				}
			}
			if next == (Cursor{}) {
				return
			}
			o.After = next
		}
	}
}

func noRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

func value(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}
