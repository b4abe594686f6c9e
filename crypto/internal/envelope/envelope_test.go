package envelope

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var place = Context{
	Tenant: [16]byte{0x11, 0x22, 15: 0x99},
	Table:  "calendar_connection",
	Column: "access_token",
	Row:    "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10",
}

func newKey(tb testing.TB) []byte {
	tb.Helper()
	key := make([]byte, KeySize)
	if _, err := rand.Read(key); err != nil {
		tb.Fatal(err)
	}
	return key
}

func mustSeal(tb testing.TB, key []byte, c Context, plaintext string) []byte {
	tb.Helper()
	sealed, err := Seal(key, 7, c, []byte(plaintext))
	if err != nil {
		tb.Fatal(err)
	}
	return sealed
}

func TestSealOpen(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	for _, n := range []int{0, 1, 15, 16, 17, 256, 1 << 20} {
		plaintext := make([]byte, n)
		_, _ = rand.Read(plaintext)
		sealed, err := Seal(key, 0xfffffffe, place, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		if len(sealed) != n+65 {
			t.Errorf("%d bytes sealed to %d, want 65 more", n, len(sealed))
		}
		if id, ok := KeyID(sealed); id != 0xfffffffe || !ok {
			t.Errorf("KeyID = %d, %v", id, ok)
		}
		got, err := Open(key, place, sealed)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("open of %d bytes: %v", n, err)
		}
	}
}

// TestLayout reads the bytes by the offsets of the package comment, so that the
// comment cannot drift from the code.
func TestLayout(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	sealed := mustSeal(t, key, place, "plaintext")
	if sealed[0] != 1 || binary.BigEndian.Uint32(sealed[1:5]) != 7 {
		t.Fatalf("header is % x", sealed[:5])
	}
	valueKey, err := hkdf.Key(sha256.New, key, sealed[5:37], "tenantseal/v1 aes-256-gcm", 32)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := newCipher(valueKey)
	if err != nil {
		t.Fatal(err)
	}
	aad := append([]byte{1, 0, 0, 0, 7}, place.Tenant[:]...)
	aad = append(aad, "\x00\x00\x00\x13calendar_connection\x00\x00\x00\x0caccess_token\x00\x00\x00\x10"+place.Row...)
	got, err := aead.Open(nil, nil, sealed[37:], aad)
	if err != nil || string(got) != "plaintext" {
		t.Errorf("opened by hand to %q, %v", got, err)
	}
}

