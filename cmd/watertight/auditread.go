package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/audit"
)

// readCall is what tail, export and report have in common: they take a copy of
// a log, and leave an event in it that says so.
type readCall struct {
	*call
	tenant tenantFlag
	format *string
	args   []string
}

func (c *call) readFlags(fs *flag.FlagSet) *readCall {
	r := &readCall{call: c}
	fs.Var(&r.tenant, "tenant", "`ID` of the tenant, or platform")
	return r
}

func (r *readCall) withFormat(fs *flag.FlagSet) {
	format := string(audit.JSONL)
	fs.Var(choice{&format, []string{"jsonl", "ocsf", "ecs"}}, "format", "lines of JSON: jsonl, ocsf or ecs")
	r.format = &format
}

// open parses the arguments, connects, and notes the copy before it is taken.
func (r *readCall) open(ctx context.Context, fs *flag.FlagSet, action string) (*pgxpool.Pool, error) {
	var err error
	if r.args, err = r.parse(fs, 0, 1); err != nil {
		return nil, err
	}
	if !r.tenant.set {
		return nil, errTenantFlag
	}
	db, err := r.auditDB(ctx, r.args)
	if err != nil {
		return nil, err
	}
	if err := audit.NoteCopy(ctx, db, r.tenant.id, action, map[string]string{"by": r.cmd.name}); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func auditTail() *command {
	return &command{
		name: "audit tail", summary: "follow a log as it grows", usage: "[URL] --tenant ID",
		help: `tail prints the events of the last minutes and, until it is told to stop, those that
follow, one line of JSON each. That somebody looked is an event in the log.`,
		example: "  watertight audit tail --tenant platform --since 1h | jq .action",
		run:     runAuditTail,
	}
}

func runAuditTail(ctx context.Context, c *call) error {
	fs := c.flagSet()
	r := c.readFlags(fs)
	r.withFormat(fs)
	since := fs.Duration("since", 10*time.Minute, "`TIME` to look back")
	once := fs.Bool("once", false, "end after what there is")
	db, err := r.open(ctx, fs, "watertight.exported")
	if err != nil {
		return err
	}
	defer db.Close()
	cfg := audit.FollowConfig{Format: audit.Format(*r.format), Since: time.Now().Add(-*since), Once: *once}
	if err := audit.Follow(ctx, db, r.tenant.id, c.stdout, cfg); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func auditExport() *command {
	return &command{
		name: "audit export", summary: "write a log to a file or a pipe", usage: "[URL] --tenant ID",
		help: `export streams a log, oldest event first, one line of JSON each: as it is (jsonl), as
Open Cybersecurity Schema Framework (ocsf) or Elastic Common Schema (ecs). Its memory
does not grow with the log. That a copy was taken is an event in the log. For a copy
that verifies offline use watertight audit report.`,
		example: "  watertight audit export --tenant ID --format ocsf --since 2026-11-01 --out events.jsonl",
		run:     runAuditExport,
	}
}

func runAuditExport(ctx context.Context, c *call) error {
	fs := c.flagSet()
	r := c.readFlags(fs)
	r.withFormat(fs)
	out := fs.String("out", "", "new `FILE` (default standard output)")
	var cfg audit.ExportConfig
	fs.Var(day{&cfg.Since}, "since", "`DAY` or time of the first event")
	fs.Var(day{&cfg.Until}, "until", "`DAY` or time after the last event")
	db, err := r.open(ctx, fs, "watertight.exported")
	if err != nil {
		return err
	}
	defer db.Close()
	cfg.Format = audit.Format(*r.format)
	cfg.Progress = func(n uint64) { fmt.Fprintf(c.stderr, "%d events\n", n) }
	export := func(w io.Writer) error {
		n, err := audit.Export(ctx, db, r.tenant.id, w, cfg)
		if err == nil {
			fmt.Fprintf(c.stderr, "exported %d events\n", n)
		}
		return err
	}
	if *out == "" {
		return export(c.stdout)
	}
	return c.output(*out, 0o600, func(f *os.File) error { return export(f) })
}

// day is a flag for a point in time.
type day struct{ t *time.Time }

func (d day) String() string { return "" }

func (d day) Set(s string) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			*d.t = t
			return nil
		}
	}
	return errors.New("want 2026-11-25 or 2026-11-25T08:00:00Z")
}

func auditReport() *command {
	return &command{
		name: "audit report", summary: "make the bundle that answers a customer's question", usage: "[URL] --tenant ID --key KEY --out FILE",
		help: `report writes a zip file with every event of a tenant's log, the checkpoints and tree
that prove them complete, and a summary: changes, attempts that were refused, support
sessions, cross-tenant work, key events, prunes. The customer verifies it offline, by
watertight audit verify FILE --key KEY, with the public key published elsewhere.`,
		example: "  watertight audit report --tenant 6f1e2b0c-539a-4d10-8e77-0a1b2c3d4e5f --key public.key --out report.zip",
		run:     runAuditReport,
	}
}

func runAuditReport(ctx context.Context, c *call) error {
	fs := c.flagSet()
	r := c.readFlags(fs)
	var keys keyList
	fs.Var(&keys, "key", "public `KEY` of the log, or its file")
	out := fs.String("out", "", "new `FILE` for the bundle")
	db, err := r.open(ctx, fs, "watertight.disclosed")
	if err != nil {
		return err
	}
	defer db.Close()
	if len(keys) != 1 {
		return errKeyFlag
	}
	if *out == "" {
		return usageError{"no file was named for the bundle (--out FILE)"}
	}
	return c.output(*out, 0o600, func(f *os.File) error {
		sum, err := audit.Disclose(ctx, db, r.tenant.id, keys[0], f)
		if err == nil {
			fmt.Fprintf(c.stdout, "%d events, %d refused attempts, %d by support, %d across tenants\n",
				sum.Events, len(sum.Refused), len(sum.Support), len(sum.System))
		}
		return err
	})
}
