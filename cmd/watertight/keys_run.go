package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func keysStatus(ctx context.Context, k *keysCall) error {
	db, err := k.system(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	var list []keystore.KeyStatus
	err = k.run(ctx, db, func(ctx context.Context, c *crosstenant.Conn) (err error) {
		if k.tenant == "" {
			list, err = keystore.Status(ctx, c)
			return err
		}
		t, err := k.one()
		if err != nil {
			return err
		}
		list, err = keystore.TenantStatus(ctx, c, t)
		return err
	})
	if err != nil {
		return err
	}
	if k.format == "json" {
		return json.NewEncoder(k.stdout).Encode(map[string]any{"keys": list})
	}
	return k.printStatus(list)
}

func (k *keysCall) printStatus(list []keystore.KeyStatus) error {
	w := tabwriter.NewWriter(k.stdout, 0, 0, 2, ' ', 0)
	values := ""
	if k.tenant != "" {
		values = "\tvalues"
	}
	fmt.Fprintf(w, "tenant\tkey\tstate\tcreated\tkek%s\n", values)
	for _, s := range list {
		if k.tenant != "" {
			values = fmt.Sprintf("\t%d", s.Values)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s%s\n", s.Tenant, s.KeyID, s.State, s.Created.UTC().Format(time.DateOnly), s.KEK, values)
	}
	return w.Flush()
}

// tenantsWithKeys returns the tenants that have a key in the given state.
func (k *keysCall) tenantsWithKeys(ctx context.Context, db *crosstenant.DB, state crypto.KeyState) ([]tenancy.ID, error) {
	var ids []tenancy.ID
	err := k.run(ctx, db, func(ctx context.Context, c *crosstenant.Conn) error {
		list, err := keystore.Status(ctx, c)
		for _, s := range list {
			if s.State == state {
				ids = append(ids, s.Tenant)
			}
		}
		return err
	})
	slices.SortFunc(ids, func(a, b tenancy.ID) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(ids), err
}

func keysRotate(ctx context.Context, k *keysCall) error {
	ring, err := k.ring(ctx, noStore{})
	if err != nil {
		return err
	}
	db, err := k.system(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	all := func() ([]tenancy.ID, error) { return k.tenantsWithKeys(ctx, db, crypto.KeyActive) }
	return k.each(all, func(t tenancy.ID) error {
		var id uint32
		err := k.run(ctx, db, func(ctx context.Context, c *crosstenant.Conn) (err error) {
			id, err = keystore.Rotate(ctx, c, ring, t)
			return err
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(k.stdout, "%s: key %d is active\n", t, id)
		return nil
	})
}

func keysReseal(ctx context.Context, k *keysCall) error {
	db, err := k.app(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	store, err := keystore.New(db)
	if err != nil {
		return err
	}
	ring, err := k.ring(ctx, store)
	if err != nil {
		return err
	}
	r := keystore.Resealer{DB: db, Ring: ring, BatchSize: k.batch, Pause: k.pause, Progress: func(p keystore.Progress) {
		fmt.Fprintf(k.stderr, "%s: %s: %d sealed anew, %d overtaken\n", p.Tenant, p.Column, p.Resealed, p.Overtaken)
	}}
	left := 0
	all := func() ([]tenancy.ID, error) { return keystore.ActiveTenants(ctx, db) }
	err = k.each(all, func(t tenancy.ID) error {
		done, err := r.Tenant(ctx, t)
		if k.all && errors.Is(err, crypto.ErrNoKey) {
			return nil // it has sealed nothing yet
		}
		if err != nil {
			return err
		}
		left += done.Left
		fmt.Fprintf(k.stdout, "%s: %d sealed anew, %d left, %d of them unreadable\n", t, done.Resealed, done.Left, done.Unreadable)
		return nil
	})
	if err == nil && left > 0 {
		return findings(fmt.Sprintf("%d values are still under an old key (run it again; unreadable ones stay until they are overwritten)", left))
	}
	return err
}

func keysRetire(ctx context.Context, k *keysCall) error {
	db, err := k.system(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	all := func() ([]tenancy.ID, error) { return k.tenantsWithKeys(ctx, db, crypto.KeyDecryptOnly) }
	return k.each(all, func(t tenancy.ID) error {
		var list []keystore.Retired
		err := k.run(ctx, db, func(ctx context.Context, c *crosstenant.Conn) (err error) {
			list, err = keystore.Retire(ctx, c, t, keystore.RetireAfter)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range list {
			if r.Destroyed {
				fmt.Fprintf(k.stdout, "%s: key %d is destroyed\n", t, r.KeyID)
			} else {
				fmt.Fprintf(k.stdout, "%s: key %d is kept: %s\n", t, r.KeyID, r.Why)
			}
		}
		return nil
	})
}

func keysRewrap(ctx context.Context, k *keysCall) error {
	ring, err := k.ring(ctx, noStore{})
	if err != nil {
		return err
	}
	db, err := k.system(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	n, err := keystore.Rewrap(ctx, db, k.actor(), ring, k.every)
	if err != nil {
		return err
	}
	fmt.Fprintf(k.stdout, "%d data keys wrapped with %s\n", n, ring.WrapsWith())
	return nil
}

func keysDestroy(ctx context.Context, k *keysCall) error {
	t, err := k.one()
	if err != nil {
		return err
	}
	if k.confirm != t.String() {
		return usageError{"destroy makes everything sealed of the tenant unreadable, for good (say --confirm with the tenant's ID once more)"}
	}
	if k.reason == "" {
		return usageError{"destroy wants --reason TEXT, for the record"}
	}
	db, err := k.system(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	var n int
	err = k.run(ctx, db, func(ctx context.Context, c *crosstenant.Conn) (err error) {
		n, err = keystore.Destroy(ctx, c, t)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(k.stdout, "%s: %d keys destroyed\n", t, n)
	fmt.Fprintf(k.stderr, "Running processes may remember a key for %s at most. Backups from before hold the keys until they expire.\n", crypto.MaxKeyTTL)
	return nil
}

func keysAttack(ctx context.Context, k *keysCall) error {
	a, err := k.one()
	if err != nil {
		return err
	}
	if k.other == "" {
		return usageError{"attack wants --other ID, a second tenant"}
	}
	b, err := tenancy.ParseID(k.other)
	if err != nil {
		return err
	}
	db, err := k.app(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	store, err := keystore.New(db)
	if err != nil {
		return err
	}
	ring, err := k.ring(ctx, store)
	if err != nil {
		return err
	}
	out, err := keystore.AttackBySwap(ctx, db, ring, a, b)
	if err != nil {
		return err
	}
	for _, leak := range out.Opened {
		fmt.Fprintln(k.stdout, leak)
	}
	if len(out.Opened) > 0 {
		return findings("sealed values open where they do not belong")
	}
	fmt.Fprintf(k.stdout, "%d attempts, every one refused\n", out.Tried)
	return nil
}
