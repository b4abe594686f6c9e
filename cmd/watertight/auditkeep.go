package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/audit"
)

func auditPrune() *command {
	return &command{
		name: "audit prune", summary: "remove events that are past their retention", usage: "[URL] --key KEY",
		help: `prune removes the oldest events of each log, or of that of --tenant, that are past the
tenant's retention, and keeps what verifies the rest. It verifies each log first, and
removes nothing from one that is not what was sealed. The prune is an event in the log.
Run it daily. URL belongs to a member of watertight_privacy.`,
		example: "  watertight audit prune postgres://privacy@localhost/app --key public.key",
		run:     runAuditPrune,
	}
}

func runAuditPrune(ctx context.Context, c *call) error {
	fs := c.flagSet()
	var keys keyList
	var tenant tenantFlag
	fs.Var(&keys, "key", "public `KEY` of the log, or its file; may be repeated")
	fs.Var(&tenant, "tenant", "`ID` of one tenant, or platform (default all logs)")
	args, err := c.parse(fs, 0, 1)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return errKeyFlag
	}
	db, err := c.auditDB(ctx, args)
	if err != nil {
		return err
	}
	defer db.Close()
	logs := []uuid.UUID{tenant.id}
	if !tenant.set {
		if logs, err = audit.Logs(ctx, db); err != nil {
			return err
		}
	}
	failed := 0
	for _, t := range logs {
		p, err := audit.Prune(ctx, db, t, keys)
		switch {
		case err != nil:
			failed++
			fmt.Fprintf(c.stderr, "watertight: %s: %v\n", t, err)
		case p.Events > 0:
			fmt.Fprintf(c.stdout, "%s: %d events removed\n", t, p.Events)
		}
	}
	if failed > 0 {
		return findings(fmt.Sprintf("%d of %d logs were not pruned", failed, len(logs)))
	}
	return nil
}

func auditRetain() *command {
	return &command{
		name: "audit retain", summary: "set how long a tenant's events are kept", usage: "[URL] --tenant ID --days N",
		help:    "retain sets the retention of one tenant: 30 to 180 days. Without one it is 180.\nURL belongs to a member of watertight_privacy.",
		example: "  watertight audit retain --tenant 6f1e2b0c-539a-4d10-8e77-0a1b2c3d4e5f --days 90",
		run: func(ctx context.Context, c *call) error {
			fs := c.flagSet()
			var tenant tenantFlag
			fs.Var(&tenant, "tenant", "`ID` of the tenant, or platform")
			days := fs.Int("days", 0, "`N` days, 30 to 180")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			if !tenant.set {
				return errTenantFlag
			}
			db, err := c.auditDB(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			return audit.Retention(ctx, db, tenant.id, *days)
		},
	}
}

func auditRedact() *command {
	return &command{
		name: "audit redact", summary: "erase a person's data from sealed events", usage: "[URL] --tenant ID (--actor A | --entity T --entity-id ID) [--who] [--values]",
		help: `redact replaces, in the events of --actor or of one row, who acted and from where
(--who), or what changed (--values), by the hashes that the tree is made of. The log
still verifies. Events that are not sealed yet are left alone: seal first. The redaction
is an event in the log. URL belongs to a member of watertight_privacy.`,
		example: `  watertight audit redact --tenant ID --actor anna@example.com --who
  watertight audit redact --tenant ID --entity app.contacts --entity-id 4711 --values`,
		run: runAuditRedact,
	}
}

func runAuditRedact(ctx context.Context, c *call) error {
	fs := c.flagSet()
	var tenant tenantFlag
	var sel audit.Selection
	fs.Var(&tenant, "tenant", "`ID` of the tenant, or platform")
	fs.StringVar(&sel.Actor, "actor", "", "`ACCOUNT` that acted: its id or e-mail address")
	fs.StringVar(&sel.Entity, "entity", "", "`TABLE` with its schema")
	fs.StringVar(&sel.EntityID, "entity-id", "", "`ID` of the row")
	who := fs.Bool("who", false, "erase the actor and the address")
	values := fs.Bool("values", false, "erase the old and new values and the reason")
	args, err := c.parse(fs, 0, 1)
	if err != nil {
		return err
	}
	if !tenant.set {
		return errTenantFlag
	}
	db, err := c.auditDB(ctx, args)
	if err != nil {
		return err
	}
	defer db.Close()
	n, err := audit.Redact(ctx, db, tenant.id, sel, *who, *values)
	if err == nil {
		fmt.Fprintf(c.stdout, "%d events redacted\n", n)
	}
	return err
}

func auditErase() *command {
	return &command{
		name: "audit erase", summary: "delete the log of a tenant that is gone", usage: "[URL] --tenant ID --confirm ID",
		help: `erase deletes the whole log of a tenant that is closing or gone. The platform's log
keeps its final size and root. URL belongs to a member of watertight_privacy.`,
		example: "  watertight audit erase --tenant ID --confirm ID",
		run: func(ctx context.Context, c *call) error {
			fs := c.flagSet()
			var tenant, confirm tenantFlag
			fs.Var(&tenant, "tenant", "`ID` of the tenant")
			fs.Var(&confirm, "confirm", "the same `ID` again")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			if !tenant.set || tenant != confirm {
				return usageError{"the tenant was not named twice (--tenant ID --confirm ID)"}
			}
			db, err := c.auditDB(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			return audit.Erase(ctx, db, tenant.id)
		},
	}
}
