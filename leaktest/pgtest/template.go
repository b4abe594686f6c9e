package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"

	"github.com/jackc/pgx/v5"
)

const (
	templatePrefix = "wt_template_"
	databasePrefix = "wt_test_"
)

// A template is a database that others are copied from.
type template struct {
	name string

	mu    sync.Mutex
	ready bool
}

// template returns the template for cfg, made on first use.
func (s *Server) template(ctx context.Context, cfg Config) (*template, error) {
	name := templatePrefix + fingerprint(cfg)
	s.mu.Lock()
	t := s.templates[name]
	if t == nil {
		t = &template{name: name}
		s.templates[name] = t
	}
	s.mu.Unlock()

	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready {
		return t, nil
	}
	if err := s.buildOnce(ctx, t.name, cfg); err != nil {
		return nil, err
	}
	t.ready = true
	return t, nil
}

// fingerprint names everything that decides what the template contains.
func fingerprint(cfg Config) string {
	h := sha256.New()
	fmt.Fprintf(h, "empty %t\n", cfg.Empty)
	if !cfg.Empty {
		fmt.Fprintf(h, "schema %s\n", schemaHash())
	}
	for _, sql := range cfg.Setup {
		fmt.Fprintf(h, "setup %d %s\n", len(sql), sql)
	}
	return hex.EncodeToString(h.Sum(nil))[:20]
}

// buildOnce builds the template unless another process has. Processes that
// share a server wait for each other on an advisory lock.
func (s *Server) buildOnce(ctx context.Context, name string, cfg Config) error {
	conn, err := s.admin.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	key := lockKey(name)
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", key); err != nil {
		return err
	}
	defer conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", key)

	var complete bool
	err = conn.QueryRow(ctx, "select datistemplate from pg_database where datname = $1", name).Scan(&complete)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if complete {
		return nil
	}
	if err := s.build(ctx, name, cfg); err != nil {
		return fmt.Errorf("build the template database: %w", err)
	}
	return nil
}

func lockKey(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte("watertight pgtest " + name))
	return int64(h.Sum64())
}

// build makes the template. Being marked as a template is its last step: a
// database without the mark was left half-made and is made again.
func (s *Server) build(ctx context.Context, name string, cfg Config) error {
	err := s.exec(ctx,
		"drop database if exists "+quote(name)+" with (force)",
		"create database "+quote(name)+" template template0")
	if err != nil {
		return err
	}
	if !cfg.Empty {
		if err := s.applySchema(ctx, name); err != nil {
			return err
		}
	}
	if err := s.setup(ctx, name, cfg); err != nil {
		return err
	}
	// Without connections, not even autovacuum's, nothing delays a copy.
	return s.exec(ctx, "alter database "+quote(name)+" with is_template true allow_connections false")
}

func (s *Server) setup(ctx context.Context, name string, cfg Config) error {
	if len(cfg.Setup) == 0 {
		return nil
	}
	address := s.adminURL(name)
	if !cfg.Empty {
		address = s.roleURL(migratorRole, name)
	}
	return execAll(ctx, address, cfg.Setup)
}

// execAll runs scripts of several statements each.
func execAll(ctx context.Context, address string, scripts []string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, sql := range scripts {
		if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}
