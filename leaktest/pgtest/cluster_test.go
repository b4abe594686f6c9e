package pgtest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The cache must never decide whether a server starts.
func TestBrokenCacheIsReplaced(t *testing.T) {
	t.Parallel()
	l := defaultLookup()
	cache := t.TempDir()
	l.cache = cache
	first := apart(t, l)
	require.NoError(t, first.Stop())
	kept, err := filepath.Glob(filepath.Join(cache, "cluster-*"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
	info, err := os.Stat(kept[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	require.NoError(t, os.WriteFile(filepath.Join(kept[0], "global", "pg_control"), []byte("broken"), 0o600))
	second, attempts := l.start(t.Context(), Config{})
	require.NotNil(t, second, attempts)
	require.NoError(t, second.Stop())
	require.Equal(t, first.Source()[:20], second.Source()[:20], "the same programs")
	control, err := os.ReadFile(filepath.Join(kept[0], "global", "pg_control"))
	require.NoError(t, err)
	require.Greater(t, len(control), 1000, "the broken cluster was replaced")
}

func TestClusterCacheForgets(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	for name, old := range map[string]time.Duration{"cluster-old": keepClusters + time.Hour, "cluster-used": time.Hour, "fetch-1": 2 * keepClusters, "embedded-18": 2 * keepClusters} {
		dir := filepath.Join(cache, name)
		require.NoError(t, os.Mkdir(dir, 0o700))
		then := time.Now().Add(-old)
		require.NoError(t, os.Chtimes(dir, then, then))
	}
	sweepClusters(cache, time.Now())
	require.NoDirExists(t, filepath.Join(cache, "cluster-old"))
	require.NoDirExists(t, filepath.Join(cache, "fetch-1"))
	require.DirExists(t, filepath.Join(cache, "cluster-used"))
	require.DirExists(t, filepath.Join(cache, "embedded-18"))
}

// Other programs, or the same ones upgraded, do not get each other's clusters.
func TestClusterName(t *testing.T) {
	t.Parallel()
	root := tree(t, server("a", "b")...)
	a := place{dir: filepath.Join(root, "a"), cache: root}
	before := a.cluster()
	require.Equal(t, root, filepath.Dir(before))
	require.Equal(t, before, a.cluster())
	require.NotEqual(t, before, place{dir: filepath.Join(root, "b"), cache: root}.cluster())
	require.NoError(t, os.WriteFile(filepath.Join(a.dir, program("postgres")), []byte("upgraded"), 0o755))
	require.NotEqual(t, before, a.cluster())
	require.Empty(t, place{dir: a.dir}.cluster(), "no cache")
}
