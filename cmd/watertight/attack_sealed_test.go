package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

// loose opens a value whatever it was sealed for, as a system with one key and
// no binding does.
type loose struct{ keystore.Sealer }

var nowhere = crypto.Ref{Table: "t", Column: "c", Row: crypto.RowInt(1)}

func (l loose) Seal(ctx context.Context, t tenancy.ID, _ crypto.Ref, s crypto.Secret) ([]byte, error) {
	return l.Sealer.Seal(ctx, t, nowhere, s)
}

func (l loose) Open(ctx context.Context, t tenancy.ID, _ crypto.Ref, sealed []byte) (crypto.Secret, error) {
	return l.Sealer.Open(ctx, t, nowhere, sealed)
}

// oneKey gives every tenant the first one's key.
type oneKey struct {
	loose
	tenant tenancy.ID
}

func (o oneKey) Seal(ctx context.Context, _ tenancy.ID, r crypto.Ref, s crypto.Secret) ([]byte, error) {
	return o.loose.Seal(ctx, o.tenant, r, s)
}

func (o oneKey) Open(ctx context.Context, _ tenancy.ID, r crypto.Ref, sealed []byte) (crypto.Secret, error) {
	return o.loose.Open(ctx, o.tenant, r, sealed)
}

// TestSwappedCiphertextIsAnAttack runs the leak suite on the library's own
// tables: no sealed value opens in another tenant's row, or in another row; and
// with a binding taken away the suite says so.
func TestSwappedCiphertextIsAnAttack(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	attacks, err := sealedAttack(t.Context(), d.AdminURL)
	if err != nil || len(attacks) != 1 {
		t.Fatalf("%d attacks on a database with sealed columns, %v", len(attacks), err)
	}
	ring, err := insecurekeys.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, sealer keystore.Sealer) leaktest.Attack {
		return leaktest.Attack{Name: name, Run: func(ctx context.Context, at leaktest.Site) ([]leaktest.Attempt, error) {
			return swapWith(ctx, at, sealer)
		}}
	}
	report, err := leaktest.Check(t.Context(), leaktest.Config{
		URL: d.AdminURL, AppRole: "watertight_app", Schemas: []string{"watertight"}, Jobs: 2,
		Attacks: append(attacks, with("no binding to the row", loose{ring}), with("one key for all", oneKey{loose{ring}, tenancy.NewID()})),
	})
	if endedEarly(err) != nil {
		t.Fatal(err)
	}
	var tried []string
	for _, c := range report.Cells {
		if strings.HasPrefix(c.Attack, "ciphertext") && c.Verdict == leaktest.Held {
			tried = append(tried, c.Object+", "+c.Attack)
		}
	}
	for _, want := range []string{
		"watertight.calendar_connections.access_token, ciphertext of another tenant",
		"watertight.calendar_connections.refresh_token, ciphertext of another tenant",
		"watertight.calendar_connections.caldav_password, ciphertext of another tenant",
		"watertight.calendar_connections.access_token, ciphertext of another row",
	} {
		if !slices.Contains(tried, want) {
			t.Errorf("not tried: %s (tried: %v)", want, tried)
		}
	}
	leaks := map[string]bool{}
	for _, f := range report.Findings {
		if f.Rule != "WTA023" {
			continue
		}
		name, rest, _ := strings.Cut(f.Message, ": ")
		leaks[name+": "+rest[:strings.Index(rest, " came")]] = true
	}
	want := map[string]bool{
		"no binding to the row: ciphertext of another row": true,
		"one key for all: ciphertext of another tenant":    true, "one key for all: ciphertext of another row": true,
	}
	for leak := range want {
		if !leaks[leak] {
			t.Errorf("not caught: %s", leak)
		}
	}
	for leak := range leaks {
		if !want[leak] {
			t.Errorf("a leak where there is none: %s", leak)
		}
	}
}

func TestNoSealedColumnsNoAttack(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Config{Empty: true})
	attacks, err := sealedAttack(t.Context(), d.AdminURL)
	if err != nil || len(attacks) != 0 {
		t.Errorf("%d attacks on an empty database, %v", len(attacks), err)
	}
}
