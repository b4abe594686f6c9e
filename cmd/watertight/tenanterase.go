package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/lifecycle"
)

func tenantErase() *command {
	return &command{
		name: "tenant erase", summary: "close a tenant and erase it 30 days later", usage: "[URL] (--tenant ID --confirm ID --reason TEXT | --due) --by EMAIL",
		help: `erase closes a tenant to everybody at once and has it erased 30 days after the end of
its licence (--licence-ends, else now). Until then cancel-erase opens it again.
erase --due, which a nightly job runs, erases what is due: data keys, files, rows, audit
log, and the tenant. It may be stopped at any moment and run again. --now is for a
customer who wants it at once: it schedules and erases.`,
		example: `  watertight tenant erase --tenant ID --confirm ID --reason ended --licence-ends 2026-03-31 --by anna@example.com
  watertight tenant erase --due --files /var/lib/app/files --by nightly@example.com`,
		run: runTenantErase,
	}
}

func runTenantErase(ctx context.Context, c *call) error {
	k := &tenantCall{call: c}
	fs := k.flags()
	var confirm tenantFlag
	fs.Var(&confirm, "confirm", "the tenant's `ID` once more")
	reason := fs.String("reason", "", "`TEXT` for the ledger; name no person")
	ends := fs.String("licence-ends", "", "`DATE` as 2026-03-31 (default today)")
	delay := fs.Duration("delay", lifecycle.ErasureDelay, "`TIME` after that")
	backups := fs.Duration("backups", lifecycle.BackupsKept, "`TIME` that backups are kept")
	now := fs.Bool("now", false, "erase without delay")
	due := fs.Bool("due", false, "erase what is due")
	fs.StringVar(&k.store, "files", "", "`DIR` of the files")
	args, err := c.parse(fs, 0, 1)
	if err != nil {
		return err
	}
	if *due == k.tenant.set {
		return usageError{"erase wants either --tenant ID or --due"}
	}
	cfg := lifecycle.ErasureConfig{Reason: *reason, Delay: *delay, Now: *now, Backups: *backups}
	if *ends != "" {
		if cfg.LicenceEnds, err = time.Parse(time.DateOnly, *ends); err != nil {
			return usageError{"--licence-ends is no date (write 2026-03-31)"}
		}
	}
	if !*due && (!confirm.set || confirm != k.tenant) {
		return usageError{"the tenant was not named twice (--tenant ID --confirm ID)"}
	}
	db, err := k.life(ctx, args)
	if err != nil {
		return err
	}
	defer db.Close()
	if *due {
		done, err := db.Due(ctx, k.actor())
		for _, e := range done {
			fmt.Fprintf(c.stdout, "%s erased, %d rows\n", e.Tenant, e.Rows)
		}
		return err
	}
	t, err := k.id()
	if err != nil {
		return err
	}
	e, err := db.ScheduleErasure(ctx, k.actor(), t, cfg)
	if err != nil {
		return err
	}
	if !*now {
		fmt.Fprintf(c.stdout, "%s is closed and will be erased on %s\n", t, e.DueAt.UTC().Format(time.DateOnly))
		return nil
	}
	if e, err = db.Erase(ctx, k.actor(), t); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%s erased, %d rows\n", t, e.Rows)
	return nil
}

// simple is an action on one tenant that takes nothing else.
func simple(name, summary, help string, run func(context.Context, *tenantCall, *lifecycle.DB) error) *command {
	return &command{
		name: "tenant " + name, summary: summary, usage: "[URL] --tenant ID --by EMAIL", help: help,
		example: "  watertight tenant " + name + " --tenant ID --by anna@example.com",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			args, err := c.parse(k.flags(), 0, 1)
			if err != nil {
				return err
			}
			if _, err := k.id(); err != nil {
				return err
			}
			db, err := k.life(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			return run(ctx, k, db)
		},
	}
}

func tenantCancelErase() *command {
	return simple("cancel-erase", "take a scheduled erasure back",
		"cancel-erase opens a tenant again as it was before its erasure was scheduled. One that\nhas begun cannot be taken back.",
		func(ctx context.Context, k *tenantCall, db *lifecycle.DB) error {
			t, err := k.id()
			if err != nil {
				return err
			}
			return db.CancelErasure(ctx, k.actor(), t)
		})
}

func tenantVerifyErased() *command {
	return &command{
		name: "tenant verify-erased", summary: "search everything for what is left of a tenant", usage: "[URL] --tenant ID [--also TEXT]",
		help: `verify-erased searches every column of every table, whoever made it, large objects,
the planner's statistics and the files for the tenant's id and the texts given, and says
what is kept on purpose and until when backups hold the tenant. Exit code 1 if something
is left, or if the role could not look everywhere. URL belongs to a superuser, or a role
with BYPASSRLS that may read everything. It writes nothing.`,
		example: "  watertight tenant verify-erased postgres://postgres@db/app --tenant ID --also acme.example",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			fs := k.flags()
			var also stringList
			fs.Var(&also, "also", "`TEXT` that must not be left, the customer's domain for instance; may be repeated")
			fs.StringVar(&k.store, "files", "", "`DIR` of the files")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			t, err := k.id()
			if err != nil {
				return err
			}
			db, err := c.auditDB(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			cfg := lifecycle.VerifyErasedConfig{Also: also, Progress: k.tell()}
			if k.store != "" {
				cfg.Files = lifecycle.Dir(k.store)
			}
			r, err := lifecycle.VerifyErased(ctx, db, t, cfg)
			c.progressDone()
			if err != nil {
				return err
			}
			if err := c.printJSON(r); err != nil {
				return err
			}
			if !r.OK() {
				return findings("the tenant is not gone, or not everything could be searched")
			}
			return nil
		},
	}
}

