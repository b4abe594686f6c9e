package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// Where keys are taken from, so that they stand in no list of processes.
const (
	envKEK        = "WATERTIGHT_KEK"
	envContextKey = "WATERTIGHT_CONTEXT_KEY"
)

func keysCommand() *command {
	return &command{
		name:    "keys",
		summary: "make, rotate, re-seal and destroy the tenants' keys",
		usage:   "ACTION [URL] [flags]",
		help: `keys looks after the keys under which passwords, tokens and other secrets of a
tenant are sealed.

URL, or DATABASE_URL, is of a member of watertight_system; for reseal and attack,
of the application's role. WATERTIGHT_CONTEXT_KEY holds the context key, --kek or
WATERTIGHT_KEK the KEK: the path of a key file, or, in a command built with
-tags kms, the URL of a key in a key management service. What crosses tenants
wants --by, and is recorded.`,
		example: `  watertight keys init /etc/watertight/kek
  watertight keys status --tenant 6f1e2b0c-539a-4d10-8e77-0a1b2c3d4e5f --by anna@example.com
  watertight keys rotate --all --by anna@example.com --kek /etc/watertight/kek`,
		actions: keysCommands(),
	}
}

// keysCommands is the table of actions.
func keysCommands() []*command {
	return []*command{
		keysAction("init", "make a key-encryption key (KEK) in a new file, mode 0600", "FILE", keysInit,
			"init writes a new key to a file that only its owner reads, and prints its name. Keep\na copy apart from the database and its backups.",
			"  watertight keys init /etc/watertight/kek"),
		keysAction("status", "list the data keys, and how many values need each", "[URL] --by EMAIL", keysStatus,
			"status shows the data keys of all tenants and their states; with --tenant also how\nmany values are sealed under each.",
			"  watertight keys status --by anna@example.com\n  watertight keys status --tenant ID --by anna@example.com --format json",
			"tenant", "by", "reason", "format"),
		keysAction("rotate", "make a new data key for one tenant, or for all", "[URL] (--tenant ID | --all) --by EMAIL", keysRotate,
			"rotate makes a new key active. What is sealed under the old one still opens; reseal\nseals it anew.",
			"  watertight keys rotate --tenant ID --by anna@example.com --kek /etc/watertight/kek\n  watertight keys rotate --all --by anna@example.com",
			"kek", "tenant", "all", "by", "reason"),
		keysAction("reseal", "seal values anew that are under an old key", "[URL] (--tenant ID | --all)", keysReseal,
			"reseal works while the application does, in small batches, and may be stopped and\nstarted again. URL is of the application's role. Exit code 1 while values are left.",
			"  watertight keys reseal --all --kek /etc/watertight/kek\n  watertight keys reseal --tenant ID --batch 100 --pause 1s",
			"kek", "tenant", "all", "batch", "pause"),
		keysAction("retire", "destroy old keys that no value is sealed under any more", "[URL] (--tenant ID | --all) --by EMAIL", keysRetire,
			"retire destroys old data keys that nothing needs, and says of the others why they stay.",
			"  watertight keys retire --all --by anna@example.com",
			"tenant", "all", "by", "reason"),
		keysAction("rewrap", "wrap the data keys with the first --kek, to change the KEK", "[URL] --kek NEW --kek OLD --by EMAIL", keysRewrap,
			"rewrap opens each data key with the KEK that it is wrapped with, and wraps it with\nthe first one. No value is sealed anew.",
			"  watertight keys rewrap --by anna@example.com --kek /etc/watertight/kek-2 --kek /etc/watertight/kek",
			"kek", "by", "reason", "every"),
		keysAction("destroy", "destroy the keys of one tenant: what is sealed of it is lost", "[URL] --tenant ID --confirm ID --reason TEXT --by EMAIL", keysDestroy,
			"destroy makes everything sealed of one tenant unreadable, for good.",
			"  watertight keys destroy --tenant ID --confirm ID --by anna@example.com --reason \"contract ended\"",
			"tenant", "confirm", "by", "reason"),
		keysAction("attack", "try to open sealed values where they do not belong", "[URL] --tenant ID --other ID", keysAttack,
			"attack opens sealed values of two tenants at each other's places and at other rows\nand columns; exit code 1 if one opens. It writes nothing. URL is of the application's\nrole.",
			"  watertight keys attack --tenant ID --other ID --kek /etc/watertight/kek",
			"kek", "tenant", "other"),
	}
}

// keysAction is an action with those of the flags that it names.
func keysAction(name, summary, usage string, run func(context.Context, *keysCall) error, help, example string, flags ...string) *command {
	return &command{
		name: "keys " + name, summary: summary, usage: usage, help: help, example: example,
		run: func(ctx context.Context, c *call) error {
			k := &keysCall{call: c, action: name, format: "text"}
			args, err := c.parse(k.flags(flags), 0, 1)
			if err != nil {
				return err
			}
			k.args = args
			if k.tenant != "" && k.all {
				return usageError{"--tenant and --all contradict each other (give one)"}
			}
			return run(ctx, k)
		},
	}
}

// keysCall is one run of an action.
type keysCall struct {
	*call
	action  string
	args    []string
	keks    stringList
	tenant  string
	other   string
	all     bool
	by      string
	reason  string
	confirm string
	every   bool
	batch   int
	pause   time.Duration
	format  string
}

