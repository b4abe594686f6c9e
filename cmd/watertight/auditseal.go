package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/watertight-go/watertight/audit"
)

func auditKeygen() *command {
	return &command{
		name: "audit keygen", summary: "make the key that signs checkpoints", usage: "NAME --out FILE",
		help: `keygen writes a new signing key to FILE, readable by its owner only, and prints the
public key. NAME stands in every checkpoint: the host name of the log. The signing key
belongs to the sealer's process, never to the database or the application. Publish the
public key where the database's administrators cannot change it.`,
		example: "  watertight audit keygen log.example.com --out signing.key > public.key",
		run: func(_ context.Context, c *call) error {
			fs := c.flagSet()
			out := fs.String("out", "", "new `FILE` for the signing key")
			args, err := c.parse(fs, 1, 1)
			if err != nil {
				return err
			}
			if *out == "" {
				return usageError{"no file was named for the signing key (--out FILE)"}
			}
			k, secret, err := audit.NewSigningKey(args[0])
			if err != nil {
				return err
			}
			err = c.output(*out, 0o600, func(f *os.File) error {
				_, err := f.WriteString(secret + "\n")
				return err
			})
			if err == nil {
				fmt.Fprintln(c.stdout, k.Public())
			}
			return err
		},
	}
}

func auditSeal() *command {
	return &command{
		name: "audit seal", summary: "run the sealer: one for a database is enough", usage: "[URL] --signing-key FILE",
		help: `seal appends committed events to each tenant's tree, signs the heads, and publishes
them. It runs until it is told to stop; with --once it seals what there is. Any number
may run, one works at a time. Without an anchor nobody could tell that a superuser cut
off the end of a log together with its checkpoints. The signing key may come from the
variable WATERTIGHT_SIGNING_KEY instead.`,
		example: `  watertight audit seal --signing-key signing.key --anchor /mnt/worm/anchor.jsonl
  watertight audit seal --signing-key signing.key --anchor - --interval 5s | logger`,
		run: runAuditSeal,
	}
}

func runAuditSeal(ctx context.Context, c *call) error {
	fs := c.flagSet()
	var keys, anchors stringList
	fs.Var(&keys, "signing-key", "`FILE` with a signing key; again for a second one while keys rotate")
	fs.Var(&anchors, "anchor", "`FILE` that checkpoints are appended to, - for standard output; may be repeated")
	once := fs.Bool("once", false, "seal what there is, publish, and end")
	interval := fs.Duration("interval", time.Second, "`TIME` between rounds")
	beat := fs.Duration("heartbeat", time.Hour, "`TIME` between publishing all checkpoints")
	args, err := c.parse(fs, 0, 1)
	if err != nil {
		return err
	}
	cfg := audit.SealerConfig{Interval: *interval, Heartbeat: *beat}
	if cfg.Keys, err = c.signingKeys(keys); err != nil {
		return err
	}
	for _, a := range anchors {
		if a == "-" {
			cfg.Anchors = append(cfg.Anchors, audit.WriterAnchor(c.stdout))
		} else {
			cfg.Anchors = append(cfg.Anchors, audit.FileAnchor(a))
		}
	}
	if len(anchors) == 0 {
		fmt.Fprintln(c.stderr, "watertight: no anchor: a superuser could cut off the end of a log unnoticed (--anchor FILE)")
	}
	cfg.Failed = func(err error) { fmt.Fprintf(c.stderr, "watertight: %v\n", err) }
	url, err := c.databaseURL(args)
	if err != nil {
		return err
	}
	s, err := audit.OpenSealer(ctx, url, cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	if *once {
		return sealOnce(ctx, c, s)
	}
	if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return s.Publish(context.WithoutCancel(ctx))
}

func sealOnce(ctx context.Context, c *call, s *audit.Sealer) error {
	total := 0
	for {
		r, err := s.Seal(ctx)
		if err != nil {
			return err
		}
		total += r.Events
		if !r.More {
			break
		}
	}
	if err := s.Heartbeat(ctx); err != nil {
		return err
	}
	fmt.Fprintf(c.stderr, "sealed %d events\n", total)
	return nil
}

func (c *call) signingKeys(files []string) ([]audit.SigningKey, error) {
	var texts []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("the signing key %s cannot be read", f)
		}
		texts = append(texts, string(b))
	}
	if text := c.getenv("WATERTIGHT_SIGNING_KEY"); text != "" && len(texts) == 0 {
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return nil, usageError{"no signing key (--signing-key FILE, or WATERTIGHT_SIGNING_KEY)"}
	}
	keys := make([]audit.SigningKey, len(texts))
	for i, t := range texts {
		var err error
		if keys[i], err = audit.ParseSigningKey(t); err != nil {
			return nil, errors.New("the signing key is not one (make one with watertight audit keygen)")
		}
	}
	return keys, nil
}

func auditHealth() *command {
	return &command{
		name: "audit health", summary: "say how far behind the sealer is", usage: "[URL]",
		help: `health prints the age of the oldest event that no checkpoint covers, and how long the
sealer has been silent. Exit code 1 if either is over --max. A long writing transaction
anywhere in the cluster holds the sealer up.`,
		example: "  watertight audit health --max 300s --format json",
		run: func(ctx context.Context, c *call) error {
			fs := c.flagSet()
			most := fs.Duration("max", 5*time.Minute, "`TIME` that is too long")
			format := auditFormat(fs)
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			db, err := c.auditDB(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			h, err := audit.CheckHealth(ctx, db)
			if err != nil {
				return err
			}
			if *format == "json" {
				err = printJSON(c.stdout, h)
			} else {
				_, err = fmt.Fprintf(c.stdout, "%d events are not sealed yet, the oldest for %s; the sealer stored a round %s ago\n",
					h.Pending, h.Unsealed.Round(time.Millisecond), h.Silent.Round(time.Millisecond))
			}
			if err == nil && (h.Unsealed > *most || h.Silent > *most) {
				err = findings("the sealer is behind (check that it runs, and for long writing transactions in pg_stat_activity and pg_prepared_xacts)")
			}
			return err
		},
	}
}

func auditEpoch() *command {
	return &command{
		name: "audit epoch", summary: "let the sealer go on in a restored database", usage: "[URL] --reason TEXT",
		help: `epoch begins a new epoch of the log after the database was restored into another
cluster. Compare the restored log with the newest checkpoint held outside first, by
watertight audit verify --checkpoints: what the restore lost shows there.`,
		example: `  watertight audit epoch --reason "restored from the backup of Monday, 02:00"`,
		run: func(ctx context.Context, c *call) error {
			fs := c.flagSet()
			reason := fs.String("reason", "", "`TEXT` for the log")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			if len(*reason) < 5 {
				return usageError{"no reason was given (--reason TEXT)"}
			}
			db, err := c.auditDB(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			return audit.NewEpoch(ctx, db, *reason)
		},
	}
}
