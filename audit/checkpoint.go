package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Checkpoint is the head of one tenant's tree: what a signature vouches for.
type Checkpoint struct {
	Log    string    // the name of the signing key
	Tenant uuid.UUID // all zero: the platform's own log
	Size   uint64    // how many events the tree has
	Root   Hash
}

// text is the C2SP tlog-checkpoint form: origin, size, root.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s/%s\n%d\n%s\n", c.Log, hex32(c.Tenant), c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// hex32 writes a tenant as 32 hexadecimal digits.
func hex32(t uuid.UUID) string { return strings.ReplaceAll(t.String(), "-", "") }

func (c Checkpoint) sign(keys []SigningKey) []byte {
	c.Log = keys[0].public.name
	return signNote(c.text(), keys)
}

var errCheckpoint = errors.New("not a checkpoint (origin, size and root, one a line)")

// OpenCheckpoint verifies a checkpoint's signature and reads it. It returns
// [ErrSignature] if none of the keys has signed it.
func OpenCheckpoint(note []byte, keys ...VerifyingKey) (Checkpoint, error) {
	text, by, err := openNote(note, keys)
	if err != nil {
		return Checkpoint{}, err
	}
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return Checkpoint{}, errCheckpoint
	}
	c := Checkpoint{Log: by.name}
	digits, ok := strings.CutPrefix(lines[0], by.name+"/")
	if !ok || len(digits) != 32 {
		return Checkpoint{}, errCheckpoint
	}
	if c.Tenant, err = uuid.Parse(digits); err != nil || hex32(c.Tenant) != digits {
		return Checkpoint{}, errCheckpoint
	}
	if c.Size, err = strconv.ParseUint(lines[1], 10, 63); err != nil || strconv.FormatUint(c.Size, 10) != lines[1] {
		return Checkpoint{}, errCheckpoint
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return Checkpoint{}, errCheckpoint
	}
	c.Root = Hash(root)
	return c, nil
}

// String is the hash in base64, as it stands in a checkpoint.
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

func parseHash(s string) (Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(Hash{}) {
		return Hash{}, errors.New("not a hash (32 bytes in base64)")
	}
	return Hash(b), nil
}
