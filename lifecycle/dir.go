package lifecycle

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/watertight-go/watertight/tenancy"
)

// Dir returns the [Files] below a local directory: one folder for each tenant,
// named by its id, as a local bucket has it. A key is a path in it.
func Dir(path string) Files { return dir(path) }

type dir string

// root opens the tenant's folder. Through it no key leads out, also not by a
// link in it.
func (d dir) root(t tenancy.ID) (*os.Root, error) {
	if t.IsZero() {
		return nil, tenancy.ErrNoTenant
	}
	return os.OpenRoot(filepath.Join(string(d), t.String()))
}

// List walks the tenant's folder in the order of names.
func (d dir) List(ctx context.Context, t tenancy.ID) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		r, err := d.root(t)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(File{}, err)
			return
		}
		defer r.Close()
		err = fs.WalkDir(r.FS(), ".", func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			if !info.Mode().IsRegular() {
				return fmt.Errorf("%s is not a file", hex.EncodeToString([]byte(name)))
			}
			if !yield(File{name, info.Size()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(File{}, err)
		}
	}
}

// Open reads a file.
func (d dir) Open(_ context.Context, t tenancy.ID, key string) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	r, err := d.root(t)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Open(filepath.FromSlash(key))
}

// Create writes a file, and its folders.
func (d dir) Create(_ context.Context, t tenancy.ID, f File, content io.Reader) error {
	if t.IsZero() {
		return tenancy.ErrNoTenant
	}
	if err := checkKey(f.Key); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(string(d), t.String()), 0o700); err != nil {
		return err
	}
	r, err := d.root(t)
	if err != nil {
		return err
	}
	defer r.Close()
	name := filepath.FromSlash(f.Key)
	if err := r.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	w, err := r.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, content)
	return errors.Join(err, w.Sync(), w.Close())
}

// DeleteAll removes the tenant's folder.
func (d dir) DeleteAll(_ context.Context, t tenancy.ID) error {
	if t.IsZero() {
		return tenancy.ErrNoTenant
	}
	return os.RemoveAll(filepath.Join(string(d), t.String()))
}

func checkKey(key string) error {
	if !fs.ValidPath(key) || strings.ContainsAny(key, "\\\x00") {
		return errors.New("a file's key is no path inside the tenant's folder")
	}
	return nil
}
