package schema

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Profile is the kind of server that a database's schema is made for.
type Profile string

const (
	// ProfilePlain is one PostgreSQL server, with replicas or without.
	ProfilePlain Profile = "plain"

	// ProfileCitus is a Citus cluster: a team's tables are spread over workers
	// by their tenant. See docs/citus.md for what works there and what does not.
	ProfileCitus Profile = "citus"
)

// CitusDDL returns the statements that distribute and protect a table of a
// team on Citus, whatever the profile of the database is. It reads the table
// only, so it can be asked before there is a cluster. An error says why the
// table could not be distributed.
func CitusDDL(ctx context.Context, url, table, tenantColumn string) ([]string, error) {
	return tableDDL(ctx, url, table, tenantColumn,
		`select watertight.protect_reasons_plain($1::text::regclass, $2) union all select watertight.citus_reasons($1::text::regclass, $2)`,
		`select watertight.citus_ddl($1::text::regclass, $2)`)
}

// PlainDDL is [CitusDDL] for one PostgreSQL server.
func PlainDDL(ctx context.Context, url, table, tenantColumn string) ([]string, error) {
	return tableDDL(ctx, url, table, tenantColumn,
		"select watertight.protect_reasons_plain($1::text::regclass, $2)",
		"select watertight.protect_ddl_plain($1::text::regclass, $2)")
}

// tableDDL asks one query why not, and if nothing is against it another one how.
func tableDDL(ctx context.Context, url, table, tenantColumn, sqlReasons, sqlDDL string) ([]string, error) {
	var ddl []string
	err := withConn(ctx, url, func(conn *pgx.Conn) error {
		rows, _ := conn.Query(ctx, sqlReasons, table, tenantColumn)
		reasons, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return migrationError(err)
		}
		if len(reasons) > 0 {
			return fmt.Errorf("%s cannot be protected: %s", table, strings.Join(reasons, "; "))
		}
		rows, _ = conn.Query(ctx, sqlDDL, table, tenantColumn)
		ddl, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return migrationError(err)
	})
	return ddl, err
}

// useProfile gives the database the profile that was asked for or, if none
// was, keeps the one that it has: a migration may have replaced a function
// that differs between the two.
func useProfile(ctx context.Context, db *sql.DB, want Profile) (Profile, error) {
	if want == "" {
		err := db.QueryRowContext(ctx, "select case when exists (select from pg_extension where extname = 'citus') then 'citus' else watertight.profile() end").Scan(&want)
		if err != nil {
			return "", fmt.Errorf("read the profile of the database: %w", migrationError(err))
		}
	}
	if _, err := db.ExecContext(ctx, "select watertight.use_profile($1)", string(want)); err != nil {
		return "", fmt.Errorf("use the profile %s: %w", want, migrationError(err))
	}
	return want, prepareNodes(ctx, db, want)
}

// prepareNodes makes every node of a cluster ready. Each statement is a
// transaction of its own: the connections that Citus opens to its workers do
// not see what is not committed. On one server there is nothing to prepare.
func prepareNodes(ctx context.Context, db *sql.DB, profile Profile) error {
	cluster := false
	if err := db.QueryRowContext(ctx, "select exists (select from pg_extension where extname = 'citus')").Scan(&cluster); err != nil {
		return migrationError(err)
	}
	if !cluster || profile != ProfileCitus {
		return nil
	}
	rows, err := db.QueryContext(ctx, "select watertight.citus_statements()")
	if err != nil {
		return migrationError(err)
	}
	defer rows.Close()
	var statements []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return migrationError(err)
		}
		statements = append(statements, s)
	}
	if err := rows.Err(); err != nil {
		return migrationError(err)
	}
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("prepare the nodes of the cluster: %w (a superuser of the coordinator can do it; what was done so far may be done again)", migrationError(err))
		}
	}
	return nil
}

// shareKeys gives the workers of a cluster the coordinator's context keys.
func shareKeys(ctx context.Context, conn *pgx.Conn) error {
	cluster := false
	err := conn.QueryRow(ctx, "select exists (select from pg_extension where extname = 'citus')").Scan(&cluster)
	if err == nil && cluster {
		_, err = conn.Exec(ctx, "select watertight.citus_share_keys()")
	}
	if err != nil {
		return fmt.Errorf("give the workers the context keys: %w (the coordinator has them; repeat it as a superuser: select watertight.citus_share_keys())", migrationError(err))
	}
	return nil
}
