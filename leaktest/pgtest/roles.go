package pgtest

import (
	"context"
	"errors"
)

// The roles of the schema that a test connects as.
const (
	migratorRole = "watertight_migrator"
	appRole      = "watertight_app"
	systemRole   = "watertight_system"
)

// roleURL addresses a database as one of the schema's roles.
func (s *Server) roleURL(role, database string) string {
	return s.url(role, s.rolePassword(), database)
}

// rolePassword is empty on a socket that trusts its callers.
func (s *Server) rolePassword() string {
	if s.owned && s.base.Host == "" {
		return ""
	}
	return s.password
}

func schemaHash() string { return "" }

func (s *Server) applySchema(ctx context.Context, database string) error {
	return errors.New("the schema is not there yet (ask for an Empty database)")
}
