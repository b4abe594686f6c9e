package lifecycle

import (
	"context"
	"io"
	"iter"

	"github.com/watertight-go/watertight/tenancy"
)

// Files are the files of tenants, wherever they are kept. What is read and
// written here are the bytes as they are stored: content that is sealed with
// the tenant's key stays sealed, and goes with the key.
type Files interface {
	// List returns a tenant's files in the order of their keys.
	List(ctx context.Context, t tenancy.ID) iter.Seq2[File, error]
	// Open reads one file.
	Open(ctx context.Context, t tenancy.ID, key string) (io.ReadCloser, error)
	// Create stores a file of the given size, in place of one that is there.
	Create(ctx context.Context, t tenancy.ID, f File, content io.Reader) error
	// DeleteAll deletes every file of the tenant, and what was left half written.
	DeleteAll(ctx context.Context, t tenancy.ID) error
}

// File is one stored file.
type File struct {
	Key  string // unique in the tenant
	Size int64  // bytes as stored
}
