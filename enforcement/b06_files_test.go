package enforcement

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/tenancy"
)

// B6: the separation is enforced by equivalent means for access to files.
func TestB06FilesOfACustomerAreItsOwn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "files")
	store := newFileStore(t, o, dir)
	annas, bobs := store.For(o.scope(t, o.anna, o.alpha)), store.For(o.scope(t, o.bob, o.beta))
	file, err := annas.Create(ctx, files.Upload{Name: "contract.txt", Size: 14}, strings.NewReader("Alpha's secret"))
	require.NoError(t, err)

	// The control: Anna lists and reads it, whole and in part.
	require.Equal(t, "Alpha's secret", content(t, annas, file, 0))
	require.Equal(t, "secret", content(t, annas, file, 8))
	list, _, err := annas.List(ctx, files.ListOptions{Prefix: "contract"})
	require.NoError(t, err)
	require.Len(t, list, 1)

	// Bob knows its id and its name, and gets no further than with an id that
	// never was.
	_, err = bobs.Open(ctx, file.ID)
	require.ErrorIs(t, err, files.ErrNotFound)
	require.ErrorIs(t, bobs.Rename(ctx, file.ID, "mine.txt"), files.ErrNotFound)
	require.ErrorIs(t, bobs.Delete(ctx, file.ID), files.ErrNotFound)
	list, _, err = bobs.List(ctx, files.ListOptions{Prefix: "contract"})
	require.NoError(t, err)
	require.Empty(t, list)

	// A name that leads to another customer's folder is none.
	for _, name := range []string{"../" + o.beta.String() + "/x", `..\x`, "/etc/passwd", "a\x00b", "\uff0e\uff0e\uff0fx"} {
		_, err = annas.Create(ctx, files.Upload{Name: name}, strings.NewReader(""))
		require.ErrorIs(t, err, files.ErrName, name)
	}

	// Whoever has the disk reads nothing, and what he puts into another
	// customer's folder does not open there.
	other, err := bobs.Create(ctx, files.Upload{Name: "b.txt", Size: 14}, strings.NewReader("Beta's secret!"))
	require.NoError(t, err)
	stored, err := filepath.Glob(filepath.Join(dir, o.alpha.String(), "*"))
	require.NoError(t, err)
	require.Len(t, stored, 1)
	sealed, err := os.ReadFile(stored[0])
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "secret")
	bobsObject, err := filepath.Glob(filepath.Join(dir, o.beta.String(), "*"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(bobsObject[0], sealed, 0o600))
	_, err = bobs.Open(ctx, other.ID)
	if err == nil { // it has the right length, so the first chunk is what is refused
		require.Empty(t, content(t, bobs, other, 0))
	}
	require.Equal(t, "Alpha's secret", content(t, annas, file, 0))
}

// B6, of download links: one is good for the account that it was made for, in
// the tenant that it was made for.
func TestB06DownloadLinksAreBoundToTheAccount(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	store := newFileStore(t, o, filepath.Join(t.TempDir(), "files"))
	asAnna, asBob := o.scope(t, o.anna, o.alpha), o.scope(t, o.bob, o.beta)
	file, err := store.For(asAnna).Create(t.Context(), files.Upload{Name: "contract.txt", Size: 14}, strings.NewReader("Alpha's secret"))
	require.NoError(t, err)
	link, _, err := store.For(asAnna).Link(t.Context(), file.ID, 0)
	require.NoError(t, err)
	follow := func(as tenancy.Scope, link string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		handler := files.LinkHandler(store, func(context.Context) tenancy.Scope { return as })
		handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/files/"+link, nil))
		return rec
	}
	require.Equal(t, "Alpha's secret", follow(asAnna, link).Body.String())
	require.Equal(t, http.StatusForbidden, follow(asBob, link).Code)
	require.Equal(t, http.StatusForbidden, follow(asAnna, link[:len(link)-2]).Code)
	_, _, err = store.For(asBob).Link(t.Context(), file.ID, 0)
	require.ErrorIs(t, err, files.ErrNotFound)
}

func newFileStore(t *testing.T, o *office, dir string) *files.Store {
	t.Helper()
	kek, err := crypto.CreateKeyFile(filepath.Join(t.TempDir(), "kek"))
	require.NoError(t, err)
	keys, err := keystore.New(o.db)
	require.NoError(t, err)
	ring, err := crypto.NewRing(crypto.RingConfig{Store: keys, KEKs: []crypto.KEK{kek}})
	require.NoError(t, err)
	bucket, err := files.OpenDir(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = bucket.Close() })
	store, err := files.New(files.Config{
		DB: o.db, Ring: ring, Bucket: bucket,
		LinkKeys: []files.LinkKey{{ID: "k1", Key: crypto.SecretString(strings.Repeat("k", 32))}},
	})
	require.NoError(t, err)
	return store
}

func (o *office) scope(t *testing.T, who tenancy.Actor, tenant tenancy.ID) tenancy.Scope {
	t.Helper()
	s, err := o.db.Admit(t.Context(), who, tenant)
	require.NoError(t, err)
	return s
}

// content is what can be read of a file from an offset on.
func content(t *testing.T, h *files.Handle, f files.File, offset int64) string {
	t.Helper()
	r, err := h.Open(t.Context(), f.ID)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	_, err = r.Seek(offset, io.SeekStart)
	require.NoError(t, err)
	b, _ := io.ReadAll(r)
	return string(b)
}
