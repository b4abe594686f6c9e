// Package bucket gives package lifecycle the files of tenants in a bucket, as
// package files keeps them: an object's name begins with its tenant's id and a
// slash.
//
//	b, err := blob.OpenBucket(ctx, "s3://app-files?region=eu-central-1")
//	db, err := lifecycle.Open(ctx, url, lifecycle.Config{Key: key, Files: bucket.Files(b)})
//
// Objects are copied as they are, sealed: what opens them is a row of
// watertight.files, which goes with the tenant's rows, and the tenant's data
// key. For a directory, lifecycle.Dir does without the Go CDK.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/watertight-go/watertight/lifecycle"
	"github.com/watertight-go/watertight/tenancy"
)

// Files returns the files in a bucket. Who opened the bucket closes it.
func Files(b *blob.Bucket) lifecycle.Files { return &files{b} }

type files struct{ bucket *blob.Bucket }

// prefix ends with the slash: without it a tenant whose id another's begins
// with would be met, if ids were of different length.
func prefix(t tenancy.ID) (string, error) {
	if t.IsZero() {
		return "", tenancy.ErrNoTenant
	}
	return t.String() + "/", nil
}

// name refuses a key that a driver could read as a way out of the prefix.
func name(t tenancy.ID, key string) (string, error) {
	p, err := prefix(t)
	if err != nil {
		return "", err
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsAny(part, "\\\x00") {
			return "", errors.New("a file's key is no name inside the tenant's prefix")
		}
	}
	return p + key, nil
}

// List walks the objects in the order of their names.
func (f *files) List(ctx context.Context, t tenancy.ID) iter.Seq2[lifecycle.File, error] {
	return func(yield func(lifecycle.File, error) bool) {
		p, err := prefix(t)
		if err != nil {
			yield(lifecycle.File{}, err)
			return
		}
		list := f.bucket.List(&blob.ListOptions{Prefix: p})
		for {
			o, err := list.Next(ctx)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(lifecycle.File{}, fmt.Errorf("list the objects: %w", err))
				return
			}
			if !yield(lifecycle.File{Key: strings.TrimPrefix(o.Key, p), Size: o.Size}, nil) {
				return
			}
		}
	}
}

// Open reads an object.
func (f *files) Open(ctx context.Context, t tenancy.ID, key string) (io.ReadCloser, error) {
	n, err := name(t, key)
	if err != nil {
		return nil, err
	}
	return f.bucket.NewReader(ctx, n, nil)
}

// Create writes an object. One that is not read to its end is not written.
func (f *files) Create(ctx context.Context, t tenancy.ID, x lifecycle.File, content io.Reader) error {
	n, err := name(t, x.Key)
	if err != nil {
		return err
	}
	// The writer takes its context's end for a wish to leave nothing behind.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := f.bucket.NewWriter(ctx, n, &blob.WriterOptions{ContentType: "application/octet-stream"})
	if err != nil {
		return err
	}
	copied, err := io.Copy(w, content)
	if err == nil && copied != x.Size {
		err = fmt.Errorf("%d bytes came where %d were announced", copied, x.Size)
	}
	if err != nil {
		cancel()
		return errors.Join(err, ignoreCanceled(w.Close()))
	}
	return w.Close()
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// DeleteAll deletes every object of the tenant. What is deleted by somebody else
// meanwhile is gone as well.
func (f *files) DeleteAll(ctx context.Context, t tenancy.ID) error {
	var keys []string
	for x, err := range f.List(ctx, t) {
		if err != nil {
			return err
		}
		keys = append(keys, x.Key)
		if len(keys) == 1000 { // a name is short: so many fit in memory
			if err := f.delete(ctx, t, keys); err != nil {
				return err
			}
			keys = keys[:0]
		}
	}
	return f.delete(ctx, t, keys)
}

func (f *files) delete(ctx context.Context, t tenancy.ID, keys []string) error {
	for _, k := range keys {
		n, err := name(t, k)
		if err != nil {
			return err
		}
		if err := f.bucket.Delete(ctx, n); err != nil && !isGone(err) {
			return fmt.Errorf("delete an object: %w", err)
		}
	}
	return nil
}

func isGone(err error) bool { return gcerrors.Code(err) == gcerrors.NotFound }
