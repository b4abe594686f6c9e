package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"filippo.io/age"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/lifecycle"
)

func tenantExport() *command {
	return &command{
		name: "tenant export", summary: "write one tenant as one file", usage: "[URL] --tenant ID --out FILE --by EMAIL [--to KEY]",
		help: `export writes rows, files and audit log of one tenant as of one moment, while others
work on, and prints the digest of its manifest: keep that apart from the file, and give
it to import. A tenant table that is not protected fails the export.
With --to the file is encrypted to a public key of age (age1…); without, it is a copy
of everything the customer has, readable to whoever finds it.`,
		example: "  watertight tenant export --tenant ID --by anna@example.com --to age1… --out acme.tar.age",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			fs := k.flags()
			var to stringList
			fs.Var(&to, "to", "public `KEY` (age) that may read it; may be repeated")
			out := fs.String("out", "", "new `FILE`")
			fs.StringVar(&k.store, "files", "", "`DIR` of the files, one folder for each tenant (default none)")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			t, err := k.id()
			if err != nil {
				return err
			}
			if *out == "" {
				return usageError{"export wants --out FILE"}
			}
			cfg := lifecycle.ExportConfig{Progress: k.tell()}
			for _, key := range to {
				r, err := age.ParseX25519Recipient(key)
				if err != nil {
					return usageError{"--to is no public key of age (it begins with age1)"}
				}
				cfg.Recipients = append(cfg.Recipients, r)
			}
			db, err := k.life(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			return c.output(*out, 0o600, func(w *os.File) error {
				done, err := db.Export(ctx, k.actor(), t, w, cfg)
				c.progressDone()
				if err != nil {
					return err
				}
				fmt.Fprintf(c.stdout, "%s\n", done.Digest)
				return w.Sync()
			})
		},
	}
}

// bundleFlags are those of whatever reads a bundle.
type bundleFlags struct {
	in, digest string
	identity   stringList
}

func (b *bundleFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&b.in, "in", "", "`FILE` that export wrote")
	fs.StringVar(&b.digest, "sha256", "", "`DIGEST` that export printed")
	fs.Var(&b.identity, "identity", "`FILE` of age identities that open it; may be repeated")
}

func (b *bundleFlags) open() (*os.File, []age.Identity, error) {
	if b.in == "" {
		return nil, nil, usageError{"no bundle was named (--in FILE)"}
	}
	var ids []age.Identity
	for _, name := range b.identity {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, fmt.Errorf("the identity file %s cannot be read", name)
		}
		list, err := age.ParseIdentities(f)
		f.Close()
		if err != nil {
			return nil, nil, fmt.Errorf("%s holds no identities of age (make one with age-keygen)", name)
		}
		ids = append(ids, list...)
	}
	f, err := os.Open(b.in)
	if err != nil {
		return nil, nil, fmt.Errorf("the bundle %s cannot be read", b.in)
	}
	return f, ids, nil
}

// refused turns a bundle that was changed, and a tenant that is in the way, into
// findings: exit code 1.
func refused(err error) error {
	var conflict *lifecycle.ConflictError
	if errors.Is(err, lifecycle.ErrBundle) || errors.As(err, &conflict) {
		return findings(err.Error())
	}
	return err
}

func tenantInspect() *command {
	return &command{
		name: "tenant inspect", summary: "check a bundle without a database", usage: "--in FILE [--identity FILE]",
		help:    "inspect compares everything in a bundle with its manifest, and prints that. Exit\ncode 1 if the bundle was changed or is not whole.",
		example: "  watertight tenant inspect --in acme.tar.age --identity key.txt",
		run: func(_ context.Context, c *call) error {
			fs := c.flagSet()
			var b bundleFlags
			b.add(fs)
			if _, err := c.parse(fs, 0, 0); err != nil {
				return err
			}
			f, ids, err := b.open()
			if err != nil {
				return err
			}
			defer f.Close()
			m, digest, err := lifecycle.Inspect(f, ids...)
			if err != nil {
				return refused(err)
			}
			if b.digest != "" && !strings.EqualFold(b.digest, digest) {
				return findings("the bundle has another digest than the one given")
			}
			return c.printJSON(map[string]any{"sha256": digest, "manifest": m})
		},
	}
}

func tenantImport() *command {
	return &command{
		name: "tenant import", summary: "put a tenant back out of such a file", usage: "[URL] --in FILE --by EMAIL [--sha256 DIGEST]",
		help: `import puts a whole tenant back, here or in another database, in one transaction and
under the ids that it had. What stands in its way is reported before anything is
written: exit code 1. With --kek the tenant's data keys are wrapped for this database:
the first is the one used here, the others open what the source wrapped.`,
		example: "  watertight tenant import --in acme.tar.age --identity key.txt --kek /etc/watertight/kek --by anna@example.com",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			fs := k.flags()
			var b bundleFlags
			b.add(fs)
			fs.Var(&k.kek, "kek", "`FILE` or URL of the KEK; may be repeated, the first wraps and all unwrap")
			fs.StringVar(&k.store, "files", "", "`DIR` for the files")
			again := fs.Bool("after-erasure", false, "also if the tenant was erased here on request")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			f, ids, err := b.open()
			if err != nil {
				return err
			}
			defer f.Close()
			ring, err := k.ring(ctx)
			if err != nil {
				return err
			}
			db, err := k.life(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			m, err := db.Import(ctx, k.actor(), f, lifecycle.ImportConfig{
				Identities: ids, Digest: b.digest, Ring: ring, AfterErasure: *again, Progress: k.tell(),
			})
			c.progressDone()
			if err != nil {
				return refused(err)
			}
			fmt.Fprintf(c.stdout, "tenant %s is back\n", m.Tenant)
			return nil
		},
	}
}

// ring is made of --kek, nil without one.
func (k *tenantCall) ring(ctx context.Context) (*crypto.Ring, error) {
	if len(k.kek) == 0 {
		return nil, nil
	}
	return openRing(ctx, noStore{}, k.kek)
}

// pairs is a flag NAME=VALUE that may be repeated.
type pairs map[string]string

func (p pairs) String() string { return "" }

func (p pairs) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return errors.New("want NAME=VALUE")
	}
	p[name] = value
	return nil
}

func tenantRestoreRecord() *command {
	return &command{
		name: "tenant restore-record", summary: "put one record back out of such a file", usage: "[URL] --in FILE --tenant ID --table T --key COLUMN=VALUE --by EMAIL",
		help: `restore-record puts one row back, with the rows that it refers to where they are gone
too. What is there is left alone. Each row leaves an event in the tenant's log.`,
		example: "  watertight tenant restore-record --in acme.tar --tenant ID --table app.contacts --key id=4711 --by anna@example.com",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			fs := k.flags()
			var b bundleFlags
			b.add(fs)
			key := pairs{}
			table := fs.String("table", "", "`TABLE` with its schema")
			fs.Var(key, "key", "`COLUMN=VALUE` of the primary key, without the tenant's; may be repeated")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			t, err := k.id()
			if err != nil {
				return err
			}
			f, ids, err := b.open()
			if err != nil {
				return err
			}
			defer f.Close()
			db, err := k.life(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			rows, err := db.RestoreRecord(ctx, k.actor(), t, f, lifecycle.RecordConfig{Table: *table, Key: key, Identities: ids, Digest: b.digest})
			if err != nil {
				return refused(err)
			}
			for _, r := range rows {
				fmt.Fprintf(c.stdout, "%s %v\n", r.Table, r.Key)
			}
			return nil
		},
	}
}
