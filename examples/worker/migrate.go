package worker

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

var (
	//go:embed schema.sql
	schema string

	//go:embed grants.sql
	grants string
)

// Migrate makes River's tables and opens them to the queue's role. The
// connection is that of whoever ran Watertight's migrations: only who could take
// pg_notify from PUBLIC can give it to somebody.
func Migrate(ctx context.Context, migrator *pgxpool.Pool, queueRole string) error {
	if queueRole == "" {
		return errors.New("no role for the queue (make a login for it)")
	}
	if _, err := migrator.Exec(ctx, schema); err != nil {
		return fmt.Errorf("make the queue's schema: %w", err)
	}
	m, err := rivermigrate.New(riverpgxv5.New(migrator), &rivermigrate.Config{Schema: Schema})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("make River's tables: %w", err)
	}
	script := strings.ReplaceAll(grants, "queue_role", pgx.Identifier{queueRole}.Sanitize())
	if _, err := migrator.Exec(ctx, script); err != nil {
		return fmt.Errorf("open River's tables to the queue: %w", err)
	}
	return nil
}
