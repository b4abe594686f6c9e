package crypto_test

import (
	"context"
	"crypto/fips140"
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/watertight-go/watertight/crypto"
)

func sha1Hex(s string) string {
	var sum [20]byte
	fips140.WithoutEnforcement(func() { sum = sha1.Sum([]byte(s)) })
	return fmt.Sprintf("%X", sum)
}

func writeLines(t *testing.T, lines []string, end string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "breached.txt")
	if err := os.WriteFile(path, []byte(strings.Join(lines, end)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBreachFile looks up every entry of lists of many lengths and forms, and
// as many passwords that are not in them.
func TestBreachFile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, n := range []int{1, 2, 3, 10, 1000, 1501} {
		for form, line := range map[string]func(i int, hash string) string{
			"bare":       func(_ int, h string) string { return h },
			"counted":    func(i int, h string) string { return fmt.Sprintf("%s:%d", h, i*i) },
			"lower case": func(_ int, h string) string { return strings.ToLower(h) },
		} {
			for _, end := range []string{"\n", "\r\n"} {
				lines := make([]string, n)
				for i := range lines {
					lines[i] = line(i, sha1Hex(fmt.Sprint("breached-", i)))
				}
				slices.Sort(lines)
				if n%2 == 1 {
					lines = append(lines, "") // ends with a line end
				}
				b, err := crypto.OpenBreachFile(writeLines(t, lines, end))
				if err != nil {
					t.Fatalf("%d %s %q: %v", n, form, end, err)
				}
				for i := range n {
					if r, err := b.Find(ctx, crypto.SecretString(fmt.Sprint("breached-", i))); r == "" || err != nil {
						t.Errorf("%d %s %q: entry %d is not found: %v", n, form, end, i, err)
					}
					if r, err := b.Find(ctx, crypto.SecretString(fmt.Sprint("safe-", i))); r != "" || err != nil {
						t.Errorf("%d %s %q: found what is not in it: %v", n, form, end, err)
					}
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestBreachFileIsRefused(t *testing.T) {
	t.Parallel()
	sorted := make([]string, 3000)
	for i := range sorted {
		sorted[i] = sha1Hex(fmt.Sprint(i))
	}
	unsorted := slices.Clone(sorted)
	slices.Sort(sorted)
	short := slices.Clone(sorted)
	short[0] = short[0][:39]
	for name, path := range map[string]string{
		"empty":               writeLines(t, nil, ""),
		"order of prevalence": writeLines(t, unsorted, "\n"),
		"reversed":            writeLines(t, reversed(sorted), "\n"),
		"plain passwords":     writeLines(t, []string{"password", "dragon"}, "\n"),
		"one short hash":      writeLines(t, short, "\n"),
		"one long line":       writeLines(t, []string{strings.Repeat("A", 5000)}, "\n"),
		"a byte order mark":   writeLines(t, append([]string{"\ufeff" + sorted[0]}, sorted[1:]...), "\n"),
		"missing":             filepath.Join(t.TempDir(), "none"),
		"a directory":         t.TempDir(),
	} {
		if b, err := crypto.OpenBreachFile(path); err == nil {
			_ = b.Close()
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestBreachFileCutAfterwards: an answer from a file that shrank is an error,
// not "not listed".
func TestBreachFileCutAfterwards(t *testing.T) {
	t.Parallel()
	lines := []string{sha1Hex("a"), sha1Hex("b"), sha1Hex("c")}
	slices.Sort(lines)
	path := writeLines(t, lines, "\n")
	b, err := crypto.OpenBreachFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := os.Truncate(path, 20); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Find(context.Background(), crypto.SecretString("a")); err == nil {
		t.Error("no error")
	}
	err = crypto.Policy{Blocklists: []crypto.Blocklist{b}}.Check(context.Background(), crypto.SecretString("correct horse battery"), crypto.PolicyContext{})
	var refused *crypto.PolicyError
	if err == nil || errors.As(err, &refused) {
		t.Errorf("policy: %v, want an error that is no refusal", err)
	}
}

func TestPolicyWithBreachFile(t *testing.T) {
	t.Parallel()
	b, err := crypto.OpenBreachFile(writeLines(t, []string{sha1Hex("caf\u00e9 correct horse") + ":12"}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p := crypto.Policy{Blocklists: []crypto.Blocklist{b}}
	var refused *crypto.PolicyError
	// Typed in two code points: the list is asked in NFC.
	err = p.Check(context.Background(), crypto.SecretString("cafe\u0301 correct horse"), crypto.PolicyContext{})
	if !errors.As(err, &refused) || refused.Rule != crypto.RuleListed {
		t.Errorf("a breached password: %v", err)
	}
}

func reversed(s []string) []string {
	r := slices.Clone(s)
	slices.Reverse(r)
	return r
}
