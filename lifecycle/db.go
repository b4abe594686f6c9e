package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/custody"
)

// Config of [Open]. Key is required.
type Config struct {
	// Key signs the tenant context, see tenancy.Config.
	Key tenancy.ContextKey

	// Files are the tenants' files. Defaults to none: a bundle says so.
	Files Files

	// AllowPlaintext and Version are as in tenancy.Config.
	AllowPlaintext bool
	Version        string

	// Fault, if not nil, is called before each step of what takes several, with
	// its name. What it returns ends the work there, as a crash would: nothing
	// is tidied up. For tests of one's own recovery.
	Fault func(step string) error
}

// DB works on one tenant at a time, as the role watertight_lifecycle. It is
// safe for use by any number of goroutines.
type DB struct {
	db    *tenancy.DB
	files Files
	fault func(string) error
}

// Open connects as a member of watertight_lifecycle, directly and not through
// a pooler. See [custody.Open] for what it refuses.
func Open(ctx context.Context, url string, cfg Config) (*DB, error) {
	db, err := custody.Open(ctx, url, custody.Config{Key: cfg.Key, AllowPlaintext: cfg.AllowPlaintext, Version: cfg.Version})
	if err != nil {
		return nil, err
	}
	return &DB{db: db, files: cfg.Files, fault: cfg.Fault}, nil
}

// Close ends every connection.
func (db *DB) Close() { db.db.Close() }

// errFault is what a fault hook ended; nothing is tidied up after it.
var errFault = errors.New("ended by the fault hook")

func (db *DB) step(name string) error {
	if db.fault == nil {
		return nil
	}
	if err := db.fault(name); err != nil {
		return fmt.Errorf("%w at step %s: %w", errFault, name, err)
	}
	return nil
}

// read runs fn in one snapshot of the tenant, which nothing can write in.
func (db *DB) read(ctx context.Context, a tenancy.Actor, t tenancy.ID, fn func(context.Context, *tenancy.Conn) error) error {
	s, err := custody.Scope(db.db, a, t)
	if err != nil {
		return err
	}
	return db.db.ReadTx(ctx, s, fn)
}

// write runs fn in one transaction of the tenant whose rows leave no events of
// their own.
func (db *DB) write(ctx context.Context, a tenancy.Actor, t tenancy.ID, fn func(context.Context, *tenancy.Conn) error) error {
	s, err := custody.Scope(db.db, a, t)
	if err != nil {
		return err
	}
	return db.db.Tx(ctx, s, fn)
}

// edit runs fn in one transaction in which each changed row leaves its event.
func (db *DB) edit(ctx context.Context, a tenancy.Actor, t tenancy.ID, fn func(context.Context, *tenancy.Conn) error) error {
	s, err := custody.EditScope(db.db, a, t)
	if err != nil {
		return err
	}
	return db.db.Tx(ctx, s, fn)
}

// note writes an event: into the platform's log or, with own, the tenant's.
func note(ctx context.Context, c *tenancy.Conn, action string, details any, own bool) error {
	text, err := json.Marshal(details)
	if err != nil {
		return fmt.Errorf("encode the details of an event: %w", err)
	}
	if _, err := c.Exec(ctx, "select watertight.lifecycle_note($1, $2::text::json, $3)", action, string(text), own); err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}