func tenantLedger() *command {
	return &command{
		name: "tenant ledger", summary: "print the ledger of erasures, to keep elsewhere", usage: "[URL] --by EMAIL",
		help:    "ledger prints every erasure as JSON. Keep a copy outside the database and its backups:\nafter a restore replay-erasures wants it.",
		example: "  watertight tenant ledger --by anna@example.com > ledger.json",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			args, err := c.parse(k.flags(), 0, 1)
			if err != nil {
				return err
			}
			db, err := k.life(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			list, err := db.Ledger(ctx, k.actor())
			if err != nil {
				return err
			}
			return c.printJSON(list)
		},
	}
}

func tenantReplay() *command {
	return &command{
		name: "tenant replay-erasures", summary: "erase again what a restore brought back", usage: "[URL] --ledger FILE --by EMAIL",
		help: `replay-erasures erases the tenants that the ledger says were erased and that the
restore of an older backup has brought back. Run it before the database is opened to
anybody.`,
		example: "  watertight tenant replay-erasures --ledger ledger.json --by anna@example.com",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			fs := k.flags()
			file := fs.String("ledger", "", "`FILE` that watertight tenant ledger wrote")
			fs.StringVar(&k.store, "files", "", "`DIR` of the files")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			b, err := os.ReadFile(*file)
			if err != nil {
				return usageError{"the ledger cannot be read (--ledger FILE)"}
			}
			var list []lifecycle.Erasure
			if json.Unmarshal(b, &list) != nil {
				return errors.New("the file is no ledger (watertight tenant ledger writes one)")
			}
			db, err := k.life(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			back, err := db.Replay(ctx, k.actor(), list)
			for _, t := range back {
				fmt.Fprintf(c.stdout, "%s erased again\n", t)
			}
			return err
		},
	}
}

// personFlags name a person.
type personFlags struct {
	user   string
	emails stringList
}

func (p *personFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&p.user, "user", "", "`ID` of the person's account")
	fs.Var(&p.emails, "email", "`ADDRESS` of the person; may be repeated")
}

func (p *personFlags) person() (lifecycle.Person, error) {
	out := lifecycle.Person{Emails: p.emails}
	if p.user != "" {
		id, err := uuid.Parse(p.user)
		if err != nil {
			return out, usageError{"--user is no account's id"}
		}
		out.User = id
	}
	return out, nil
}

func tenantPerson() *command {
	return &command{
		name: "tenant person", summary: "print what is kept of one person", usage: "[URL] --tenant ID (--user ID | --email ADDRESS) --by EMAIL",
		help: `person prints a person's data as JSON lines: the account, what refers to it, what
belongs to that, rows in columns declared with watertight.person_column, and what the
person did according to the audit log.`,
		example: "  watertight tenant person --tenant ID --email jo@acme.example --by anna@example.com > jo.jsonl",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			fs := k.flags()
			var p personFlags
			p.add(fs)
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			t, err := k.id()
			if err != nil {
				return err
			}
			who, err := p.person()
			if err != nil {
				return err
			}
			db, err := k.life(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			_, err = db.PersonData(ctx, k.actor(), t, who, c.stdout)
			return err
		},
	}
}

func tenantForget() *command {
	return &command{
		name: "tenant forget", summary: "erase one person, in the audit log too", usage: "[URL] --tenant ID (--user ID | --email ADDRESS) --privacy URL --by EMAIL",
		help: `forget erases a person's account with what belongs to it and rows in declared columns,
and redacts the audit log, which still verifies. Events that are not sealed yet must be
sealed first. --privacy is the database URL of a member of watertight_privacy.`,
		example: "  watertight tenant forget --tenant ID --user ID --privacy postgres://privacy@db/app --by anna@example.com",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			fs := k.flags()
			var p personFlags
			p.add(fs)
			privacyURL := fs.String("privacy", "", "`URL` of a member of watertight_privacy")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			t, err := k.id()
			if err != nil {
				return err
			}
			who, err := p.person()
			if err != nil {
				return err
			}
			if *privacyURL == "" {
				return usageError{"forget wants --privacy URL"}
			}
			privacy, err := c.auditDB(ctx, []string{*privacyURL})
			if err != nil {
				return err
			}
			defer privacy.Close()
			db, err := k.life(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			done, err := db.ForgetPerson(ctx, k.actor(), t, who, privacy)
			if err == nil {
				return c.printJSON(done)
			}
			return err
		},
	}
}
