package pgtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// keepClusters is how long an empty cluster stays in the cache unused.
const keepClusters = 30 * 24 * time.Hour

// initArguments decide what an empty cluster is like.
var initArguments = []string{
	"--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions",
}

// hba trusts whoever reaches the socket, whose folder is closed. Over TCP a role
// needs a password; the administrator has none, so it cannot come that way.
const hba = "local all all trust\nhost all all all scram-sha-256\n"

// initCluster fills the home's data folder. initdb takes longer than everything
// else that a start does, and does the same each time: its result is kept in
// the cache. The cache is not in memory-backed storage, which everybody may
// write to and a cluster's settings run programs.
func (l *local) initCluster(ctx context.Context) error {
	kept := l.from.cluster()
	if l.cached = l.home.restore(kept) == nil; l.cached {
		return nil
	}
	if err := errors.Join(os.RemoveAll(l.home.data()), l.initdb(ctx)); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(l.home.data(), "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		return err
	}
	_ = l.home.save(kept) // without a cache the next start takes longer, that is all
	return nil
}

// forgetCluster drops the cached cluster that would not start.
func (l *local) forgetCluster() error {
	return errors.Join(os.RemoveAll(l.from.cluster()), os.RemoveAll(l.home.data()))
}

func (l *local) initdb(ctx context.Context) error {
	arguments := append([]string{"--pgdata", l.home.data()}, initArguments...)
	cmd := exec.CommandContext(ctx, filepath.Join(l.bin, program("initdb")), arguments...)
	prepare(cmd, l.home.dir, l.home.as)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := run(cmd); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, lastLines(out.String(), 5))
	}
	return nil
}

// cluster is where the cache has the empty cluster of these programs, empty if
// there is no cache. The name changes with the programs and with what we ask of
// them.
func (p place) cluster() string {
	if p.cache == "" {
		return ""
	}
	h := sha256.New()
	fmt.Fprintln(h, initArguments, hba, p.dir)
	for _, name := range []string{"postgres", "initdb"} {
		if info, err := os.Stat(filepath.Join(p.dir, program(name))); err == nil {
			fmt.Fprintln(h, name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return filepath.Join(p.cache, "cluster-"+hex.EncodeToString(h.Sum(nil))[:20])
}

// save copies the data folder into the cache, under its name only when whole.
func (h *home) save(kept string) error {
	if kept == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(kept), "cluster-new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := copyPrivate(filepath.Join(work, "data"), h.data(), nil); err != nil {
		return err
	}
	sweepClusters(filepath.Dir(kept), time.Now())
	return os.Rename(filepath.Join(work, "data"), kept)
}

// restore copies a cluster from the cache into the data folder.
func (h *home) restore(kept string) error {
	if _, err := os.Stat(kept); err != nil {
		return err
	}
	now := time.Now()
	_ = os.Chtimes(kept, now, now) // marks its use
	return copyPrivate(h.data(), kept, h.as)
}

// sweepClusters removes clusters of programs that are no longer here, and what
// a killed process had begun to put into the cache.
func sweepClusters(cache string, now time.Time) {
	for _, pattern := range []string{"cluster-*", "fetch-*"} {
		for _, dir := range glob(filepath.Join(cache, pattern)) {
			if info, err := os.Stat(dir); err == nil && now.Sub(info.ModTime()) > keepClusters {
				_ = os.RemoveAll(dir)
			}
		}
	}
}

// copyPrivate copies a folder for one user alone.
func copyPrivate(to, from string, as *user) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	return filepath.WalkDir(to, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o600)
		if entry.IsDir() {
			mode = 0o700
		}
		return errors.Join(os.Chmod(path, mode), give(path, as))
	})
}
