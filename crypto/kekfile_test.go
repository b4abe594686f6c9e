package crypto_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

func TestKeyFile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "kek")
	made, err := crypto.CreateKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 32 {
		t.Errorf("mode %v, %d bytes, %v; want 0600 and 32", info.Mode(), info.Size(), err)
	}
	read, err := crypto.OpenKeyFile(path)
	if err != nil || read.ID() != made.ID() || !strings.HasPrefix(read.ID(), "file:") {
		t.Fatalf("read back as %v, %v; made %v", read, err, made)
	}
	binding := crypto.KeyBinding(tenancy.NewID(), 1)
	key := bytes.Repeat([]byte{7}, 32)
	wrapped, err := made.Wrap(ctx, key, binding)
	if err != nil || bytes.Contains(wrapped, key) {
		t.Fatalf("wrap: %v", err)
	}
	if got, err := read.Unwrap(ctx, wrapped, binding); err != nil || !bytes.Equal(got, key) {
		t.Errorf("unwrap: %v", err)
	}
	if _, err := read.Unwrap(ctx, wrapped, crypto.KeyBinding(tenancy.NewID(), 1)); err == nil {
		t.Errorf("unwrap with another binding: %v", err)
	}
	for i := range wrapped {
		wrapped[i] ^= 1
		if _, err := read.Unwrap(ctx, wrapped, binding); err == nil {
			t.Errorf("unwrap with byte %d changed", i)
		}
		wrapped[i] ^= 1
	}
	if _, err := crypto.CreateKeyFile(path); err == nil {
		t.Error("an existing key file was overwritten")
	}
	other, err := crypto.CreateKeyFile(path + "2")
	if err != nil || other.ID() == made.ID() {
		t.Errorf("two key files have one ID: %v", err)
	}
}

func TestKeyFileIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, mode fs.FileMode, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // past the umask
			t.Fatal(err)
		}
		return path
	}
	key := []byte("0123456789abcdef0123456789abcdef")
	for _, mode := range []fs.FileMode{0o600, 0o400, 0o440, 0o640} {
		path := write(fmt.Sprintf("good-%o", mode), mode, key)
		if _, err := crypto.OpenKeyFile(path); err != nil {
			t.Errorf("mode %#o: %v", mode, err)
		}
		link := path + ".link" // as secret mounts have it
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		if _, err := crypto.OpenKeyFile(link); err != nil {
			t.Errorf("a link to mode %#o: %v", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o644, 0o604, 0o602, 0o601, 0o620, 0o666, 0o777, 0o660} {
		_, err := crypto.OpenKeyFile(write(fmt.Sprintf("bad-%o", mode), mode, key))
		if err == nil || !strings.Contains(err.Error(), "chmod") {
			t.Errorf("mode %#o: %v, want it refused with the remedy", mode, err)
		}
	}
	for name, content := range map[string][]byte{"empty": nil, "short": key[:31], "long": append(key, '\n'), "zero": make([]byte, 32)} {
		_, err := crypto.OpenKeyFile(write(name, 0o600, content))
		if err == nil || len(content) > 3 && strings.Contains(err.Error(), string(content[:4])) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := crypto.OpenKeyFile(dir); err == nil {
		t.Error("a directory was read as a key")
	}
	if _, err := crypto.OpenKeyFile(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := crypto.CreateKeyFile(filepath.Join(dir, "no", "dir")); err == nil {
		t.Error("a key was made in a directory that does not exist")
	}
}

func TestKeyFileDoesNotShowItsKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kek")
	key := "0123456789abcdef0123456789abcdef"
	if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := crypto.OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type nested struct{ k crypto.FileKEK }
	for _, v := range []any{k, *k, nested{*k}, []any{k}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "0123") || strings.Contains(text, "30313233") || strings.Contains(text, "48 49 50") {
				t.Errorf("%s of %T shows the key: %s", verb, v, text)
			}
		}
	}
}
