package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/audit"
)

func auditCommand() *command {
	return &command{
		name:    "audit",
		summary: "seal, verify, read, keep and disclose the audit log",
		usage:   "ACTION [URL] [flags]",
		help: `audit works on the log of who did what, from where, on which version, and what
changed.

URL belongs to a member of watertight_sealer, for prune, retain, redact and erase of
watertight_privacy. It may come from DATABASE_URL instead.`,
		example: `  watertight audit keygen log.example.com --out signing.key > public.key
  watertight audit seal postgres://sealer@localhost/app --signing-key signing.key --anchor /mnt/worm/anchor.jsonl
  watertight audit verify postgres://sealer@localhost/app --key public.key --checkpoints /mnt/worm/anchor.jsonl`,
		actions: auditCommands(),
	}
}

// auditCommands is the table of actions.
func auditCommands() []*command {
	return []*command{
		auditKeygen(), auditSeal(), auditVerify(), auditProve(), auditTail(), auditExport(), auditReport(),
		auditPrune(), auditRetain(), auditRedact(), auditErase(), auditHealth(), auditEpoch(),
	}
}

// auditDB connects to the database that the call names.
func (c *call) auditDB(ctx context.Context, positional []string) (*pgxpool.Pool, error) {
	url, err := c.databaseURL(positional)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read (write postgres://user@host:5432/database)")
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, errors.New("the database cannot be reached (check that it runs, the address, and that the role may log in)")
	}
	return pool, nil
}

// tenantFlag is --tenant: a tenant's id, or platform.
type tenantFlag struct {
	id  uuid.UUID
	set bool
}

func (t *tenantFlag) String() string { return "" }

func (t *tenantFlag) Set(s string) error {
	if s != "platform" {
		id, err := uuid.Parse(s)
		if err != nil || id == audit.Platform {
			return errors.New("not a tenant's id (or platform, for the platform's own log)")
		}
		t.id = id
	}
	t.set = true
	return nil
}

var errTenantFlag = usageError{"no tenant was named (--tenant ID, or --tenant platform)"}

// keyList is --key, which may be repeated: the text of a public key, or a file.
type keyList []audit.VerifyingKey

func (l *keyList) String() string { return "" }

func (l *keyList) Set(s string) error {
	text, err := textOrFile(s)
	if err != nil {
		return err
	}
	k, err := audit.ParseVerifyingKey(text)
	if err != nil {
		return err
	}
	*l = append(*l, k)
	return nil
}

var errKeyFlag = usageError{"no public key was named (--key FILE, or --key TEXT)"}

func textOrFile(s string) (string, error) {
	b, err := os.ReadFile(s)
	switch {
	case err == nil:
		return string(b), nil
	case errors.Is(err, fs.ErrNotExist) || strings.Contains(s, "+"):
		return s, nil
	}
	return "", errors.New("the file cannot be read")
}

// output is standard output, or the file that --out names, which must be new.
func (c *call) output(path string, mode os.FileMode, write func(w *os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already (name a new file)", path)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", path, errors.Unwrap(err))
	}
	err = write(f)
	if end := f.Close(); err == nil {
		err = end
	}
	if err != nil {
		os.Remove(path) // half a file would pass for a whole one
	}
	return err
}
