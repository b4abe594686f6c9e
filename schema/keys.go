package schema

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/tenancy"
)

// AddKey makes a context key live until notAfter. Run it as the migrating
// role or as watertight_migrator. To rotate: add the new key, restart the
// applications with it, then [RetireKey] the old one. On a Citus cluster every
// worker gets the key as well, which takes a superuser.
func AddKey(ctx context.Context, url string, key tenancy.ContextKey, notAfter time.Time) error {
	return withConn(ctx, url, func(conn *pgx.Conn) error {
		secret := key.Secret()
		_, err := conn.Exec(ctx, "select watertight.add_context_key($1, $2, $3)", key.ID(), secret[:], notAfter)
		if err != nil {
			return fmt.Errorf("add context key %s: %w", key.ID(), migrationError(err))
		}
		return shareKeys(ctx, conn)
	})
}

// RetireKey ends a key at the given time; contexts signed with it are refused
// from then on.
func RetireKey(ctx context.Context, url, keyID string, at time.Time) error {
	return withConn(ctx, url, func(conn *pgx.Conn) error {
		var found bool
		err := conn.QueryRow(ctx, "select watertight.retire_context_key($1, $2)", keyID, at).Scan(&found)
		if err != nil {
			return fmt.Errorf("retire context key %s: %w", keyID, migrationError(err))
		}
		if !found {
			return fmt.Errorf("retire context key %s: the database has no such key (list them as watertight_context: select kid, not_after from watertight.context_key)", keyID)
		}
		return shareKeys(ctx, conn)
	})
}
