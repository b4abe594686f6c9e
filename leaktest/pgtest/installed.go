package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// usualPlaces are where packages put the server programs. Debian and Homebrew
// keep them out of PATH on purpose, so PATH alone finds few installations.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
	"/usr/pgsql-*/bin",                  // RHEL, Fedora (PGDG)
	"/usr/libexec/postgresql*",          // Alpine
	"/usr/lib/postgresql*/bin",          // SUSE
	"/usr/lib64/postgresql-*/bin",       // Gentoo
	"/usr/local/pgsql/bin",              // built from source
	"/opt/homebrew/opt/postgresql*/bin", // Homebrew, Apple silicon
	"/usr/local/opt/postgresql*/bin",    // Homebrew, Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	"/opt/local/lib/postgresql*/bin", // MacPorts
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/bin",
	"/usr/local/bin",
	`C:\Program Files\PostgreSQL\*\bin`,
}

// A place is a folder that holds the programs postgres and initdb.
type place struct {
	dir string
	way string // how we came to look there, for messages
	// portable programs find everything relative to themselves, and can be
	// copied to where the server's user reaches them.
	portable bool
	cache    string // where its empty clusters are kept, if anywhere
}

// A lookup says where to look.
type lookup struct {
	pgbin string   // a folder that somebody named
	path  string   // in the form of PATH
	usual []string // patterns
	near  string   // a folder that may have a node_modules, as its parents may
	cache string   // what earlier fetches left
}

func defaultLookup() lookup {
	near, _ := os.Getwd() // without one there is just one place less
	return lookup{os.Getenv("PGBIN"), os.Getenv("PATH"), usualPlaces, near, cacheDir()}
}

// places lists the folders that hold both programs, best first.
func (l lookup) places() []place {
	var found []place
	add := func(dir, way string, portable bool) {
		known := slices.ContainsFunc(found, func(p place) bool { return p.dir == dir })
		if dir != "" && !known && hasServer(dir) {
			found = append(found, place{dir, way, portable, l.cache})
		}
	}
	add(l.pgbin, "PGBIN", false)
	for _, dir := range filepath.SplitList(l.path) {
		add(behindLink(dir), "PATH", false)
	}
	for _, pattern := range l.usual {
		for _, dir := range glob(pattern) {
			add(behindLink(dir), "installed", false)
		}
	}
	for _, dir := range npmPlaces(l.near, l.cache) {
		add(dir, "npm", true)
	}
	for _, dir := range glob(filepath.Join(l.cache, "embedded-*", "bin")) {
		add(dir, "downloaded", true)
	}
	return found
}

// behindLink follows a folder of links, such as /usr/local/bin often is, to the
// folder that they lead to.
func behindLink(dir string) string {
	file, err := filepath.EvalSymlinks(filepath.Join(dir, program("postgres")))
	if err == nil && hasServer(filepath.Dir(file)) {
		return filepath.Dir(file)
	}
	return dir
}

// glob returns the matches with the highest version number first.
func glob(pattern string) []string {
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return nil // a malformed pattern matches nothing
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return numberIn(b) - numberIn(a) })
	return dirs
}

var number = regexp.MustCompile(`[0-9]+`)

// numberIn reads the version in the last folder that has a number, as in
// /usr/lib/postgresql/16/bin or npm-18.4.0.
func numberIn(dir string) int {
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if digits := number.FindString(filepath.Base(dir)); digits != "" {
			n, _ := strconv.Atoi(digits) // too long a number is no version: 0 will do
			return n
		}
	}
	return 0
}

func program(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

func hasServer(dir string) bool {
	for _, name := range []string{"postgres", "initdb"} {
		info, err := os.Stat(filepath.Join(dir, program(name)))
		if err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// versionOf asks the server program for its major version. It runs as the user
// that will run the server, so what is closed to that user shows here.
func versionOf(ctx context.Context, dir string, as *user) (int, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(dir, program("postgres")), "--version")
	prepare(cmd, "/", as)
	out, err := cmd.CombinedOutput()
	if err != nil {
		text := strings.TrimSpace(string(out))
		if text == "" {
			text = err.Error()
		}
		return 0, fmt.Errorf("does not run as %s: %s", as, text)
	}
	match := versionText.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("`postgres --version` answered %q", strings.TrimSpace(string(out)))
	}
	return strconv.Atoi(string(match[1]))
}

// fromInstalled starts a server from programs on this machine.
func fromInstalled(ctx context.Context, cfg Config) (*Server, []attempt) {
	return defaultLookup().start(ctx, cfg)
}

const installedWay = "installed programs"

func (l lookup) start(ctx context.Context, cfg Config) (*Server, []attempt) {
	as, err := runAs()
	if err != nil {
		return nil, []attempt{{installedWay, err.Error()}}
	}
	return l.startAs(ctx, cfg, as)
}

func (l lookup) startAs(ctx context.Context, cfg Config, as *user) (*Server, []attempt) {
	found := l.places()
	if len(found) == 0 {
		return nil, []attempt{{installedWay, fmt.Sprintf(
			"no postgres with initdb beside it in PGBIN, PATH, a node_modules of this folder or its parents, %s, or %s",
			l.cache, strings.Join(l.usual, ", "))}}
	}
	var attempts []attempt
	for _, p := range found {
		server, err := startInstalled(ctx, cfg, p, as)
		if err == nil {
			return server, nil
		}
		attempts = append(attempts, attempt{p.way + " " + p.dir, err.Error()})
	}
	return nil, attempts
}

func startInstalled(ctx context.Context, cfg Config, p place, as *user) (*Server, error) {
	sweepHomes(bases())
	err := reachable(p.dir, as)
	if err == nil && p.portable {
		err = linkLibraries(p.dir)
	}
	switch {
	case err == nil:
		if err := checkVersion(ctx, cfg, p.dir, as); err != nil {
			return nil, err
		}
		h, err := newHome(cfg.bases(), as)
		if err != nil {
			return nil, err
		}
		return startLocal(ctx, cfg, h, p.dir, p)
	case p.portable:
		return startCopied(ctx, cfg, p, as)
	default:
		return nil, err
	}
}

// startCopied starts a server from a copy of programs that the server's user
// cannot reach where they are, as in root's home, or that want links where we
// may not write.
func startCopied(ctx context.Context, cfg Config, p place, as *user) (*Server, error) {
	var errs []error
	for _, base := range cfg.bases() { // nothing in a base that is mounted noexec runs
		h, err := newHome([]string{base}, as)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		bin, err := h.adopt(filepath.Dir(p.dir))
		if err == nil {
			err = checkVersion(ctx, cfg, bin, as)
		}
		if err == nil {
			return startLocal(ctx, cfg, h, bin, p)
		}
		errs = append(errs, errors.Join(err, h.remove()))
		if errors.As(err, new(versionError)) {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// A versionError is the version of a server that is not the wanted one.
type versionError int

func (e versionError) Error() string { return fmt.Sprintf("is PostgreSQL %d", int(e)) }

func checkVersion(ctx context.Context, cfg Config, bin string, as *user) error {
	version, err := versionOf(ctx, bin, as)
	if err != nil {
		return err
	}
	if !cfg.accepts(version) {
		return versionError(version)
	}
	return nil
}