// flags are those of the names given.
func (k *keysCall) flags(names []string) *flag.FlagSet {
	all := flag.NewFlagSet("keys", flag.ContinueOnError)
	all.Var(&k.keks, "kek", "`FILE` or URL of the KEK; may be repeated, the first wraps and all unwrap")
	all.StringVar(&k.tenant, "tenant", "", "`ID` of the tenant")
	all.StringVar(&k.other, "other", "", "`ID` of the second tenant")
	all.BoolVar(&k.all, "all", false, "all tenants that are active")
	all.StringVar(&k.by, "by", "", "`EMAIL` of the person who does it, for the record")
	all.StringVar(&k.reason, "reason", "", "`TEXT` that says why, for the record")
	all.StringVar(&k.confirm, "confirm", "", "the tenant's `ID` once more")
	all.BoolVar(&k.every, "every", false, "also the keys that the first KEK has wrapped already")
	all.IntVar(&k.batch, "batch", 500, "`N` values in one transaction")
	all.DurationVar(&k.pause, "pause", 0, "`TIME` between two batches; 0 for as long as the batch took")
	all.Var(choice{&k.format, []string{"text", "json"}}, "format", "output: text or json")
	fs := k.flagSet()
	for _, name := range names {
		f := all.Lookup(name)
		fs.Var(f.Value, name, f.Usage)
	}
	return fs
}

func keysInit(_ context.Context, k *keysCall) error {
	if len(k.args) != 1 || isURL(k.args[0]) {
		return usageError{"init wants the path of the new key file"}
	}
	kek, err := crypto.CreateKeyFile(k.args[0])
	if err != nil {
		return err
	}
	fmt.Fprintf(k.stdout, "%s\n", kek.ID())
	fmt.Fprintf(k.stderr, "Keep a copy of %s apart from the database and its backups: without it every sealed value is lost.\n", k.args[0])
	return nil
}

// one returns the tenant of --tenant.
func (k *keysCall) one() (tenancy.ID, error) {
	if k.tenant == "" {
		return tenancy.ID{}, usageError{k.action + " wants --tenant ID"}
	}
	return tenancy.ParseID(k.tenant)
}

// each runs fn for the tenant of --tenant, or for each of the ids that all
// returns. An error of one tenant does not keep the others from their turn.
func (k *keysCall) each(all func() ([]tenancy.ID, error), fn func(tenancy.ID) error) error {
	if !k.all {
		if k.tenant == "" {
			return usageError{k.action + " wants --tenant ID or --all"}
		}
		t, err := k.one()
		if err != nil {
			return err
		}
		return fn(t)
	}
	ids, err := all()
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range ids {
		if err := fn(t); err != nil {
			errs = append(errs, fmt.Errorf("tenant %s: %w", t, err))
		}
	}
	return errors.Join(errs...)
}

// system connects as watertight_system.
func (k *keysCall) system(ctx context.Context) (*crosstenant.DB, error) {
	if !strings.Contains(k.by, "@") {
		return nil, usageError{k.action + " wants --by EMAIL: it crosses tenants and is recorded"}
	}
	return k.systemDB(ctx, k.args)
}

// run is one transaction across tenants.
func (k *keysCall) run(ctx context.Context, db *crosstenant.DB, fn func(context.Context, *crosstenant.Conn) error) error {
	return db.Run(ctx, k.actor(), k.why(), fn)
}

func (k *keysCall) actor() tenancy.Actor { return tenancy.Actor{Email: k.by} }

func (k *keysCall) why() string {
	if k.reason != "" {
		return k.reason
	}
	return "watertight keys " + k.action
}

// app connects as the application.
func (k *keysCall) app(ctx context.Context) (*tenancy.DB, error) {
	url, err := k.databaseURL(k.args)
	if err != nil {
		return nil, err
	}
	key, err := k.contextKey()
	if err != nil {
		return nil, err
	}
	return tenancy.Open(ctx, url, tenancy.Config{Key: key, Registry: accounts.Registry{}, MaxConns: 4, Version: programVersion()})
}

// ring returns a key ring with the KEKs of the call. The store may be one that
// is never asked, where keys are only wrapped.
func (k *keysCall) ring(ctx context.Context, store crypto.Store) (*crypto.Ring, error) {
	names := slices.Clone([]string(k.keks))
	if len(names) == 0 {
		names = strings.Fields(k.getenv(envKEK))
	}
	if len(names) == 0 {
		return nil, usageError{k.action + " wants --kek (or set " + envKEK + ")"}
	}
	return openRing(ctx, store, names)
}

// openKEK opens a key file or, by its URL, a key in a key management service.
func openKEK(ctx context.Context, name string) (crypto.KEK, error) {
	if isURL(name) {
		return openKMS(ctx, name)
	}
	kek, err := crypto.OpenKeyFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no key file %s (make one with watertight keys init)", name)
	}
	return kek, err
}

// noStore is the store of a ring that wraps and unwraps only.
type noStore struct{}

func (noStore) LoadKey(context.Context, tenancy.ID, uint32) (crypto.WrappedKey, error) {
	return crypto.WrappedKey{}, crypto.ErrNoKey
}
func (noStore) AddFirstKey(context.Context, crypto.WrappedKey) error { return crypto.ErrKeyExists }

// programVersion stands in the audit log as the version that did it.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "watertight " + info.Main.Version
	}
	return "watertight (devel)"
}
