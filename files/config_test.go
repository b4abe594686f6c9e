package files_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/files"
)

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	good := files.Config{DB: w.db, Ring: w.ring, Bucket: w.bucket}
	_, err := files.New(good)
	require.NoError(t, err)
	for want, change := range map[string]func(*files.Config){
		"Config.DB":     func(c *files.Config) { c.DB = nil },
		"Config.Ring":   func(c *files.Config) { c.Ring = nil },
		"Config.Bucket": func(c *files.Config) { c.Bucket = nil },
		"bucket":        func(c *files.Config) { c.Bucket = &files.Bucket{} },
		"largest file":  func(c *files.Config) { c.MaxSize = -1 },
	} {
		bad := good
		change(&bad)
		_, err := files.New(bad)
		require.ErrorContains(t, err, want)
	}
}

func TestOpenURL(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	b, err := files.OpenURL(ctx, "file://"+filepath.ToSlash(filepath.Join(dir, "new")))
	require.NoError(t, err)
	require.NoError(t, b.Close())
	b, err = files.OpenURL(ctx, "mem://")
	require.NoError(t, err)
	require.NoError(t, b.Close())
	for url, want := range map[string]string{
		"": "not a URL", "/var/lib": "not a URL", "file://host/x": "a path and nothing else", "file:///x?create_dir=true": "a path and nothing else",
		"s3://key:secret@bucket": "no driver for s3 buckets", "gs://bucket": "no driver for gs buckets", "file://": "no directory",
	} {
		_, err := files.OpenURL(ctx, url)
		require.ErrorContains(t, err, want, url)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err = files.NewBucket(nil)
	require.ErrorContains(t, err, "no bucket")
}

// Who imports the package gets the drivers for directories, and no client
// library of a cloud.
func TestNoCloudIsImported(t *testing.T) {
	t.Parallel()
	allowed := map[string]bool{`"gocloud.dev/blob"`: true, `"gocloud.dev/blob/fileblob"`: true, `"gocloud.dev/gcerrors"`: true}
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	seen := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, imp := range parsed.Imports {
			if strings.Contains(imp.Path.Value, "gocloud.dev") {
				seen++
				require.True(t, allowed[imp.Path.Value], "%s imports %s", name, imp.Path.Value)
			}
		}
	}
	require.NotZero(t, seen)
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.txt":              `attachment; filename=a.txt`,
		"a b.txt":            `attachment; filename="a b.txt"`,
		"č.txt":              `attachment; filename*=utf-8''%C4%8D.txt`,
		"a\r\nX: y":          `attachment; filename="a  X_ y"`, // never kept, and cleaned all the same
		`a"; filename=b.txt`: `attachment; filename="a_; filename=b.txt"`,
	} {
		require.Equal(t, want, files.Disposition(name), name)
	}
	h := http.Header{}
	files.SetHeaders(h, files.File{Name: "a.html", ContentType: "text/html"})
	rec := httptest.NewRecorder()
	for k, v := range h {
		rec.Header()[k] = v
	}
	http.ServeContent(rec, httptest.NewRequest(http.MethodHead, "/", nil), "", files.File{}.CreatedAt, bytes.NewReader([]byte("<script>")))
	require.Equal(t, "text/html", rec.Header().Get("Content-Type"))
	require.Contains(t, rec.Header().Get("Content-Disposition"), "attachment")
	require.Equal(t, "nosniff", rec.Header().Get("X-Content-Type-Options"))
}
