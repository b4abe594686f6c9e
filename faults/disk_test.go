//go:build linux

package faults

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/internal/needs"
)

// mount makes a file system of its own, which is small, as root or with sudo.
func mount(t *testing.T, megabytes string) string {
	t.Helper()
	folder, err := os.MkdirTemp("/tmp", "wt-disk-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.Remove(folder) })
	arguments := []string{"mount", "-t", "tmpfs", "-o", "mode=0777,size=" + megabytes + "m", "watertight-test", folder}
	prefix := []string{}
	if os.Geteuid() != 0 {
		prefix = []string{"sudo", "-n"}
	}
	run := func(arguments ...string) error {
		arguments = slices.Concat(prefix, arguments)
		return exec.Command(arguments[0], arguments[1:]...).Run()
	}
	if err := run(arguments...); err != nil {
		needs.Missing(t, "a small file system cannot be mounted here (run as root, or where sudo needs no password): %v", err)
	}
	t.Cleanup(func() { require.NoError(t, run("umount", "--lazy", folder)) })
	return folder
}

// fill takes what room is left.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	require.NoError(t, err)
	defer f.Close()
	for {
		if _, err = f.Write(make([]byte, 4096)); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			return
		}
	}
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	folder := mount(t, "16")
	w := newBreakableWorld(t)
	space, ballast := filepath.Join(folder, "space"), filepath.Join(folder, "ballast")
	require.NoError(t, os.Mkdir(space, 0o700))
	w.server.Give(t, space)
	for _, sql := range []string{
		"create tablespace small location '" + space + "'", "alter table app.entries set tablespace small",
		"alter index app.entries_pkey set tablespace small",
	} {
		_, err := w.admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	c := w.open(t, w.AppURL)
	l := c.load(6, limit)
	l.await(t, 50)
	fill(t, ballast)
	require.Eventually(t, func() bool { return slices.Contains(l.errors(), "53100") }, patience, 5*time.Millisecond,
		"positive control: the disk was full")
	require.NoError(t, os.Remove(ballast))
	l.await(t, 50)
	l.settle(t)
	require.Equal(t, []string{"53100"}, l.errors())
}
