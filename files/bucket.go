package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/google/uuid"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"

	"github.com/watertight-go/watertight/tenancy"
)

// Bucket is where the sealed contents are: a directory, a bucket of a cloud, or
// anything else with a driver for gocloud.dev/blob. Several stores may share
// one, nothing else should.
type Bucket struct {
	blob *blob.Bucket
	root *os.Root // of a directory, to look for links that somebody planted
}

// OpenDir opens a directory. If it is not there it is made, and so are the
// folders in it, readable by their owner only. It must lie outside of whatever
// a web server serves.
//
// A link inside of it is never followed: an object that is one, or lies behind
// one, is refused with [ErrKey].
func OpenDir(dir string) (*Bucket, error) {
	if dir == "" {
		return nil, errors.New("the files have no directory (name one)")
	}
	b, err := fileblob.OpenBucket(dir, &fileblob.Options{
		CreateDir: true, DirFileMode: 0o700,
		// Written beside its end and renamed there, so never half there; what
		// the attributes of the driver would say stands in Postgres.
		NoTempDir: true, Metadata: fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fmt.Errorf("open the directory of the files: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the directory of the files: %w", err), b.Close())
	}
	return &Bucket{blob: b, root: root}, nil
}

// OpenURL opens a bucket by a URL of the Go CDK, such as
// s3://bucket?region=eu-central-1, gs://bucket or azblob://container. The
// driver of its scheme must be imported by the program. A file URL is
// [OpenDir] of its path.
func OpenURL(ctx context.Context, bucketURL string) (*Bucket, error) {
	u, err := url.Parse(bucketURL)
	if err != nil || u.Scheme == "" {
		return nil, errors.New("the bucket is not a URL (write it as file:///var/lib/files, s3://BUCKET?region=REGION, gs://BUCKET or azblob://CONTAINER)")
	}
	if u.Scheme == fileblob.Scheme {
		if u.Host != "" || u.RawQuery != "" {
			return nil, errors.New("a file URL has a path and nothing else (write it as file:///var/lib/files)")
		}
		return OpenDir(u.Path)
	}
	if !blob.DefaultURLMux().ValidBucketScheme(u.Scheme) {
		return nil, fmt.Errorf("no driver for %s buckets in this program (import gocloud.dev/blob/s3blob, gcsblob or azureblob)", u.Scheme)
	}
	b, err := blob.OpenBucket(ctx, bucketURL)
	if err != nil {
		return nil, fmt.Errorf("open the %s bucket: %w", u.Scheme, err)
	}
	return NewBucket(b)
}

// NewBucket wraps a bucket that the caller has opened; for a directory use
// [OpenDir], which knows about links. The Bucket owns it from now on.
func NewBucket(b *blob.Bucket) (*Bucket, error) {
	if b == nil {
		return nil, errors.New("the files have no bucket (open one with files.OpenDir or files.OpenURL)")
	}
	return &Bucket{blob: b}, nil
}

// Close closes the bucket.
func (b *Bucket) Close() error {
	err := b.blob.Close()
	if b.root != nil {
		err = errors.Join(err, b.root.Close())
	}
	return err
}

// objectKey names an object in the bucket. Nothing that a user wrote is part of
// it, and every one has the same length, so none is the beginning of another.
type objectKey struct {
	tenant tenancy.ID
	object uuid.UUID
}

const keyLength = 36 + 1 + 36

func (k objectKey) String() string { return prefix(k.tenant) + k.object.String() }

// prefix is what the keys of a tenant's objects begin with.
func prefix(t tenancy.ID) string { return t.String() + "/" }

// parseKey reads a key that the bucket lists. It takes the one spelling that
// String gives, and no other that names the same UUIDs.
func parseKey(key string) (objectKey, error) {
	if len(key) != keyLength {
		return objectKey{}, ErrKey
	}
	t, err := tenancy.ParseID(key[:36])
	if err != nil {
		return objectKey{}, ErrKey
	}
	object, err := uuid.Parse(key[37:])
	if err != nil {
		return objectKey{}, ErrKey
	}
	k := objectKey{t, object}
	if object == uuid.Nil || k.String() != key {
		return objectKey{}, ErrKey
	}
	return k, nil
}

// guard refuses to touch what somebody planted in a directory: a link in the
// place of a tenant's folder or of an object, or anything else that is not a
// plain folder and file. It looks before each use; whoever can write to the
// directory may be faster, and gains sealed bytes by it.
func (b *Bucket) guard(k objectKey) error {
	if b.root == nil {
		return nil
	}
	for i, name := range [...]string{k.tenant.String(), k.String()} {
		info, err := b.root.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // a driver says so better, or makes it
		case err != nil:
			return ErrKey
		case i == 0 && !info.IsDir(), i == 1 && !info.Mode().IsRegular():
			return ErrKey
		}
	}
	return nil
}

// describe makes an error of a driver fit to be shown. Its text may name hosts,
// buckets and accounts, and begins with what was tried.
func describe(what string, err error) error {
	return &bucketError{what, err}
}

type bucketError struct {
	what  string
	cause error
}

func (e *bucketError) Error() string {
	return strings.TrimSpace(e.what) + ": the bucket refused or cannot be reached (unwrap the error to see what it said)"
}

func (e *bucketError) Unwrap() error { return e.cause }
