package leaktest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// clonePrefix begins the names of the copies, so that one that a killed run
// left behind is recognised and swept by the next.
const clonePrefix = "watertight_attack_"

// A target is what is attacked: a copy of the database, or the database itself
// inside one transaction that is rolled back.
type target struct {
	config  *pgx.ConnConfig // connects to what is attacked, as the administrator
	admin   *pgx.ConnConfig // connects beside it, to make and drop the copy
	source  string
	clone   string // name of the copy, empty when the database itself is attacked
	inPlace string // why there is no copy
}

// prepare copies the database. Where that cannot be, the attacks run in the
// database itself, inside one transaction that is never committed.
func prepare(ctx context.Context, cfg Config) (*target, error) {
	config, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	t := &target{config: config, source: config.Database}
	if err := t.refuseLive(ctx, cfg); err != nil {
		return nil, err
	}
	if err := t.copyDatabase(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		t.inPlace = err.Error()
		t.clone = ""
		t.config = config
	}
	return t, nil
}

// parseURL reads a connection string. The error does not repeat it.
func parseURL(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read (write postgres://user@host/database)")
	}
	// Results come as text, and nothing is prepared behind the suite's back.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	if config.RuntimeParams == nil {
		config.RuntimeParams = map[string]string{}
	}
	config.RuntimeParams["application_name"] = "watertight attack"
	return config, nil
}

// maxRows is how many rows a database may hold and still look like one for
// tests. The copy is as large as the original.
const maxRows = 200_000

// refuseLive refuses a database that looks as if somebody worked with it.
func (t *target) refuseLive(ctx context.Context, cfg Config) error {
	conn, err := connect(ctx, t.config)
	if err != nil {
		return err
	}
	defer closeConn(conn)
	t.source = conn.Config().Database
	var (
		rows     float64
		size     int64
		sessions int
		name     string
	)
	err = conn.QueryRow(ctx, `
select coalesce(sum(greatest(c.reltuples, 0)), 0)::float8, coalesce(sum(pg_catalog.pg_relation_size(c.oid)), 0)::bigint,
  (select count(distinct a.usename)::int from pg_catalog.pg_stat_activity a
   where a.datname = current_database() and a.pid <> pg_catalog.pg_backend_pid() and a.backend_type = 'client backend'
     and a.application_name not in ('watertight attack', 'watertight inspect')),
  current_database()::text
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`).Scan(&rows, &size, &sessions, &name)
	if err != nil {
		return fmt.Errorf("look at the database: %w", plain(err))
	}
	t.source = name
	if cfg.YesDestroy {
		return nil
	}
	switch {
	case rows > maxRows || size > 256<<20:
		return fmt.Errorf("database %s holds %.0f rows in %d MB, which does not look disposable (name a database for tests, or pass --yes-destroy)", name, rows, size>>20)
	case looksLive(name):
		return fmt.Errorf("database %s does not look disposable by its name (name a database for tests, or pass --yes-destroy)", name)
	}
	return nil
}

// looksLive tells a name such as app_production.
func looksLive(name string) bool {
	for _, word := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r < 'a' || r > 'z' }) {
		switch word {
		case "prod", "production", "live", "prd":
			return true
		}
	}
	return false
}

func connect(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", plain(err))
	}
	return conn, nil
}

// plain takes the connection string out of pgx's errors and leaves what the
// server said.
func plain(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Errorf("%s (SQLSTATE %s)", pg.Message, pg.Code)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(next) {
			err = next
		}
	}
	return err
}

func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// copyDatabase makes the copy, which nobody else is connected to and which is
// dropped in the end.
func (t *target) copyDatabase(ctx context.Context) error {
	maintenance, err := t.maintenance(ctx)
	if err != nil {
		return err
	}
	defer closeConn(maintenance)
	t.admin = maintenance.Config()
	sweep(ctx, maintenance)
	var suffix [6]byte
	if _, err := rand.Read(suffix[:]); err != nil {
		return fmt.Errorf("name the copy: %w", err)
	}
	name := clonePrefix + hex.EncodeToString(suffix[:])
	create := fmt.Sprintf("create database %s template %s", quoteName(name), quoteName(t.source))
	// The server itself waits five seconds for others who are connected to the
	// original; who has not gone by then stays.
	_, err = maintenance.Exec(ctx, create)
	if err != nil {
		return fmt.Errorf("the database could not be copied: %w", plain(err))
	}
	t.clone = name
	if err := t.finishCopy(ctx, maintenance); err != nil {
		t.drop(ctx)
		return err
	}
	config := t.config.Copy()
	config.Database = name
	t.config = config
	return nil
}

