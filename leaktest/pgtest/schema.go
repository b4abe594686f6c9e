package pgtest

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/schema"
	"github.com/watertight-go/watertight/tenancy"
)

// The roles of the schema that a test connects as.
const (
	migratorRole = "watertight_migrator"
	appRole      = "watertight_app"
	systemRole   = "watertight_system"
)

// keyLife is longer than any server of ours lives, `-serve` included.
const keyLife = 365 * 24 * time.Hour

// applySchema migrates a new database and makes the roles able to connect.
func (s *Server) applySchema(ctx context.Context, database string) error {
	if _, err := schema.Migrate(ctx, s.adminURL(database), schema.Config{}); err != nil {
		return err
	}
	return s.prepareRoles(ctx)
}

// prepareRoles lets tests connect as the schema's roles. On a server of our own
// these get a password. On somebody else's server they are left alone, and this
// process gets login roles of its own that are members of them.
func (s *Server) prepareRoles(ctx context.Context) error {
	s.roles.Lock()
	defer s.roles.Unlock()
	if s.rolesReady {
		return nil
	}
	for _, role := range []string{migratorRole, appRole, systemRole} {
		var err error
		if s.owned {
			err = s.exec(ctx, fmt.Sprintf("alter role %s password '%s'", quote(role), s.password))
		} else {
			err = s.createLogin(ctx, s.login(role), "in role "+quote(role))
		}
		if err != nil {
			return err
		}
	}
	s.rolesReady = true
	if s.owned {
		return nil
	}
	// Settings and BYPASSRLS are not inherited with membership. A migrator that
	// becomes the schema's own role has them and leaves no object behind that
	// would keep its login role from being dropped.
	return s.exec(ctx,
		"alter role "+quote(s.login(migratorRole))+" set role = "+quote(migratorRole),
		"alter role "+quote(s.login(appRole))+" set search_path = ''",
		"alter role "+quote(s.login(systemRole))+" set search_path = ''")
}

// login is the name to connect under as one of the schema's roles.
func (s *Server) login(role string) string {
	if s.owned {
		return role
	}
	return loginPrefix + s.run + role[len("watertight"):]
}

// roleURL addresses a database as one of the schema's roles.
func (s *Server) roleURL(role, database string) string {
	return s.url(s.login(role), s.rolePassword(), database)
}

// rolePassword is empty on a socket that trusts its callers.
func (s *Server) rolePassword() string {
	if s.owned && s.base.Host == "" {
		return ""
	}
	return s.password
}

// finishCopy gives a copy what CREATE DATABASE does not copy, and a context key
// that no other database has.
func (s *Server) finishCopy(ctx context.Context, d *Database, from string) error {
	if err := s.copyRights(ctx, d.Name, from); err != nil {
		return fmt.Errorf("secure the copy: %w", err)
	}
	key, err := tenancy.NewContextKey()
	if err != nil {
		return err
	}
	if err := schema.AddKey(ctx, d.AdminURL, key, time.Now().Add(keyLife)); err != nil {
		return err
	}
	d.Key = key
	d.MigratorURL = s.roleURL(migratorRole, d.Name)
	d.AppURL = s.roleURL(appRole, d.Name)
	d.SystemURL = s.roleURL(systemRole, d.Name)
	return nil
}

// copyRights repeats the template's rights on the database itself. That is what
// [schema.SecureDatabase] does, a test holds the two together; but that needs a
// session in the copy and goes through the whole catalog, which costs a test
// more than the copy itself.
func (s *Server) copyRights(ctx context.Context, name, from string) error {
	var statements string
	err := s.admin.QueryRow(ctx, `
		select format('revoke all on database %1$I from public;', $1::text) || coalesce(string_agg(format(
			'grant %s on database %I to %s;', privilege_type, $1::text,
			case grantee when 0 then 'public' else grantee::regrole::text end), ''), '')
		from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
		where datname = $2 and grantee <> datdba`, name, from).Scan(&statements)
	if err != nil {
		return err
	}
	_, err = s.admin.Exec(ctx, statements, pgx.QueryExecModeSimpleProtocol)
	return err
}
