package pgtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// keepDatabases is how long the databases of an ended process stay on a
	// shared server: those of failed tests are there to be looked at.
	keepDatabases = 24 * time.Hour
	// keepTemplates is how long a template stays that nobody has used.
	keepTemplates = 7 * 24 * time.Hour
)

// sweep removes from a shared server what processes left that were killed, and
// templates of schemas that nobody tests any more. One process sweeps at a time
// and nobody builds meanwhile; who comes second does not wait.
func (s *Server) sweep(ctx context.Context) error {
	conn, err := s.meet(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var mine bool
	if err := conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", lockKey("build")).Scan(&mine); err != nil || !mine {
		return err
	}
	now := time.Now()
	for _, sweep := range []func(context.Context, *pgx.Conn, time.Time) error{sweepDatabases, sweepTemplates, sweepLogins} {
		if err := sweep(ctx, conn, now); err != nil {
			return fmt.Errorf("sweep leftovers of earlier runs: %w", err)
		}
	}
	return nil
}

// runOf reads the process that a name belongs to: databases and roles carry
// their process's run name after the prefix, and that begins with a time.
func runOf(name, prefix string) (run string, born time.Time, ok bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return "", time.Time{}, false
	}
	parts := strings.Split(rest, "_")
	if len(parts) < 2 {
		return "", time.Time{}, false
	}
	seconds, err := strconv.ParseInt(parts[0], 16, 64)
	if err != nil {
		return "", time.Time{}, false
	}
	return parts[0] + "_" + parts[1], time.Unix(seconds, 0), true
}

// ended lists the names that belong to processes that have ended and began long
// ago.
func ended(ctx context.Context, conn *pgx.Conn, query, prefix string, now time.Time) ([]string, error) {
	rows, _ := conn.Query(ctx, query, strings.ReplaceAll(prefix, "_", `\_`)+"%")
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	var dead []string
	for _, name := range names {
		run, born, ok := runOf(name, prefix)
		if !ok || now.Sub(born) < keepDatabases {
			continue
		}
		var free bool
		if err := conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", lockKey(run)).Scan(&free); err != nil {
			return nil, err
		}
		if free {
			dead = append(dead, name)
		}
	}
	return dead, nil
}

func sweepDatabases(ctx context.Context, conn *pgx.Conn, now time.Time) error {
	names, err := ended(ctx, conn, "select datname from pg_database where datname like $1 and pg_has_role(datdba, 'member')", databasePrefix, now)
	if err != nil {
		return err
	}
	return execEach(ctx, conn, names, "drop database if exists %s with (force)")
}

func sweepLogins(ctx context.Context, conn *pgx.Conn, now time.Time) error {
	names, err := ended(ctx, conn, "select rolname from pg_roles where rolname like $1", loginPrefix, now)
	if err != nil {
		return err
	}
	for _, name := range names {
		// A role that owns something in a database that is still kept stays
		// until that goes.
		_, _ = conn.Exec(ctx, "drop role if exists "+quote(name))
	}
	return nil
}

// sweepTemplates goes by the time of last use, which [Server.touch] writes in
// the comment.
func sweepTemplates(ctx context.Context, conn *pgx.Conn, now time.Time) error {
	rows, _ := conn.Query(ctx, `select datname from pg_database
		where datname like $1 and pg_has_role(datdba, 'member') and coalesce(shobj_description(oid, 'pg_database'), '') < $2`,
		strings.ReplaceAll(templatePrefix, "_", `\_`)+"%", usedAt(now.Add(-keepTemplates)))
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	return execEach(ctx, conn, names, "alter database %s with is_template false", "drop database if exists %s with (force)")
}

// usedAt is the comment on a template; the texts sort as the times do.
func usedAt(t time.Time) string {
	return "watertight pgtest template, last used " + t.UTC().Format(time.RFC3339)
}

// touch notes that a template is in use. Another administrator's template takes
// no comment from us, and is made again should its owner sweep it.
func (s *Server) touch(ctx context.Context, name string) error {
	err := s.exec(ctx, fmt.Sprintf("comment on database %s is '%s'", quote(name), usedAt(time.Now())))
	if hasCode(err, "42501") {
		return nil
	}
	return err
}

func hasCode(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}

func execEach(ctx context.Context, conn *pgx.Conn, names []string, formats ...string) error {
	for _, name := range names {
		for _, format := range formats {
			if _, err := conn.Exec(ctx, fmt.Sprintf(format, quote(name))); err != nil {
				return err
			}
		}
	}
	return nil
}
