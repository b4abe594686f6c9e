package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	envURL = "DATABASE_URL"
	// envRemote allows a server on another machine outside CI.
	envRemote = "WATERTIGHT_PG_REMOTE"
)

// fromURL uses the server that DATABASE_URL names.
func fromURL(ctx context.Context, cfg Config) (*Server, []attempt) {
	text := os.Getenv(envURL)
	if text == "" {
		return nil, []attempt{{envURL, "is not set"}}
	}
	s, err := useURL(ctx, cfg, text)
	if err != nil {
		// Another way may work; whoever set the variable should know all the same.
		fmt.Fprintf(os.Stderr, "pgtest: %s is not used: %v\n", envURL, err)
		return nil, []attempt{{envURL, err.Error()}}
	}
	return s, nil
}

var errURL = errors.New("is not a URL (write postgres://USER:PASSWORD@HOST:PORT/DATABASE)")

func useURL(ctx context.Context, cfg Config, text string) (*Server, error) {
	base, err := parseURL(text)
	if err != nil {
		return nil, err
	}
	if err := disposable(base); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	s, err := newServer(ctx, base)
	if err != nil {
		return nil, err
	}
	if err := s.adopt(ctx, cfg); err != nil {
		s.admin.Close()
		return nil, err
	}
	return s, nil
}

// parseURL reads the address. Users and databases are put in later, so the
// parameters that would override them move to their places.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errURL
	}
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, errURL
	}
	query := u.Query()
	for _, name := range []string{"user", "password", "dbname", "database"} {
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	u.Path = "/" + config.Database
	if config.Database == "" {
		u.Path = "/" + config.User
	}
	u.User = url.User(config.User)
	if config.Password != "" {
		u.User = url.UserPassword(config.User, config.Password)
	}
	return u, nil
}

// disposable refuses a server on another machine: a shell may have the address
// of a production server in DATABASE_URL, and tests make databases and roles.
// In CI it is a service container, which has a name of its own.
func disposable(u *url.URL) error {
	if os.Getenv("CI") != "" || os.Getenv(envRemote) != "" {
		return nil
	}
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return errURL
	}
	hosts := []string{config.Host}
	for _, fallback := range config.Fallbacks {
		hosts = append(hosts, fallback.Host)
	}
	for _, host := range hosts {
		ip := net.ParseIP(host)
		if !strings.HasPrefix(host, "/") && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("names a server on another machine, where tests would make databases and roles (set %s=1 if it is there for that)", envRemote)
		}
	}
	return nil
}

// adopt checks that tests can work on somebody else's server, announces this
// process there, and clears up after dead ones.
func (s *Server) adopt(ctx context.Context, cfg Config) error {
	if !cfg.accepts(s.version) {
		return fmt.Errorf("is PostgreSQL %d", s.version)
	}
	var able, standby bool
	err := s.admin.QueryRow(ctx, `select rolsuper or rolcreatedb and rolcreaterole, pg_is_in_recovery()
		from pg_roles where rolname = current_user`).Scan(&able, &standby)
	if err != nil {
		return err
	}
	switch {
	case standby:
		return errors.New("is a standby, which takes no writes (name the primary)")
	case !able:
		return errors.New("its user may not make databases and roles (alter role … createdb createrole)")
	}
	s.source = fmt.Sprintf("PostgreSQL %s that %s names", s.fullVersion, envURL)
	presence, err := s.announce(ctx)
	if err != nil {
		return err
	}
	s.halt = func() error { return s.leave(presence) }
	return s.sweep(ctx)
}

// announce opens a session that holds an advisory lock on this process's name
// for as long as the process lives: others see by it that it does.
func (s *Server) announce(ctx context.Context) (*pgx.Conn, error) {
	conn, err := s.meet(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", lockKey(s.run)); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

// leave drops this process's login roles. It runs after the pool was closed.
func (s *Server) leave(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var errs []error
	for _, role := range []string{migratorRole, appRole, systemRole} {
		_, err := conn.Exec(ctx, "drop role if exists "+quote(s.login(role)))
		errs = append(errs, err)
	}
	return errors.Join(append(errs, conn.Close(ctx))...)
}
