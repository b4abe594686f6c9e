package pgtest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	homePrefix = "watertight-pg-"
	// roomNeeded is what a base folder must have left: a cluster with a hundred
	// databases is about 900 MB. A container's /dev/shm is often 64 MB.
	roomNeeded = 1 << 30
	// socketMax is the longest path that fits in sockaddr_un on macOS; Linux
	// allows four more.
	socketMax = 103
	// keepHomes and keepHomesFor bound what failed tests leave in memory.
	keepHomes    = 3
	keepHomesFor = 24 * time.Hour
	// settleTime is more than a home takes from its creation to its lock.
	settleTime = time.Minute
)

// A home is the folder of one server: data, socket, log, and a lock that this
// process holds as long as it lives.
type home struct {
	dir  string
	as   *user
	lock *os.File
}

func (h *home) data() string   { return filepath.Join(h.dir, "data") }
func (h *home) socket() string { return filepath.Join(h.dir, "s") }
func (h *home) log() string    { return filepath.Join(h.dir, "log") }
func (h *home) keeper() string { return filepath.Join(h.dir, "keep") }

// kept reports whether a test failed, and its databases are to be looked at.
func (h *home) kept() bool { _, err := os.Stat(h.keeper()); return err == nil }

func (h *home) keep() error {
	return os.WriteFile(h.keeper(), nil, 0o600)
}

func (h *home) release() { _ = h.lock.Close() }

func (h *home) remove() error {
	h.release()
	return os.RemoveAll(h.dir)
}

// memory is a file system in memory, where there is one.
const memory = "/dev/shm"

// bases lists where a home may be made, best first: memory before disk.
func bases() []string {
	list := []string{memory, os.TempDir()}
	for _, dir := range []string{"/tmp", "/var/tmp"} {
		if !slices.Contains(list, dir) {
			list = append(list, dir)
		}
	}
	return list
}

// newHome makes the folder, closed to everyone but the server's user.
func newHome(bases []string, as *user) (*home, error) {
	var errs []error
	for _, base := range bases {
		h, err := newHomeIn(base, as)
		if err == nil {
			return h, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func newHomeIn(base string, as *user) (*home, error) {
	if err := fits(base, as); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(base, homePrefix)
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir, as: as}
	if err := h.fill(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return h, nil
}

func (h *home) fill() error {
	if err := os.Mkdir(h.socket(), 0o700); err != nil {
		return err
	}
	for _, path := range []string{h.dir, h.socket()} {
		if err := give(path, h.as); err != nil {
			return err
		}
	}
	file, err := os.Create(filepath.Join(h.dir, "lock"))
	if err != nil {
		return err
	}
	h.lock = file
	_, err = lock(file)
	return err
}

// adopt copies portable server programs into the home and returns their folder.
func (h *home) adopt(native string) (bin string, err error) {
	to := filepath.Join(h.dir, "native") // the name that the list of links has
	if err := os.CopyFS(to, os.DirFS(native)); err != nil {
		return "", err
	}
	bin = filepath.Join(to, "bin")
	if err := linkLibraries(bin); err != nil {
		return "", err
	}
	// The copies have the modes that our umask allows, which may be ours alone.
	return bin, filepath.WalkDir(to, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return give(path, h.as)
	})
}

// sweepHomes removes what killed processes left behind. A home is dead when
// nobody holds its lock. Of those kept for inspection the last few stay a day.
func sweepHomes(bases []string) {
	var homes []*home
	age := map[*home]time.Duration{}
	for _, base := range bases {
		dirs, _ := filepath.Glob(filepath.Join(base, homePrefix+"*")) // the pattern is well-formed
		for _, dir := range dirs {
			if info, err := os.Stat(dir); err == nil {
				h := &home{dir: dir}
				homes = append(homes, h)
				age[h] = time.Since(info.ModTime())
			}
		}
	}
	slices.SortFunc(homes, func(a, b *home) int { return int(age[a] - age[b]) })
	kept := 0
	for _, h := range homes {
		if h.kept() {
			kept++
			if kept <= keepHomes && age[h] < keepHomesFor {
				continue
			}
		}
		if age[h] > settleTime {
			h.sweep()
		}
	}
}

// sweep removes a home that nobody holds. It gives up in silence: the home may
// belong to another user, who can remove it. A process that was killed very
// early left no lock file, so one is made.
func (h *home) sweep() {
	file, err := os.OpenFile(filepath.Join(h.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer file.Close()
	if taken, err := lock(file); err != nil || !taken {
		return
	}
	// Its server should have died with the process. If that failed, end it now.
	if pid := h.serverPID(); pid != 0 && serves(pid, h.dir) {
		if !endServer(pid, func() bool { return serves(pid, h.dir) }) {
			return
		}
	}
	_ = os.RemoveAll(h.dir)
}

// serverPID reads the server's process number, 0 if there is none.
func (h *home) serverPID() int {
	text, err := os.ReadFile(filepath.Join(h.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return pid
}
