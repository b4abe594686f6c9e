//go:build unix

package pgtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHomeIsClosedToOthers(t *testing.T) {
	t.Parallel()
	as, err := runAs()
	require.NoError(t, err)
	h, err := newHome(bases(), as)
	require.NoError(t, err)
	for _, path := range []string{h.dir, h.socket()} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), path)
	}
	require.NoError(t, h.remove())
	require.True(t, gone(h.dir))
}

func TestHomeGoesWhereItFits(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	file := filepath.Join(root, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	long := filepath.Join(root, strings.Repeat("long", 20))
	require.NoError(t, os.Mkdir(long, 0o755))
	_, err := newHome([]string{filepath.Join(root, "none"), file, long}, nil)
	require.ErrorContains(t, err, "none: no such file or directory")
	require.ErrorContains(t, err, file+" is not a folder")
	require.ErrorContains(t, err, "makes socket paths of")

	good, err := os.MkdirTemp("/tmp", "pgtest-base-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(good)) })
	h, err := newHome([]string{long, good}, nil)
	require.NoError(t, err)
	require.Equal(t, good, filepath.Dir(h.dir))
	require.NoError(t, h.remove())
}

// A folder under root's home is not reachable for the server's user.
func TestClosedParentIsNoHome(t *testing.T) {
	t.Parallel()
	closed := t.TempDir()
	inner := filepath.Join(closed, "inner")
	require.NoError(t, os.Mkdir(inner, 0o755))
	require.NoError(t, os.Chmod(closed, 0o700))
	other := &user{name: "other", uid: 4711, gid: 4711}
	require.ErrorContains(t, reachable(inner, other), closed+" is closed to the user other")
	require.ErrorContains(t, fits(inner, other), "is closed to the user other")
	require.NoError(t, reachable(inner, nil))
	own := &user{name: "own", uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	require.NoError(t, os.Chmod(closed, 0o700))
	if err := reachable(filepath.Dir(filepath.Dir(closed)), own); err == nil {
		require.NoError(t, reachable(inner, own))
	}
}

func TestServerEnvironment(t *testing.T) {
	t.Parallel()
	got := serverEnv([]string{"PATH=/bin", "PGDATA=/elsewhere", "PGOPTIONS=-c x=y", "LC_ALL=pl_PL", "LANG=cs_CZ", "TZ=Asia/Tokyo", "HOME=/h"})
	require.Equal(t, []string{"LC_ALL=C", "TZ=UTC", "PATH=/bin", "HOME=/h"}, got)
}
