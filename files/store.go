package files

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/files/internal/stream"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// Config of [New]. DB, Ring and Bucket are required.
type Config struct {
	// DB is where the metadata is, under row-level security. Required.
	DB *tenancy.DB

	// Ring seals each content's key under its tenant's data key. Required.
	Ring *crypto.Ring

	// Bucket is where the contents are. Required.
	Bucket *Bucket

	// MaxSize is the size of the largest file, in bytes. Defaults to 16 GiB.
	MaxSize int64

	// LinkKeys sign download links; the first signs, all of them verify, so
	// that a new one can be put in front of the old one. Links live for 15
	// minutes at most, so the old one can go after that. Defaults to none, and
	// then there are no links.
	LinkKeys []LinkKey
}

// defaultMaxSize is a bound against accidents; S3's own is 5 TiB.
const defaultMaxSize = 16 << 30

func (c Config) validate() (Config, error) {
	if c.MaxSize == 0 {
		c.MaxSize = defaultMaxSize
	}
	switch {
	case c.DB == nil:
		return c, errors.New("file store without a database (set Config.DB)")
	case c.Ring == nil:
		return c, errors.New("file store without a key ring (set Config.Ring)")
	case c.Bucket == nil || c.Bucket.blob == nil:
		return c, errors.New("file store without a bucket (set Config.Bucket)")
	case c.MaxSize < 0 || c.MaxSize > stream.MaxSize:
		return c, fmt.Errorf("file store with a largest file of %d bytes (from 1 to %d)", c.MaxSize, int64(stream.MaxSize))
	}
	return c, checkLinkKeys(c.LinkKeys)
}

// Store keeps the files of all tenants. It may be used from several goroutines;
// a process needs one. What it does is done in one tenant, through [Store.For].
type Store struct {
	db      *tenancy.DB
	ring    *crypto.Ring
	bucket  *Bucket
	maxSize int64
	links   []LinkKey
	now     func() time.Time
}

// New returns a Store, or an error that names the field at fault.
func New(cfg Config) (*Store, error) {
	cfg, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	return &Store{db: cfg.DB, ring: cfg.Ring, bucket: cfg.Bucket, maxSize: cfg.MaxSize, links: cfg.LinkKeys, now: time.Now}, nil
}

// For returns a handle on the files of the scope's tenant, and on no others. It
// cannot fail; a zero scope gives a handle that refuses everything with
// [tenancy.ErrNoTenant].
func (s *Store) For(scope tenancy.Scope) *Handle { return &Handle{store: s, scope: scope} }

// Handle is the files of one tenant. Its zero value refuses everything.
//
// Each call takes a connection of the database for its statements and none
// while content flows. Call it outside of tenancy.DB.Tx: what is in a bucket
// cannot be rolled back.
type Handle struct {
	store *Store
	scope tenancy.Scope
}

// File is what is known of a file. Its content never changes: a new version is
// a new file.
type File struct {
	ID          uuid.UUID
	Name        string // as the user gave it, see [CheckName]; not unique
	ContentType string // as the uploader says; nobody has looked
	Size        int64  // of the content, in bytes
	SealedSize  int64  // of what is in the bucket
	CreatedBy   uuid.UUID
	CreatedAt   time.Time

	// SHA256 is that of the content. Zero in a listing, which opens no keys.
	SHA256 [32]byte
}

// usable returns the handle's queries.
func (h *Handle) usable() (*query.Queries, error) {
	if h == nil || h.store == nil || h.scope.IsZero() || h.scope.Tenant().IsZero() {
		return nil, tenancy.ErrNoTenant
	}
	return query.New(h.store.db.For(h.scope)), nil
}

func (h *Handle) key(object uuid.UUID) objectKey { return objectKey{h.scope.Tenant(), object} }

func (h *Handle) place(object uuid.UUID) stream.Place {
	return stream.Place{Tenant: h.scope.Tenant().Bytes(), Object: object}
}

// ref is the place of a content's key. The labels are those of the migration,
// and never change.
func ref(id uuid.UUID) crypto.Ref {
	return crypto.Ref{Table: "file", Column: "content", Row: crypto.RowUUID(id)}
}

// content is what the row keeps sealed: the key of the content, and what a
// reader must know of it and may not take from where it can be changed.
type content struct {
	key    [stream.KeySize]byte
	sha256 [32]byte
	size   int64
}

const contentSize = stream.KeySize + 32 + 8

func (c *content) encode() []byte {
	b := make([]byte, 0, contentSize)
	b = append(b, c.key[:]...)
	b = append(b, c.sha256[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(c.size))
}

func decodeContent(b []byte) (c content, ok bool) {
	if len(b) != contentSize {
		return c, false
	}
	n := copy(c.key[:], b)
	n += copy(c.sha256[:], b[n:])
	c.size = int64(binary.BigEndian.Uint64(b[n:]))
	return c, c.size >= 0
}
