package crypto

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/watertight-go/watertight/crypto/internal/envelope"
)

// FileKEK is a key-encryption key of 32 random bytes in a file, for machines
// without a key management service. Whoever reads the file and a copy of the
// database reads everything, so keep the two apart: another volume, another
// backup, a secret mount.
type FileKEK struct {
	key Secret
	id  string
}

// CreateKeyFile makes a new key in a new file that only its owner may read. It
// refuses to overwrite: a lost key-encryption key loses every sealed value.
func CreateKeyFile(path string) (*FileKEK, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("key file %s already exists (it is never overwritten: choose another path)", path)
	}
	if err != nil {
		return nil, fmt.Errorf("create key file: %w", err)
	}
	var key [envelope.KeySize]byte
	defer clear(key[:])
	_, err = rand.Read(key[:])
	if err == nil {
		_, err = f.Write(key[:])
	}
	if err == nil {
		err = f.Sync() // a key that a power cut takes back has wrapped nothing yet
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(path) // ours: O_EXCL says that we made it
		return nil, fmt.Errorf("write key file: %w", err)
	}
	return newFileKEK(key)
}

// OpenKeyFile reads a key that [CreateKeyFile] made, or any file of exactly 32
// random bytes. It refuses a file that everybody may read or that the group
// may write. The group may read: that is how secret mounts work.
func OpenKeyFile(path string) (*FileKEK, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer f.Close()
	// The mode of the open file, not of the path: the path may be a link, and
	// may point elsewhere a moment later.
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	if err := checkKeyFile(info); err != nil {
		return nil, fmt.Errorf("key file %s %w", path, err)
	}
	var key [envelope.KeySize]byte
	defer clear(key[:])
	if _, err := io.ReadFull(f, key[:]); err != nil {
		return nil, fmt.Errorf("read key file %s: %w", path, err)
	}
	if key == [envelope.KeySize]byte{} {
		return nil, fmt.Errorf("key file %s holds zero bytes only (make one with watertight keys init)", path)
	}
	return newFileKEK(key)
}

func checkKeyFile(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return errors.New("is not a regular file")
	case mode.Perm()&0o027 != 0:
		return fmt.Errorf("has mode %#o (run chmod 0600 on it: nobody else may read it, nor its group write it)", mode.Perm())
	case info.Size() != envelope.KeySize:
		return fmt.Errorf("has %d bytes (a key has exactly %d: make one with watertight keys init)", info.Size(), envelope.KeySize)
	}
	return nil
}

// newFileKEK names the key by a value derived from it one way, so that the same
// key has the same ID wherever its file lies.
func newFileKEK(key [envelope.KeySize]byte) (*FileKEK, error) {
	id, err := hkdf.Key(sha256.New, key[:], nil, "watertight/kek-id/v1", 8)
	if err != nil {
		return nil, fmt.Errorf("name key file: %w", err)
	}
	return &FileKEK{NewSecret(key[:]), "file:" + hex.EncodeToString(id)}, nil
}

// ID implements [KEK].
func (k *FileKEK) ID() string { return k.id }

// Format writes the ID and nothing of the key, whatever the verb.
func (k *FileKEK) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.id) }

// Wrap implements [KEK]. A wrapped key is a sealed value whose row is the binding.
func (k *FileKEK) Wrap(_ context.Context, key, binding []byte) ([]byte, error) {
	return envelope.Seal(k.key.bytes(), 1, fileContext(binding), key)
}

// Unwrap implements [KEK].
func (k *FileKEK) Unwrap(_ context.Context, wrapped, binding []byte) ([]byte, error) {
	return envelope.Open(k.key.bytes(), fileContext(binding), wrapped)
}

func fileContext(binding []byte) envelope.Context {
	return envelope.Context{Table: "watertight_kek", Column: "data_key", Row: string(binding)}
}
