package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Server is a running PostgreSQL that databases can be made on: one that was
// started for this process, or one that DATABASE_URL names.
type Server struct {
	source      string
	version     int
	fullVersion string

	base  *url.URL      // the administrator's, in the maintenance database
	admin *pgxpool.Pool // on base
	owned bool          // started for this process: its roles are ours
	local *local        // the process, if it runs on this machine and is ours
	super bool          // the administrator is a superuser
	halt  func() error  // ends what was started
	keep  func() error  // makes halt leave the data

	stop     sync.Once
	stopErr  error
	run      string       // names this process in databases and roles
	password string       // of the login roles
	count    atomic.Int64 // of names given

	mu        sync.Mutex
	templates map[string]*template
	building  sync.Mutex
	built     atomic.Int64 // templates, for tests

	roles      sync.Mutex
	rolesReady bool
}

// Start returns a server for use outside tests. The caller stops it.
//
// Its error is a [*NotFoundError] if no way led to a server.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	return find(ctx, cfg, sources())
}

// newServer connects to a running server as its administrator.
func newServer(ctx context.Context, base *url.URL) (*Server, error) {
	config, err := pgxpool.ParseConfig(base.String())
	if err != nil {
		return nil, errors.New("cannot be parsed as a URL (write postgres://USER:PASSWORD@HOST:PORT/DATABASE)")
	}
	config.MaxConns = 8
	config.MinConns = 0
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &Server{
		base: base, admin: pool, run: runName(), password: rand.Text(),
		templates: map[string]*template{},
		halt:      func() error { return nil }, keep: func() error { return nil },
	}
	var number int
	err = pool.QueryRow(ctx, `select current_setting('server_version_num')::int, current_setting('server_version'), rolsuper
		from pg_roles where rolname = current_user`).Scan(&number, &s.fullVersion, &s.super)
	if err != nil {
		pool.Close()
		return nil, err
	}
	s.version = number / 10000
	s.fullVersion, _, _ = strings.Cut(s.fullVersion, " ")
	return s, nil
}

// runName is unique among processes and sorts by time.
func runName() string {
	return fmt.Sprintf("%x_%s", time.Now().Unix(), strings.ToLower(rand.Text()[:8]))
}

// Version is the server's major version.
func (s *Server) Version() int { return s.version }

// Source says in words where the server came from.
func (s *Server) Source() string { return s.source }

// Stop ends a server that was started for this process, and its databases with
// it. On somebody else's server it only ends the connections.
func (s *Server) Stop() error {
	s.stop.Do(func() {
		s.admin.Close()
		s.stopErr = s.halt()
	})
	return s.stopErr
}

// url addresses a database as a role; an empty password leaves it out.
func (s *Server) url(user, password, database string) string {
	u := *s.base
	u.Path = "/" + database
	u.User = url.User(user)
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// adminURL addresses a database as the administrator.
func (s *Server) adminURL(database string) string {
	u := *s.base
	u.Path = "/" + database
	return u.String()
}

// exec runs statements in the maintenance database.
func (s *Server) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := s.admin.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// createLogin makes a role that logs in with the server's password.
func (s *Server) createLogin(ctx context.Context, name, attributes string) error {
	err := s.exec(ctx, fmt.Sprintf("create role %s login password '%s' %s", quote(name), s.password, attributes))
	if err != nil || s.super {
		return err
	}
	// Only a superuser may drop a database from under the sessions of a role, or
	// drop what a role owns, without being a member of it.
	return s.exec(ctx, "grant "+quote(name)+" to current_user")
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
