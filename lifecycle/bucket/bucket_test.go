package bucket_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/watertight-go/watertight/lifecycle"
	"github.com/watertight-go/watertight/lifecycle/bucket"
	"github.com/watertight-go/watertight/tenancy"
)

// Every store of files does the same: one in memory, in a directory by way of
// the Go CDK, and in a directory without it.
func TestFiles(t *testing.T) {
	t.Parallel()
	mem := memblob.OpenBucket(nil)
	dir, err := fileblob.OpenBucket(t.TempDir(), &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	require.NoError(t, err)
	for _, b := range []*blob.Bucket{mem, dir} {
		t.Cleanup(func() { _ = b.Close() })
	}
	for name, f := range map[string]lifecycle.Files{"memory": bucket.Files(mem), "directory": bucket.Files(dir), "plain": lifecycle.Dir(t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			alpha, beta := tenancy.NewID(), tenancy.NewID()
			keys := func(id tenancy.ID) (out []string) {
				for x, err := range f.List(ctx, id) {
					require.NoError(t, err)
					out = append(out, fmt.Sprintf("%s %d", x.Key, x.Size))
				}
				return out
			}
			put := func(id tenancy.ID, key, content string) error {
				return f.Create(ctx, id, lifecycle.File{Key: key, Size: int64(len(content))}, strings.NewReader(content))
			}
			require.Empty(t, keys(alpha))
			require.NoError(t, put(alpha, "b", "of alpha"))
			require.NoError(t, put(alpha, "a/c", "x"))
			require.NoError(t, put(beta, "b", "of beta, longer"))
			require.Equal(t, []string{"a/c 1", "b 8"}, keys(alpha))
			r, err := f.Open(ctx, alpha, "b")
			require.NoError(t, err)
			got, err := io.ReadAll(r)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			require.Equal(t, "of alpha", string(got))

			for _, bad := range []string{"", "..", "../" + beta.String() + "/b", "a/../../" + beta.String() + "/b", "/b", "a//b", "./b", `..\b`, "b\x00"} {
				require.Error(t, put(alpha, bad, "stolen"), "%q", bad)
				_, err := f.Open(ctx, alpha, bad)
				require.Error(t, err, "%q", bad)
			}
			require.Error(t, put(tenancy.ID{}, "b", ""))
			require.Error(t, f.DeleteAll(ctx, tenancy.ID{}))

			require.NoError(t, f.DeleteAll(ctx, alpha))
			require.NoError(t, f.DeleteAll(ctx, alpha))
			require.Empty(t, keys(alpha))
			require.Equal(t, []string{"b 15"}, keys(beta))
		})
	}
}
