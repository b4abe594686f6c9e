package pgtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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
	logins int
}

// CreateDatabase makes a database of the given name, a copy of cfg's template.
// An empty name stands for a unique one.
func (s *Server) CreateDatabase(ctx context.Context, name string, cfg Config) (*Database, error) {
	if name == "" {
		name = fmt.Sprintf("%s%s_%d", databasePrefix, s.run, s.count.Add(1))
	}
	t, err := s.template(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := s.copy(ctx, name, t.name); err != nil {
		return nil, fmt.Errorf("copy the template database: %w", err)
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

// Drop removes the database and ends the sessions in it.
func (d *Database) Drop(ctx context.Context) error {
	return d.server.exec(ctx, "drop database if exists "+quote(d.Name)+" with (force)")
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
// that no other test has; the role is dropped when the test passes.
func (d *Database) Login(t testing.TB, attributes ...string) (name, address string) {
	t.Helper()
	d.logins++
	name = fmt.Sprintf("%s_%d", strings.Replace(d.Name, databasePrefix, loginPrefix, 1), d.logins)
	create := fmt.Sprintf("create role %s login password '%s' %s", quote(name), d.server.password, strings.Join(attributes, " "))
	connect := "grant connect on database " + quote(d.Name) + " to " + quote(name)
	if err := d.server.exec(t.Context(), create, connect); err != nil {
		t.Fatalf("make a role: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		// Database.Drop has not run yet: cleanups run last first.
		_ = execAll(ctx, d.AdminURL, []string{"drop owned by " + quote(name) + " cascade"})
		if err := d.server.exec(ctx, "drop role "+quote(name)); err != nil {
			t.Logf("drop the test's role %s: %v", name, err)
		}
	})
	return name, d.server.url(name, d.server.rolePassword(), d.Name)
}