func TestEveryBitFlipIsRefused(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	sealed := mustSeal(t, key, place, strings.Repeat("secret ", 9))
	for i := range sealed {
		for bit := range 8 {
			sealed[i] ^= 1 << bit
			if got, err := Open(key, place, sealed); !errors.Is(err, ErrOpen) || got != nil {
				t.Errorf("byte %d bit %d flipped: %v", i, bit, err)
			}
			sealed[i] ^= 1 << bit
		}
	}
	if _, err := Open(key, place, sealed); err != nil {
		t.Errorf("the value itself no longer opens: %v", err)
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	sealed := mustSeal(t, key, place, strings.Repeat("secret ", 9))
	for n := range sealed {
		if _, err := Open(key, place, sealed[:n]); !errors.Is(err, ErrOpen) {
			t.Errorf("first %d bytes: %v", n, err)
		}
		if _, err := Open(key, place, sealed[len(sealed)-n:]); !errors.Is(err, ErrOpen) {
			t.Errorf("last %d bytes: %v", n, err)
		}
	}
	if _, err := Open(key, place, append(sealed, 0)); !errors.Is(err, ErrOpen) {
		t.Errorf("one byte more: %v", err)
	}
}

// TestEverySwapIsRefused moves one value to every other place there is.
func TestEverySwapIsRefused(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	sealed := mustSeal(t, key, place, "secret")
	swaps := map[string]func(c *Context){
		"tenant":                func(c *Context) { c.Tenant[0]++ },
		"tenant, last byte":     func(c *Context) { c.Tenant[15]++ },
		"table":                 func(c *Context) { c.Table = "users" },
		"column":                func(c *Context) { c.Column = "refresh_token" },
		"row":                   func(c *Context) { c.Row = c.Row[:15] + "\x11" },
		"row, shorter":          func(c *Context) { c.Row = c.Row[:8] },
		"boundary to the left":  func(c *Context) { c.Table, c.Column = "calendar_connectio", "naccess_token" },
		"boundary to the right": func(c *Context) { c.Column, c.Row = "access_token\x01", c.Row[1:] },
		"column and table":      func(c *Context) { c.Table, c.Column = c.Column, c.Table },
		"tenant and row":        func(c *Context) { c.Row, c.Tenant = string(c.Tenant[:]), [16]byte([]byte(c.Row)) },
		"no row":                func(c *Context) { c.Row = "" },
	}
	for name, swap := range swaps {
		c := place
		swap(&c)
		if _, err := Open(key, c, sealed); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(newKey(t), place, sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("another key: %v", err)
	}
}

func TestKeyID(t *testing.T) {
	t.Parallel()
	sealed := mustSeal(t, newKey(t), place, "")
	with := func(i int, b byte) []byte {
		c := bytes.Clone(sealed)
		c[i] = b
		return c
	}
	for name, c := range map[string]struct {
		sealed []byte
		id     uint32
		ok     bool
	}{
		"as sealed":        {sealed, 7, true},
		"another number":   {with(1, 1), 1<<24 + 7, true},
		"number 0":         {with(4, 0), 0, false},
		"version 0":        {with(0, 0), 0, false},
		"version 2":        {with(0, 2), 0, false},
		"version 3":        {with(0, 3), 0, false},
		"one byte too few": {sealed[:64], 0, false},
		"nothing":          {nil, 0, false},
	} {
		if id, ok := KeyID(c.sealed); ok != c.ok || ok && id != c.id {
			t.Errorf("%s: %d, %v; want %d, %v", name, id, ok, c.id, c.ok)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	seal := func(key []byte, id uint32, change func(*Context), n int) error {
		c := place
		change(&c)
		_, err := Seal(key, id, c, make([]byte, n))
		return err
	}
	same := func(*Context) {}
	for name, err := range map[string]error{
		"short key":  seal(key[:31], 1, same, 1),
		"no key":     seal(nil, 1, same, 1),
		"key id 0":   seal(key, 0, same, 1),
		"no table":   seal(key, 1, func(c *Context) { c.Table = "" }, 1),
		"no column":  seal(key, 1, func(c *Context) { c.Column = "" }, 1),
		"no row":     seal(key, 1, func(c *Context) { c.Row = "" }, 1),
		"long label": seal(key, 1, func(c *Context) { c.Table = strings.Repeat("x", 1<<16+1) }, 1),
		"long value": seal(key, 1, same, MaxPlaintext+1),
	} {
		if !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v, want ErrInput", name, err)
		}
	}
}

// TestSaltAndNonceDoNotRepeat seals many values under one key, as a service
// that renews its tokens does. Set WATERTIGHT_SEALS=10000000 for the full run
// (about a minute and 300 MB); its result is in docs/design/011-sealed-values.md.
func TestSaltAndNonceDoNotRepeat(t *testing.T) {
	t.Parallel()
	n := sealCount(t)
	key := newKey(t)
	salts := make(map[[8]byte]struct{}, n)
	nonces := make(map[[8]byte]struct{}, n)
	for range n {
		sealed := mustSeal(t, key, place, "t")
		// The first 8 bytes stand for all: among 10 million random values two
		// agree in them with a chance of 1 in 370,000.
		salts[[8]byte(sealed[5:])] = struct{}{}
		nonces[[8]byte(sealed[37:])] = struct{}{}
	}
	if len(salts) != n || len(nonces) != n {
		t.Errorf("%d seals had %d salts and %d nonces", n, len(salts), len(nonces))
	}
}

// FuzzOpen states that nothing opens but what was sealed, and that nothing
// makes Open panic. The value is a fixed one: each process of the fuzzer would
// seal another.
func FuzzOpen(f *testing.F) {
	v := readVectors[sealedVector](f, sealedVectors)[0]
	home := v.context()
	f.Add([]byte(v.Sealed), home.Table, home.Column)
	f.Add([]byte(v.Sealed[:64]), home.Table, home.Column)
	f.Add([]byte(v.Sealed), "calendar_connectio", "naccess_token")
	f.Add([]byte{}, "", "")
	f.Fuzz(func(t *testing.T, data []byte, table, column string) {
		c := home
		c.Table, c.Column = table, column
		got, err := Open(v.DataKey, c, data)
		if err == nil && !(bytes.Equal(data, v.Sealed) && c == home) {
			t.Fatalf("opened bytes that were never sealed, to %q", got)
		}
		if err != nil && (!errors.Is(err, ErrOpen) || got != nil) {
			t.Fatalf("err = %v with %d bytes of plaintext", err, len(got))
		}
	})
}

// TestStandardLibraryOnly keeps the format free of dependencies: whoever has Go
// can read a sealed value, and a FIPS 140 build covers all of it.
func TestStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no files found", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range parsed.Imports {
			if strings.Contains(imp.Path.Value, ".") {
				t.Errorf("%s imports %s", file, imp.Path.Value)
			}
		}
	}
}
