package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/lifecycle"
	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func tenantCommand() *command {
	return &command{
		name:    "tenant",
		summary: "make, export, restore, move and erase one customer alone",
		usage:   "ACTION [URL] [flags]",
		help: `tenant works on one tenant as a unit, and touches no other.

URL, or DATABASE_URL, belongs to a member of watertight_lifecycle; for create, list,
suspend and resume of watertight_system. WATERTIGHT_CONTEXT_KEY holds the context
key. --by names who does it, for the record.`,
		example: `  watertight tenant export postgres://lifecycle@db/app --tenant ID --by anna@example.com --to age1… --out acme.tar.age
  watertight tenant import postgres://lifecycle@db/app --in acme.tar.age --identity key.txt --by anna@example.com
  watertight tenant erase --tenant ID --confirm ID --reason "contract ended" --by anna@example.com
  watertight tenant erase --due --by nightly@example.com
  watertight tenant verify-erased postgres://postgres@db/app --tenant ID`,
		actions: tenantCommands(),
	}
}

// tenantCommands is the table of actions.
func tenantCommands() []*command {
	return []*command{
		tenantCreate(), tenantList(), tenantStatus("suspend", "suspended"), tenantStatus("resume", "active"),
		tenantExport(), tenantInspect(), tenantImport(), tenantRestoreRecord(),
		tenantErase(), tenantCancelErase(), tenantVerifyErased(), tenantLedger(), tenantReplay(),
		tenantPerson(), tenantForget(), tenantPlace(), tenantMove(), tenantCancelMove(),
	}
}

// tenantCall has the flags that most actions share.
type tenantCall struct {
	*call
	by     string
	tenant tenantFlag
	store  string
	kek    stringList
}

// flags adds --by and --tenant.
func (k *tenantCall) flags() *flag.FlagSet {
	fs := k.flagSet()
	fs.StringVar(&k.by, "by", "", "`EMAIL` of the person or job that does it, for the record")
	fs.Var(&k.tenant, "tenant", "`ID` of the tenant")
	return fs
}

func (k *tenantCall) actor() tenancy.Actor { return tenancy.Actor{Email: k.by} }

var errBy = usageError{"nobody was named who does it (--by EMAIL)"}

func (k *tenantCall) id() (tenancy.ID, error) {
	if !k.tenant.set {
		return tenancy.ID{}, errTenantFlag
	}
	return tenancy.IDFromUUID(k.tenant.id)
}

// life connects as a member of watertight_lifecycle.
func (k *tenantCall) life(ctx context.Context, positional []string) (*lifecycle.DB, error) {
	if !strings.Contains(k.by, "@") {
		return nil, errBy
	}
	url, err := k.databaseURL(positional)
	if err != nil {
		return nil, err
	}
	return k.lifeAt(ctx, url)
}

func (k *tenantCall) lifeAt(ctx context.Context, url string) (*lifecycle.DB, error) {
	key, err := k.contextKey()
	if err != nil {
		return nil, err
	}
	cfg := lifecycle.Config{Key: key, Version: programVersion()}
	if k.store != "" {
		cfg.Files = lifecycle.Dir(k.store)
	}
	return lifecycle.Open(ctx, url, cfg)
}

// system connects as a member of watertight_system.
func (k *tenantCall) system(ctx context.Context, positional []string) (*crosstenant.DB, error) {
	if !strings.Contains(k.by, "@") {
		return nil, errBy
	}
	return k.systemDB(ctx, positional)
}

// tell returns what shows how far a long run is, nil where nobody watches.
func (k *tenantCall) tell() func(lifecycle.Progress) {
	show := k.progress()
	if show == nil {
		return nil
	}
	return func(p lifecycle.Progress) { show(int(p.Rows), 0, p.Step) }
}

func (c *call) printJSON(v any) error {
	e := json.NewEncoder(c.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func tenantCreate() *command {
	return &command{
		name: "tenant create", summary: "make a tenant and its owner", usage: "[URL] --name NAME --owner EMAIL --by EMAIL",
		help:    "create makes a tenant with its first person, its owner, and prints both ids.\nURL belongs to a member of watertight_system.",
		example: "  watertight tenant create --name Acme --owner jo@acme.example --by anna@example.com",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			fs := k.flags()
			name := fs.String("name", "", "`NAME` of the customer")
			owner := fs.String("owner", "", "`EMAIL` of its first person")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			if *name == "" || *owner == "" {
				return usageError{"create wants --name and --owner"}
			}
			db, err := k.system(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			return db.Run(ctx, k.actor(), "watertight tenant create", func(ctx context.Context, x *crosstenant.Conn) error {
				id, user, err := accounts.CreateTenant(ctx, x, *name, accounts.Owner{Email: *owner})
				if err == nil {
					fmt.Fprintf(c.stdout, "tenant %s\nowner  %s\n", id, user)
				}
				return err
			})
		},
	}
}

func tenantList() *command {
	return &command{
		name: "tenant list", summary: "show the tenants and their status", usage: "[URL] --by EMAIL",
		help:    "list shows every tenant's id, status and name. URL belongs to a member of\nwatertight_system.",
		example: "  watertight tenant list --by anna@example.com",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			args, err := c.parse(k.flags(), 0, 1)
			if err != nil {
				return err
			}
			db, err := k.system(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			return db.Run(ctx, k.actor(), "watertight tenant list", func(ctx context.Context, x *crosstenant.Conn) error {
				rows, err := platform.New(x).ListTenants(ctx)
				for _, r := range rows {
					fmt.Fprintf(c.stdout, "%s  %-9s  %s\n", r.ID, r.Status, r.Name)
				}
				return err
			})
		},
	}
}

func tenantStatus(action, status string) *command {
	what := map[string]string{"suspend": "let nobody in until it is resumed", "resume": "let people in again"}[action]
	return &command{
		name: "tenant " + action, summary: what, usage: "[URL] --tenant ID --by EMAIL",
		help:    action + " sets the status of one tenant to " + status + ". One that is moving or to be erased\nis not opened by it. URL belongs to a member of watertight_system.",
		example: "  watertight tenant " + action + " --tenant ID --by anna@example.com",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			args, err := c.parse(k.flags(), 0, 1)
			if err != nil {
				return err
			}
			t, err := k.id()
			if err != nil {
				return err
			}
			db, err := k.system(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			return db.Run(ctx, k.actor(), "watertight tenant "+action, func(ctx context.Context, x *crosstenant.Conn) error {
				now, err := platform.New(x).TenantStatus(ctx, t)
				if errors.Is(err, pgx.ErrNoRows) {
					return fmt.Errorf("there is no tenant %s (watertight tenant list shows them)", t)
				}
				if err != nil {
					return err
				}
				if now != "active" && now != "suspended" {
					return fmt.Errorf("the tenant is %s (take that back with cancel-erase or cancel-move)", now)
				}
				return accounts.SetTenantStatus(ctx, x, t, status)
			})
		},
	}
}
