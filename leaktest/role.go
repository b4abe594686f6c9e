package leaktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/internal/catalog"
)

// findApp finds the role of the application and how to act as it.
func (w *world) findApp(ctx context.Context, tx *pgx.Conn) error {
	name := w.cfg.AppRole
	if name == "" && w.cfg.AppURL != "" {
		config, err := parseURL(w.cfg.AppURL)
		if err != nil {
			return err
		}
		name = config.User
	}
	if name == "" {
		var err error
		if name, err = w.guessApp(ctx, tx); err != nil {
			return err
		}
		w.assumed = append(w.assumed, "the application's role is "+name)
	}
	if w.app = w.cat.RoleNamed(name); w.app == nil {
		return fmt.Errorf("there is no role %q (name the application's role with --app-role)", name)
	}
	var me string
	if err := tx.QueryRow(ctx, "select session_user::text, (select rolsuper from pg_catalog.pg_roles where rolname = session_user)").Scan(&me, &w.super); err != nil {
		return fmt.Errorf("read who is connected: %w", plain(err))
	}
	// A superuser can be the role entirely, session_user included.
	if w.super {
		w.become = "set local session authorization " + quoteName(name)
		w.unbecome = "set local session authorization default"
	} else {
		w.become = "set local role " + quoteName(name)
		w.unbecome = "set local role none"
	}
	return w.readSettings(ctx, tx)
}

// readSettings reads the settings that the role gets when it logs in, which
// acting as it does not give.
func (w *world) readSettings(ctx context.Context, tx *pgx.Conn) error {
	rows, err := tx.Query(ctx, `
select split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
from pg_catalog.pg_db_role_setting s cross join unnest(s.setconfig) c
where s.setrole in ($1, 0) and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
order by (s.setrole <> 0)::int, (s.setdatabase <> 0)::int`, w.app.OID)
	if err != nil {
		return fmt.Errorf("read the settings of the application's role: %w", plain(err))
	}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		switch name {
		case "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "role", "session_authorization":
			return nil // the suite has its own
		}
		w.appSettings = append(w.appSettings, setLocal(name, value))
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the settings of the application's role: %w", plain(err))
	}
	return nil
}

// guessApp chooses the role that has the most grants on tenant tables, as
// inspect does.
func (w *world) guessApp(ctx context.Context, tx *pgx.Conn) (string, error) {
	tables := make([]catalog.OID, len(w.ten.Tables))
	for i, r := range w.ten.Tables {
		tables[i] = r.OID
	}
	rows, err := tx.Query(ctx, `
select r.rolname::text, count(distinct c.oid)::int
from pg_catalog.pg_class c cross join pg_catalog.pg_roles r
where c.oid = any ($1::oid[]) and r.oid <> c.relowner and r.rolname !~ '^pg_'
  and case when r.rolsuper then exists (select from pg_catalog.aclexplode(c.relacl) a where a.grantee = r.oid)
  else exists (select from pg_catalog.aclexplode(c.relacl) a where a.grantee not in (c.relowner, 0) and pg_catalog.pg_has_role(r.oid, a.grantee, 'MEMBER'))
    or exists (select from pg_catalog.pg_attribute t, pg_catalog.aclexplode(t.attacl) a
               where t.attrelid = c.oid and t.attacl is not null and a.grantee not in (c.relowner, 0) and pg_catalog.pg_has_role(r.oid, a.grantee, 'MEMBER'))
    or exists (select from pg_catalog.pg_policy p, unnest(p.polroles) as o(oid) where p.polrelid = c.oid and o.oid not in (0, c.relowner) and pg_catalog.pg_has_role(r.oid, o.oid, 'MEMBER')) end
group by r.rolname order by r.rolname`, tables)
	if err != nil {
		return "", fmt.Errorf("read grants: %w", plain(err))
	}
	type candidate struct {
		name  string
		score int
	}
	var (
		list []candidate
		name string
		n    int
	)
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error {
		list = append(list, candidate{name, appScore(w.cat.RoleNamed(name), n)})
		return nil
	}); err != nil {
		return "", fmt.Errorf("read grants: %w", plain(err))
	}
	if len(list) > 0 {
		return slices.MaxFunc(list, func(a, b candidate) int { return a.score - b.score }).name, nil
	}
	return w.guessOwner()
}

