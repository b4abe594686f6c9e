package crypto

import (
	"bytes"
	"context"
	"crypto/fips140"
	"crypto/sha1" // what the published lists are of; it protects nothing here
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// breachLine is the most bytes of a line: 40 of the hash, a colon, a count.
const breachLine = 64

// BreachFile is a [Blocklist] of passwords known from breaches, in the form
// that Have I Been Pwned publishes ordered by hash: one line for each password,
// the SHA-1 in hexadecimal, perhaps a colon and a count. The file is searched
// where it lies, about 35 reads for the full list of a billion, and nothing is
// loaded or sent anywhere.
//
// A shorter list is made with sort: take the most frequent lines and order them
// by hash, in the C locale.
type BreachFile struct {
	file *os.File
	size int64
}

// OpenBreachFile opens a list and checks that it looks like one: that its lines
// have the form and, at a thousand places, that they are in order. A list in
// another order would be searched in vain and nobody would notice.
func OpenBreachFile(path string) (*BreachFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open breach file: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		b := &BreachFile{f, info.Size()}
		if err = b.check(); err == nil {
			return b, nil
		}
	}
	_ = f.Close()
	return nil, fmt.Errorf("breach file %s: %w", path, err)
}

// Close closes the file.
func (b *BreachFile) Close() error { return b.file.Close() }

// Find implements [Blocklist].
func (b *BreachFile) Find(ctx context.Context, password Secret) (string, error) {
	var sum [sha1.Size]byte
	// A build that enforces FIPS 140 stops at SHA-1. It is a way to look into
	// this file here and protects nothing.
	fips140.WithoutEnforcement(func() { sum = sha1.Sum(password.bytes()) })
	want := bytes.ToUpper(hex.AppendEncode(nil, sum[:]))

	low, high := int64(0), b.size // the line, if there, begins in [low, high)
	for low < high {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		hash, start, next, err := b.lineAt(low + (high-low)/2)
		if err != nil {
			return "", err
		}
		switch bytes.Compare(hash, want) {
		case 0:
			return "it is known from a data breach", nil
		case -1:
			low = next
		default:
			high = start
		}
	}
	return "", nil
}

// lineAt returns the hash of the line that covers the byte at offset, where the
// line starts and where the next one does.
func (b *BreachFile) lineAt(offset int64) (hash []byte, start, next int64, err error) {
	from := max(0, offset-breachLine)
	buf := make([]byte, 3*breachLine)
	n, err := b.file.ReadAt(buf, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, 0, fmt.Errorf("read: %w", err)
	}
	buf = buf[:n]
	at := int(offset - from)
	if at >= n {
		return nil, 0, 0, errors.New("is shorter than when it was opened (open it again)")
	}
	first := bytes.LastIndexByte(buf[:at], '\n') + 1
	if first == 0 && from != 0 {
		return nil, 0, 0, errBreachForm
	}
	end := bytes.IndexByte(buf[at:], '\n')
	switch {
	case end >= 0:
		end += at
	case from+int64(n) == b.size: // the last line needs no end
		end = n
	default:
		return nil, 0, 0, errBreachForm
	}
	hash, ok := breachHash(buf[first:end])
	if !ok {
		return nil, 0, 0, errBreachForm
	}
	return hash, from + int64(first), from + int64(end) + 1, nil
}

var errBreachForm = errors.New("is not a list of SHA-1 hashes (give one hash a line, perhaps with a colon and a count, ordered by hash)")

// breachHash takes the hash out of a line, in upper case.
func breachHash(line []byte) ([]byte, bool) {
	line = bytes.TrimSuffix(line, []byte("\r"))
	hash, count, counted := bytes.Cut(line, []byte(":"))
	if len(hash) != 2*sha1.Size || len(line) > breachLine-1 || counted && len(count) == 0 {
		return nil, false
	}
	var sum [sha1.Size]byte
	if _, err := hex.Decode(sum[:], hash); err != nil {
		return nil, false
	}
	for _, c := range count {
		if c < '0' || c > '9' {
			return nil, false
		}
	}
	return bytes.ToUpper(hash), true
}

// check looks at lines spread over the whole file.
func (b *BreachFile) check() error {
	if b.size == 0 {
		return errors.New("is empty (a list that finds nothing is no list)")
	}
	const places = 1000
	var last []byte
	lastStart := int64(-1)
	for i := int64(0); i <= places; i++ {
		offset := min(b.size-1, b.size/places*i+b.size%places*i/places)
		hash, start, _, err := b.lineAt(offset)
		if err != nil {
			return err
		}
		if start != lastStart && bytes.Compare(last, hash) >= 0 {
			return errors.New("is not ordered by hash (sort it in the C locale)")
		}
		last, lastStart = hash, start
	}
	return nil
}
