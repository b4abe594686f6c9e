package schema

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable is where goose notes which migrations ran. It stands in the
// watertight schema, so a team's own goose table in public is another one.
const versionTable = "watertight.migration"

// Config of [Migrate]. The zero value is right.
type Config struct {
	// Progress, if not nil, is called before each migration with its file name.
	Progress func(migration string)

	// LockWait is how long to wait for another process that migrates the same
	// database. Defaults to one minute.
	LockWait time.Duration

	// Profile of the database. Defaults to the one that it has, which is
	// ProfilePlain at first, or ProfileCitus where the extension citus is.
	Profile Profile
}

// Report says what [Migrate] did.
type Report struct {
	// Applied are the file names of the migrations that ran, in order. Empty
	// when the database was up to date.
	Applied []string

	// Limitations are what the migrating role was not allowed to do, now or
	// in an earlier run.
	Limitations []Limitation

	// Profile that the database has now.
	Profile Profile
}

// Limitation is one thing that the migrating role was not allowed to do.
type Limitation struct {
	ID          string // stable, for scripts
	What        string // what to do as a superuser to lift it
	Consequence string // what it costs until then
}

// Migration is one line of [Status].
type Migration struct {
	File      string
	Applied   bool
	AppliedAt time.Time // zero when not applied
}

// Migrate brings the database up to date. It needs a superuser, or a role
// with CREATEROLE that owns the database. Each migration is one transaction:
// a failed or killed run leaves the database at the last complete one.
func Migrate(ctx context.Context, url string, cfg Config) (Report, error) {
	var report Report
	err := withProvider(ctx, url, cfg, func(db *sql.DB, p *goose.Provider) error {
		for {
			if cfg.Progress != nil {
				if next := nextPending(ctx, p); next != "" {
					cfg.Progress(next)
				}
			}
			result, err := p.UpByOne(ctx)
			if errors.Is(err, goose.ErrNoNextVersion) {
				break
			}
			if err != nil {
				return migrationError(err)
			}
			report.Applied = append(report.Applied, fileName(result.Source.Path))
		}
		var err error
		if report.Profile, err = useProfile(ctx, db, cfg.Profile); err != nil {
			return err
		}
		report.Limitations, err = limitations(ctx, db)
		return err
	})
	return report, err
}

// Down takes everything out again, the library's tables and their rows
// included. Roles that another database of the server still uses stay.
func Down(ctx context.Context, url string) error {
	return withProvider(ctx, url, Config{}, func(db *sql.DB, p *goose.Provider) error {
		if _, err := p.DownTo(ctx, 0); err != nil {
			return migrationError(err)
		}
		return nil
	})
}

// Status lists the migrations and which of them the database has. It writes
// nothing.
func Status(ctx context.Context, url string) ([]Migration, error) {
	begun := false
	err := withConn(ctx, url, func(conn *pgx.Conn) error {
		row := conn.QueryRow(ctx, "select exists (select from pg_class where relname = 'migration' and relnamespace = to_regnamespace('watertight'))")
		return migrationError(row.Scan(&begun))
	})
	if err != nil {
		return nil, err
	}
	if !begun {
		return pending()
	}
	return recorded(ctx, url)
}

// pending lists every migration as not applied.
func pending() ([]Migration, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	list := make([]Migration, len(files))
	for i, f := range files {
		list[i].File = fileName(f)
	}
	return list, nil
}

// recorded asks goose's table.
func recorded(ctx context.Context, url string) ([]Migration, error) {
	var list []Migration
	err := withProvider(ctx, url, Config{}, func(db *sql.DB, p *goose.Provider) error {
		statuses, err := p.Status(ctx)
		if err != nil {
			return migrationError(err)
		}
		for _, s := range statuses {
			list = append(list, Migration{
				File:      fileName(s.Source.Path),
				Applied:   s.State == goose.StateApplied,
				AppliedAt: s.AppliedAt,
			})
		}
		return nil
	})
	return list, err
}

// SecureDatabase repeats what belongs to the database and not to the objects
// in it. CREATE DATABASE … TEMPLATE and a restore do not copy that.
func SecureDatabase(ctx context.Context, url string) error {
	return withConn(ctx, url, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "select watertight.secure_database()")
		return migrationError(err)
	})
}

// ProtectDDL returns the statements that watertight.protect would run on a
// table of the database, for teams that review DDL. An error says why the
// table cannot be protected.
func ProtectDDL(ctx context.Context, url, table, tenantColumn string) ([]string, error) {
	return tableDDL(ctx, url, table, tenantColumn,
		"select watertight.protect_reasons($1::text::regclass, $2)",
		"select watertight.protect_ddl($1::text::regclass, $2)")
}

// Hash identifies the set of migrations; a template database is keyed by it.
func Hash() string {
	h := sha256.New()
	_ = fs.WalkDir(migrations, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := migrations.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n", path, len(content))
		h.Write(content)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func withProvider(ctx context.Context, url string, cfg Config, fn func(*sql.DB, *goose.Provider) error) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return errURL
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	// goose makes its table, but not the schema that the table stands in.
	if _, err := db.ExecContext(ctx, "create schema if not exists watertight"); err != nil {
		return migrationError(err)
	}
	wait := cfg.LockWait
	if wait == 0 {
		wait = time.Minute
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, uint64(max(wait/time.Second, 1))))
	if err != nil {
		return fmt.Errorf("lock migrations: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(versionTable), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("load migrations: %w", err)
	}
	return fn(db, p)
}

func withConn(ctx context.Context, url string, fn func(*pgx.Conn) error) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return errURL
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return migrationError(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return fn(conn)
}

func nextPending(ctx context.Context, p *goose.Provider) string {
	statuses, err := p.Status(ctx)
	if err != nil {
		return "" // the run itself reports it
	}
	for _, s := range statuses {
		if s.State == goose.StatePending {
			return fileName(s.Source.Path)
		}
	}
	return ""
}

func limitations(ctx context.Context, db *sql.DB) ([]Limitation, error) {
	rows, err := db.QueryContext(ctx, "select id, what, consequence from watertight.limitation order by id")
	if err != nil {
		return nil, migrationError(err)
	}
	defer rows.Close()
	var list []Limitation
	for rows.Next() {
		var l Limitation
		if err := rows.Scan(&l.ID, &l.What, &l.Consequence); err != nil {
			return nil, migrationError(err)
		}
		list = append(list, l)
	}
	return list, rows.Err()
}

func fileName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

var errURL = errors.New("the database URL cannot be read (write postgres://user@host:5432/database)")

// migrationError keeps what Postgres said and drops what names the server:
// pgx's connection errors carry user, host and database.
func migrationError(err error) error {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg) && errors.As(err, &connect):
		return fmt.Errorf("connect to the database: %s (SQLSTATE %s)", pg.Message, pg.Code)
	case errors.As(err, &connect):
		return errors.New("connect to the database: no answer (check that it runs, and the address)")
	}
	return err
}
