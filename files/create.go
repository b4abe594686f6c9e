package files

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"gocloud.dev/blob"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/files/internal/stream"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// cleanTimeout bounds what is done after an upload that failed, which may have
// failed because its context had ended.
const cleanTimeout = 30 * time.Second

// Upload is a file to be made.
type Upload struct {
	Name        string // see [CheckName]; required
	ContentType string // defaults to application/octet-stream

	// Size of the content, or -1 if it is not known. If it is, the whole room
	// is reserved before the first byte is taken, and content of another length
	// is refused.
	Size int64
}

// Create reads r to its end and keeps it as a new file of the tenant. Nothing
// of it shows before all of it is there.
//
// It returns [ErrName], [ErrContentType], [ErrTooLarge], [ErrQuota], [ErrSize],
// or the error of r; then nothing is kept.
func (h *Handle) Create(ctx context.Context, n Upload, r io.Reader) (File, error) {
	f := File{
		ID: uuid.New(), Name: n.Name, ContentType: n.ContentType, Size: n.Size,
		CreatedBy: h.actor(), CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
	return h.put(ctx, f, r)
}

// Restore keeps r as a file that was there before: with its id, its creator and
// its time, as [Handle.Stat] gave them. A SHA256 that is not zero is compared.
// What an upload of the same id left behind is replaced; a file is not, that is
// [ErrExists].
func (h *Handle) Restore(ctx context.Context, f File, r io.Reader) (File, error) {
	if f.ID == uuid.Nil || f.CreatedAt.IsZero() {
		return File{}, errors.New("a file to restore has an id and a time (pass what Stat returned)")
	}
	q, err := h.usable()
	if err != nil {
		return File{}, err
	}
	object, err := q.HalfFile(ctx, h.scope.Tenant(), f.ID)
	switch {
	case noRows(err):
	case err != nil:
		return File{}, fmt.Errorf("restore file %s: %w", f.ID, err)
	default:
		if err := h.discard(ctx, q, f.ID, object); err != nil {
			return File{}, fmt.Errorf("restore file %s: %w", f.ID, err)
		}
	}
	return h.put(ctx, f, r)
}

func (h *Handle) actor() uuid.UUID {
	if h == nil {
		return uuid.Nil
	}
	return h.scope.Actor().UserID
}

// put is an upload: a row that says uploading, the object, and the row made
// ready. Whenever it ends in between, [Handle.Sweep] takes away what is left.
func (h *Handle) put(ctx context.Context, f File, r io.Reader) (File, error) {
	q, err := h.usable()
	if err != nil {
		return File{}, err
	}
	if f.ContentType == "" {
		f.ContentType = "application/octet-stream"
	}
	if err := h.check(f); err != nil {
		return File{}, err
	}
	object := uuid.New()
	if err := h.begin(ctx, f, object); err != nil {
		return File{}, err
	}
	done, err := h.fill(ctx, q, f, object, r)
	if err != nil {
		h.abandon(ctx, q, f.ID, object)
		return File{}, err
	}
	return done, nil
}

func (h *Handle) check(f File) error {
	if err := CheckName(f.Name); err != nil {
		return err
	}
	media, _, err := mime.ParseMediaType(f.ContentType)
	if err != nil || len(f.ContentType) > 255 || !mediaType.MatchString(media) || hasControl(f.ContentType) {
		return ErrContentType
	}
	if f.Size > h.store.maxSize {
		return ErrTooLarge
	}
	if f.Size < -1 {
		return ErrSize
	}
	return nil
}

// begin makes the row, and by it reserves the room.
func (h *Handle) begin(ctx context.Context, f File, object uuid.UUID) error {
	t := h.scope.Tenant()
	ctx = tenancy.WithAction(ctx, "BeginFile")
	err := h.store.db.Tx(ctx, h.scope, func(ctx context.Context, c *tenancy.Conn) error {
		q := query.New(c)
		if err := q.AddFileSpace(ctx, t); err != nil {
			return err
		}
		return q.BeginFile(ctx, t, f.ID, object, f.Name, f.ContentType, max(f.Size, 0), optional(f.CreatedBy), f.CreatedAt)
	})
	return explain("begin file", err)
}

// fill writes the object and makes the row ready.
func (h *Handle) fill(ctx context.Context, q *query.Queries, f File, object uuid.UUID, r io.Reader) (File, error) {
	var c content
	if _, err := rand.Read(c.key[:]); err != nil {
		return File{}, fmt.Errorf("make the key of file %s: %w", f.ID, err)
	}
	defer clear(c.key[:])
	// A tenant whose keys are gone is to hear it before gigabytes flow.
	if _, err := h.seal(ctx, f.ID, &c); err != nil {
		return File{}, err
	}
	room := &room{handle: h, q: q, id: f.ID, object: object, said: f.Size, reserved: max(f.Size, 0), seen: h.store.now()}
	if err := h.write(ctx, object, &c, room, r); err != nil {
		return File{}, err
	}
	if f.Size >= 0 && f.Size != c.size {
		return File{}, ErrSize
	}
	if f.SHA256 != ([32]byte{}) && f.SHA256 != c.sha256 {
		return File{}, ErrDigest
	}
	f.Size, f.SealedSize, f.SHA256 = c.size, stream.SealedSize(c.size), c.sha256

	sealed, err := h.seal(ctx, f.ID, &c)
	if err != nil {
		return File{}, err
	}
	n, err := q.FinishFile(ctx, h.scope.Tenant(), f.ID, object, f.Size, f.SealedSize, sealed)
	if err != nil {
		return File{}, explain("finish file", err)
	}
	if n == 0 {
		return File{}, ErrOvertaken
	}
	return f, nil
}

func (h *Handle) seal(ctx context.Context, id uuid.UUID, c *content) ([]byte, error) {
	plain := c.encode()
	defer clear(plain)
	sealed, err := h.store.ring.Seal(ctx, h.scope.Tenant(), ref(id), crypto.NewSecret(plain))
	if err != nil {
		return nil, fmt.Errorf("seal the key of file %s: %w", id, err)
	}
	return sealed, nil
}

// write streams r into the object and notes size and digest in c.
func (h *Handle) write(ctx context.Context, object uuid.UUID, c *content, room *room, r io.Reader) (err error) {
	key := h.key(object)
	if err := h.store.bucket.guard(key); err != nil {
		return err
	}
	// To end the context is how a driver is told to drop what it has.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dst, err := h.store.bucket.blob.NewWriter(ctx, key.String(), &blob.WriterOptions{
		ContentType: "application/octet-stream", DisableContentTypeDetection: true,
	})
	if err != nil {
		return describe("write file", err)
	}
	defer func() {
		if err != nil {
			cancel()
			_ = dst.Close()
		}
	}()
	w, err := stream.NewWriter(dst, c.key[:], h.place(object))
	if err != nil {
		return describe("write file", err)
	}
	digest := sha256.New()
	buf := make([]byte, stream.ChunkSize)
	for {
		n, readErr := r.Read(buf)
		if n > 0 {
			c.size += int64(n)
			if err := room.take(ctx, c.size); err != nil {
				return err
			}
			digest.Write(buf[:n])
			if _, err := w.Write(buf[:n]); err != nil {
				return describe("write file", err)
			}
		}
		if errors.Is(readErr, io.EOF) {
			break
		}
		if readErr != nil {
			return fmt.Errorf("read the content of the file: %w", readErr)
		}
	}
	digest.Sum(c.sha256[:0])
	if err := w.Close(); err != nil {
		return describe("write file", err)
	}
	if err := dst.Close(); err != nil {
		return describe("write file", err)
	}
	return nil
}

// abandon takes back a row and its object, as far as it can.
func (h *Handle) abandon(ctx context.Context, q *query.Queries, id, object uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	// The row first: if it cannot be removed it may have become ready after
	// all, by a commit whose answer was lost, and then the object must stay.
	if n, err := q.RemoveFile(ctx, h.scope.Tenant(), id, object); err != nil || n == 0 {
		return
	}
	_ = h.remove(ctx, object)
}

// explain says in this package's words what Postgres refused.
func explain(what string, err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == "23514" && pg.ConstraintName == "watertight_file_quota":
			return ErrQuota
		case pg.Code == "23505":
			return ErrExists
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func optional(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}
