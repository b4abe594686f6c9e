package pgtest

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
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
)

// A home is the folder of one server: data, socket, log, and a lock that this
// process holds as long as it lives.
type home struct {
	dir  string
	as   *user
	lock *os.File
	pass string
}

func (h *home) data() string     { return filepath.Join(h.dir, "data") }
func (h *home) socket() string   { return filepath.Join(h.dir, "s") }
func (h *home) log() string      { return filepath.Join(h.dir, "log") }
func (h *home) password() string { return filepath.Join(h.dir, "password") }
func (h *home) keeper() string   { return filepath.Join(h.dir, "keep") }
func (h *home) kept() bool       { _, err := os.Stat(h.keeper()); return err == nil }
func (h *home) keep() error      { return os.WriteFile(h.keeper(), nil, 0o600) }
func (h *home) release()         { h.lock.Close() }
func (h *home) remove() error    { h.release(); return os.RemoveAll(h.dir) }

// bases lists where a home may be made, best first: memory before disk.
func bases() []string {
	return []string{"/dev/shm", os.TempDir(), "/tmp", "/var/tmp"}
}

// newHome makes the folder, closed to everyone but the server's user.
func newHome(as *user) (*home, error) {
	var errs []error
	for _, base := range bases() {
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
	h := &home{dir: dir, as: as, pass: rand.Text()}
	if err := h.fill(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return h, nil
}

func (h *home) fill() error {
	if err := os.Mkdir(h.socket(), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(h.password(), []byte(h.pass+"\n"), 0o600); err != nil {
		return err
	}
	for _, path := range []string{h.dir, h.socket(), h.password()} {
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

// sweepHomes removes what killed processes left behind. A folder is dead when
// nobody holds its lock; one that is kept for inspection is left for a day.
func sweepHomes() {
	for _, base := range bases() {
		dirs, _ := filepath.Glob(filepath.Join(base, homePrefix+"*"))
		for _, dir := range dirs {
			sweepHome(dir)
		}
	}
}

func sweepHome(dir string) {
	h := &home{dir: dir}
	info, err := os.Stat(dir)
	if err != nil {
		return
	}
	age := time.Since(info.ModTime())
	// A folder younger than a minute may be between its creation and its lock.
	if age < time.Minute || h.kept() && age < 24*time.Hour {
		return
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if err != nil {
		return // somebody else's
	}
	defer file.Close()
	if taken, err := lock(file); err != nil || !taken {
		return
	}
	if pid := h.serverPID(); pid != 0 && alive(pid) {
		return // its watchdog is about to end it
	}
	_ = os.RemoveAll(dir)
}

// serverPID reads the server's process number, 0 if there is none.
func (h *home) serverPID() int {
	text, err := os.ReadFile(filepath.Join(h.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return numberIn(first)
}
