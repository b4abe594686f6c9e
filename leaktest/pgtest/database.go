package pgtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/tenancy"
)

// A Database is a database of one's own.
type Database struct {
	Name string

	// AdminURL connects as the server's administrator, MigratorURL as the role
	// that changes the schema, AppURL as the role of the application, SystemURL
	// as the role that works across tenants. Those of the schema's roles are
	// empty in an Empty database.
	AdminURL, MigratorURL, AppURL, SystemURL string

	// Key signs tenant contexts for this database, and for no other. It is zero
	// in an Empty database.
	Key tenancy.ContextKey

	server *Server

	mu     sync.Mutex
	logins []string
}

// CreateDatabase makes a database of the given name, a copy of cfg's template.
// An empty name stands for a unique one.
func (s *Server) CreateDatabase(ctx context.Context, name string, cfg Config) (*Database, error) {
	if name == "" {
		name = fmt.Sprintf("%s%s_%d", databasePrefix, s.run, s.count.Add(1))
	}
	t, err := s.copyTemplate(ctx, name, cfg)
	if hasCode(err, noDatabase) {
		// Another process swept the template: nobody had used it for days.
		s.forgetTemplates()
		t, err = s.copyTemplate(ctx, name, cfg)
	}
	if err != nil {
		return nil, err
	}
	d := &Database{Name: name, AdminURL: s.adminURL(name), server: s}
	if cfg.Empty {
		return d, nil
	}
	if err := s.finishCopy(ctx, d, t.name); err != nil {
		return nil, errors.Join(err, d.Drop(context.WithoutCancel(ctx)))
	}
	return d, nil
}

const noDatabase = "3D000"

func (s *Server) copyTemplate(ctx context.Context, name string, cfg Config) (*template, error) {
	t, err := s.template(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := s.copy(ctx, name, t.name); err != nil {
		return nil, fmt.Errorf("copy the template database: %w", err)
	}
	return t, nil
}

// Drop removes the database, ends the sessions in it, and removes the roles
// that Login made for it.
func (d *Database) Drop(ctx context.Context) error {
	if err := d.server.exec(ctx, "drop database if exists "+quote(d.Name)+" with (force)"); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, role := range d.logins {
		if err := d.server.exec(ctx, "drop role if exists "+quote(role)); err != nil {
			return err
		}
	}
	return nil
}

// Server is where the database is.
func (d *Database) Server() *Server { return d.server }

// Admin, Migrator, App and System return a pool that is closed when the test
// ends. They are raw pools: App is what an attacker inside the application has.
func (d *Database) Admin(t testing.TB) *pgxpool.Pool { t.Helper(); return d.pool(t, d.AdminURL) }

// Migrator returns a pool of the role that changes the schema.
func (d *Database) Migrator(t testing.TB) *pgxpool.Pool { t.Helper(); return d.pool(t, d.MigratorURL) }

// App returns a pool of the application's role.
func (d *Database) App(t testing.TB) *pgxpool.Pool { t.Helper(); return d.pool(t, d.AppURL) }

// System returns a pool of the role that works across tenants.
func (d *Database) System(t testing.TB) *pgxpool.Pool { t.Helper(); return d.pool(t, d.SystemURL) }

func (d *Database) pool(t testing.TB, address string) *pgxpool.Pool {
	t.Helper()
	if address == "" {
		t.Fatal("an Empty database has only an administrator (make a role with Login)")
	}
	pool, err := pgxpool.New(t.Context(), address)
	if err != nil {
		t.Fatalf("connect to the test database: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Exec runs scripts as the migrator, in an Empty database as the administrator.
func (d *Database) Exec(t testing.TB, scripts ...string) {
	t.Helper()
	address := d.MigratorURL
	if address == "" {
		address = d.AdminURL
	}
	if err := execAll(t.Context(), address, scripts); err != nil {
		t.Fatalf("set up the test database: %v", err)
	}
}

// Login makes a role that can log in, and returns its name and its URL in this
// database. Attributes are those of CREATE ROLE, such as "BYPASSRLS" or
// "IN ROLE watertight_app". Roles belong to the whole server, hence the name
// that no other test has; the role goes when the database does.
func (d *Database) Login(t testing.TB, attributes ...string) (name, address string) {
	t.Helper()
	name, address, err := d.NewLogin(t.Context(), attributes...)
	if err != nil {
		t.Fatal(err)
	}
	return name, address
}

// NewLogin is Login outside of tests.
func (d *Database) NewLogin(ctx context.Context, attributes ...string) (name, address string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = fmt.Sprintf("%s%s_%d", loginPrefix, d.server.run, d.server.count.Add(1))
	if err := d.server.createLogin(ctx, name, strings.Join(attributes, " ")); err != nil {
		return "", "", fmt.Errorf("make a role: %w", err)
	}
	d.logins = append(d.logins, name)
	if err := d.server.exec(ctx, "grant connect on database "+quote(d.Name)+" to "+quote(name)); err != nil {
		return "", "", fmt.Errorf("let a role connect: %w", err)
	}
	return name, d.server.url(name, d.server.rolePassword(), d.Name), nil
}