// guessOwner takes the owner of the tables where nobody else has a grant: a
// single-role application.
func (w *world) guessOwner() (string, error) {
	for _, r := range w.ten.Tables {
		if o := w.cat.Role(r.Owner); o != nil && !o.Super && o.Login {
			return o.Name, nil
		}
	}
	return "", errNoRole
}

// appScore prefers roles that can log in and are no administrators, that have
// the most grants, and that are named like an application.
func appScore(r *catalog.Role, grants int) int {
	score := 10 * grants
	if r.Login {
		score += 3
	}
	if !r.Super && !r.BypassRLS && !r.CreateRole && !r.Replication {
		score += 2
	}
	name := strings.ToLower(r.Name)
	for _, hint := range []string{"app", "web", "api", "service", "tenant", "user", "authenticated"} {
		if strings.Contains(name, hint) {
			return score + 15
		}
	}
	return score
}

// readPrivileges reads what the application's role may do with each relation.
func (w *world) readPrivileges(ctx context.Context, tx *pgx.Conn) error {
	rows, err := tx.Query(ctx, `
select c.oid, pg_catalog.has_schema_privilege($1::oid, c.relnamespace, 'USAGE'),
  pg_catalog.has_table_privilege($1::oid, c.oid, 'SELECT'), pg_catalog.has_table_privilege($1::oid, c.oid, 'INSERT'),
  pg_catalog.has_table_privilege($1::oid, c.oid, 'UPDATE'), pg_catalog.has_table_privilege($1::oid, c.oid, 'DELETE'),
  pg_catalog.has_table_privilege($1::oid, c.oid, 'TRUNCATE'), pg_catalog.has_table_privilege($1::oid, c.oid, 'REFERENCES'),
  pg_catalog.has_table_privilege($1::oid, c.oid, 'TRIGGER'),
  array(select a.attnum from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and pg_catalog.has_column_privilege($1::oid, c.oid, a.attnum, 'SELECT')),
  array(select a.attnum from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and pg_catalog.has_column_privilege($1::oid, c.oid, a.attnum, 'INSERT')),
  array(select a.attnum from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and pg_catalog.has_column_privilege($1::oid, c.oid, a.attnum, 'UPDATE')),
  c.relrowsecurity and not (r.rolsuper or r.rolbypassrls) and (c.relforcerowsecurity or not pg_catalog.pg_has_role($1::oid, c.relowner, 'USAGE'))
from pg_catalog.pg_class c join pg_catalog.pg_roles r on r.oid = $1::oid
where c.oid = any ($2::oid[])`, w.app.OID, w.relationOIDs())
	if err != nil {
		return fmt.Errorf("read privileges: %w", plain(err))
	}
	for rows.Next() {
		var (
			oid           catalog.OID
			p             privileges
			sel, ins, upd []int16
		)
		if err := rows.Scan(&oid, &p.usage, &p.selects, &p.inserts, &p.updates, &p.deletes, &p.truncates, &p.references, &p.triggers, &sel, &ins, &upd, &p.rowSecurity); err != nil {
			return fmt.Errorf("read privileges: %w", err)
		}
		p.selectCols, p.insertCols, p.updCols = set(sel), set(ins), set(upd)
		if t := w.byOID[oid]; t != nil {
			t.privileges = p
		} else {
			w.byOID[oid] = &table{rel: w.cat.Relation(oid), privileges: p}
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read privileges: %w", plain(err))
	}
	return nil
}

func (w *world) relationOIDs() []catalog.OID {
	out := make([]catalog.OID, 0, len(w.cat.Relations))
	for _, r := range w.cat.Relations {
		if !r.Extension {
			out = append(out, r.OID)
		}
	}
	return out
}

func set(nums []int16) map[int16]bool {
	m := make(map[int16]bool, len(nums))
	for _, n := range nums {
		m[n] = true
	}
	return m
}