// maintenance connects to another database than the one that is copied.
func (t *target) maintenance(ctx context.Context) (*pgx.Conn, error) {
	var last error
	for _, name := range []string{"postgres", "template1"} {
		if name == t.source {
			continue
		}
		config := t.config.Copy()
		config.Database = name
		conn, err := connect(ctx, config)
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, last
}

// finishCopy gives the copy what CREATE DATABASE leaves behind in the original:
// its owner, its access list and its settings.
func (t *target) finishCopy(ctx context.Context, conn *pgx.Conn) error {
	statements, err := column(ctx, conn, `
select format('comment on database %I is %L', $2::text, 'copy of '||$1::text||' for watertight attack, '||now()) union all
select format('alter database %I owner to %I', $2::text, r.rolname)
from pg_catalog.pg_database d join pg_catalog.pg_roles r on r.oid = d.datdba where d.datname = $1 and r.rolname <> current_user
union all
select format('revoke all on database %I from public', $2::text) from pg_catalog.pg_database d where d.datname = $1 and d.datacl is not null
union all
select format('grant %s on database %I to %s', a.privilege_type, $2::text, case a.grantee when 0 then 'public' else quote_ident(a.grantee::regrole::name) end)
from pg_catalog.pg_database d, aclexplode(d.datacl) a where d.datname = $1
union all
select case s.setrole when 0 then format('alter database %I set %s = %s', $2::text, x.name, x.value)
  else format('alter role %I in database %I set %s = %s', r.rolname, $2::text, x.name, x.value) end
from pg_catalog.pg_db_role_setting s join pg_catalog.pg_database d on d.oid = s.setdatabase and d.datname = $1
left join pg_catalog.pg_roles r on r.oid = s.setrole
cross join lateral (select split_part(c, '=', 1) as name, case when split_part(c, '=', 1) in ('search_path', 'temp_tablespaces', 'session_preload_libraries')
  then substr(c, strpos(c, '=') + 1) else quote_literal(substr(c, strpos(c, '=') + 1)) end as value from unnest(s.setconfig) c) x`, t.source, t.clone)
	if err != nil {
		return fmt.Errorf("read the database's own settings: %w", err)
	}
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil && !hasCode(err, "42501") {
			return fmt.Errorf("give the copy the settings of the original: %w", plain(err))
		}
	}
	return nil
}

// staleAfter is the age at which a copy without sessions belongs to nobody.
const staleAfter = time.Hour

// sweep drops copies that killed runs left behind. What it may not drop stays.
func sweep(ctx context.Context, conn *pgx.Conn) {
	names, err := column(ctx, conn, `
select d.datname::text from pg_catalog.pg_database d
join pg_catalog.pg_shdescription c on c.objoid = d.oid and c.classoid = 'pg_catalog.pg_database'::regclass
where d.datname like 'watertight\_attack\_%'
  and substring(c.description from '.*, (.*)$')::timestamptz < now() - make_interval(secs => $1::float8)
  and not exists (select from pg_catalog.pg_stat_activity a where a.datid = d.oid)`, staleAfter.Seconds())
	if err != nil {
		return
	}
	for _, name := range names {
		_, _ = conn.Exec(ctx, "drop database if exists "+quoteName(name))
	}
}

// drop removes the copy, also after a cancelled context.
func (t *target) drop(ctx context.Context) error {
	if t.clone == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	conn, err := connect(ctx, t.admin)
	if err == nil {
		_, err = conn.Exec(ctx, "drop database if exists "+quoteName(t.clone)+" with (force)")
		closeConn(conn)
	}
	if err != nil {
		return fmt.Errorf("the copy %s was left behind: %w (drop it by hand)", t.clone, plain(err))
	}
	return nil
}

func hasCode(err error, code string) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == code
}

// column returns the only column of a query.
func column(ctx context.Context, conn interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
}, sql string, args ...any,
) ([]string, error) {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, plain(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, plain(err)
	}
	return list, nil
}
