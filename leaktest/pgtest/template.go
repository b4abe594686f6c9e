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

	"github.com/watertight-go/watertight/schema"
)

// The names that databases and roles of tests start with; the sweep of a shared
// server goes by them.
const (
	templatePrefix = "wt_template_"
	databasePrefix = "wt_test_"
	loginPrefix    = "wt_login_"
)

// A template is a database that others are copied from.
type template struct {
	name string

	mu    sync.Mutex
	ready bool
}

// template returns the template for cfg, made on first use.
func (s *Server) template(ctx context.Context, cfg Config) (*template, error) {
	// A template with Setup is a copy of the one without: the migrations run
	// once, however many setups there are.
	var from *template
	if len(cfg.Setup) > 0 && !cfg.Empty {
		var err error
		if from, err = s.template(ctx, Config{Version: cfg.Version}); err != nil {
			return nil, err
		}
	}
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
	if err := s.buildOnce(ctx, t.name, from, cfg); err != nil {
		return nil, fmt.Errorf("build the template database: %w", err)
	}
	t.ready = true
	return t, nil
}

// forgetTemplates has the next use look for its template again.
func (s *Server) forgetTemplates() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.templates)
}

// fingerprint names everything that decides what the template contains.
func fingerprint(cfg Config) string {
	h := sha256.New()
	if !cfg.Empty {
		fmt.Fprintf(h, "schema %s\n", schema.Hash())
	}
	for _, sql := range cfg.Setup {
		fmt.Fprintf(h, "setup %d %s\n", len(sql), sql)
	}
	return hex.EncodeToString(h.Sum(nil))[:20]
}

// buildOnce builds the template unless another process has. Processes that
// share a server build one after the other: roles belong to the whole server,
// and concurrent changes of a role fail.
func (s *Server) buildOnce(ctx context.Context, name string, from *template, cfg Config) error {
	s.building.Lock()
	defer s.building.Unlock()
	// A connection of its own: waiting ones must not use up the pool that the
	// builder needs. Closing it gives the lock back.
	conn, err := s.meet(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", lockKey("build")); err != nil {
		return err
	}
	var complete bool
	err = conn.QueryRow(ctx, "select datistemplate from pg_database where datname = $1", name).Scan(&complete)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if !complete {
		if err := s.build(ctx, name, from, cfg); err != nil {
			return err
		}
		s.built.Add(1)
	} else if !cfg.Empty {
		if err := s.prepareRoles(ctx); err != nil {
			return err
		}
	}
	return s.touch(ctx, name)
}

// meet connects to where the processes of a server see each other's locks: an
// advisory lock is of one database, and each process may be given another.
func (s *Server) meet(ctx context.Context) (*pgx.Conn, error) {
	u := *s.base
	u.Path = "/postgres"
	conn, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return pgx.Connect(ctx, s.base.String()) // there is none, or it is closed to us
	}
	return conn, nil
}

func lockKey(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte("watertight pgtest " + name))
	return int64(h.Sum64())
}

// build makes the template. Being marked as a template is its last step: a
// database without the mark was left half-made and is made again.
func (s *Server) build(ctx context.Context, name string, from *template, cfg Config) error {
	if err := s.exec(ctx, "drop database if exists "+quote(name)+" with (force)"); err != nil {
		return err
	}
	var err error
	if from != nil {
		err = s.copy(ctx, name, from.name)
	} else {
		// The same on every server, also on one whose own encoding is another.
		err = s.exec(ctx, "create database "+quote(name)+" template template0 encoding 'UTF8' locale_provider libc locale 'C'")
	}
	if err != nil {
		return err
	}
	switch {
	case from != nil:
		if err := s.copyRights(ctx, name, from.name); err != nil {
			return err
		}
	case !cfg.Empty:
		if err := s.applySchema(ctx, name); err != nil {
			return err
		}
	}
	if err := s.setup(ctx, name, cfg); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	// Without connections, not even autovacuum's, nothing delays a copy.
	return s.exec(ctx, "alter database "+quote(name)+" with is_template true allow_connections false")
}

// copy makes a database. file_copy writes each file once; the default strategy
// writes it to the log as well.
func (s *Server) copy(ctx context.Context, name, from string) error {
	return s.exec(ctx, "create database "+quote(name)+" template "+quote(from)+" strategy file_copy")
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
