package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// algEd25519 is the signature type of a plain Ed25519 key in a signed note.
const algEd25519 = 1

var (
	errKey = errors.New("not a key of a signed note (write NAME+HASH+DATA as watertight audit keygen prints it)")

	// ErrSignature: no signature of a known key is valid.
	ErrSignature = errors.New("the checkpoint has no valid signature of the key (check that it is the key of this log)")
)

// SigningKey signs checkpoints. It belongs to the sealer's process alone: not
// to the database, not to the application. It prints as its name.
type SigningKey struct {
	public VerifyingKey
	sign   func([]byte) []byte // a closure, so that no dump of a struct shows the key
}

// VerifyingKey verifies checkpoints. It is public.
type VerifyingKey struct {
	name string
	hash uint32
	key  [ed25519.PublicKeySize]byte
}

// NewSigningKey makes a random key. Its name, usually the host name of the log,
// stands in every checkpoint.
func NewSigningKey(name string) (SigningKey, string, error) {
	var seed [ed25519.SeedSize]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return SigningKey{}, "", fmt.Errorf("make a signing key: %w", err)
	}
	return keyFromSeed(name, seed[:])
}

// keyFromSeed returns the key and its secret text.
func keyFromSeed(name string, seed []byte) (SigningKey, string, error) {
	if !validName(name) {
		return SigningKey{}, "", fmt.Errorf("%q is no name for a key (use a host name, without spaces and +)", name)
	}
	private := ed25519.NewKeyFromSeed(seed)
	v := VerifyingKey{name: name, key: [ed25519.PublicKeySize]byte(private.Public().(ed25519.PublicKey))}
	v.hash = keyHash(name, append([]byte{algEd25519}, v.key[:]...))
	k := SigningKey{public: v, sign: func(m []byte) []byte { return ed25519.Sign(private, m) }}
	data := base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, seed...))
	return k, fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, v.hash, data), nil
}

// ParseSigningKey reads the secret text that [NewSigningKey] returned. Its
// error does not repeat it.
func ParseSigningKey(text string) (SigningKey, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "PRIVATE+KEY+")
	name, hash, data, ok2 := splitKey(rest)
	if !ok || !ok2 || len(data) != 1+ed25519.SeedSize || data[0] != algEd25519 {
		return SigningKey{}, errKey
	}
	k, _, err := keyFromSeed(name, data[1:])
	if err != nil || k.public.hash != hash {
		return SigningKey{}, errKey
	}
	return k, nil
}

// Public returns the key that verifies.
func (k SigningKey) Public() VerifyingKey { return k.public }

// Format implements [fmt.Formatter]: every verb prints the name only.
func (k SigningKey) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "signing key %s", k.public.name) }

// LogValue implements [slog.LogValuer]: the name only.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue("signing key " + k.public.name) }

// MarshalText refuses, and with it encoding/json and the like.
func (k SigningKey) MarshalText() ([]byte, error) {
	return nil, errors.New("a signing key is not marshalled")
}

// ParseVerifyingKey reads NAME+HASH+DATA.
func ParseVerifyingKey(text string) (VerifyingKey, error) {
	name, hash, data, ok := splitKey(strings.TrimSpace(text))
	if !ok || len(data) != 1+ed25519.PublicKeySize || data[0] != algEd25519 || hash != keyHash(name, data) {
		return VerifyingKey{}, errKey
	}
	return VerifyingKey{name: name, hash: hash, key: [ed25519.PublicKeySize]byte(data[1:])}, nil
}

// String is the form that ParseVerifyingKey reads.
func (v VerifyingKey) String() string {
	return fmt.Sprintf("%s+%08x+%s", v.name, v.hash, base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, v.key[:]...)))
}

// Name is the name of the log, which the origin of its checkpoints begins with.
func (v VerifyingKey) Name() string { return v.name }

func splitKey(s string) (name string, hash uint32, data []byte, ok bool) {
	name, rest, _ := strings.Cut(s, "+")
	digits, encoded, _ := strings.Cut(rest, "+")
	h, err := hex.DecodeString(digits)
	data, err2 := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || err2 != nil || len(h) != 4 || !validName(name) {
		return "", 0, nil, false
	}
	return name, binary.BigEndian.Uint32(h), data, true
}

func keyHash(name string, data []byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write(data)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func validName(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsSpace) && !strings.Contains(name, "+")
}

// signNote appends one signature line for each key to a text that ends with a
// line break.
func signNote(text string, keys []SigningKey) []byte {
	var b bytes.Buffer
	b.WriteString(text + "\n")
	for _, k := range keys {
		sig := binary.BigEndian.AppendUint32(nil, k.public.hash)
		sig = append(sig, k.sign([]byte(text))...)
		fmt.Fprintf(&b, "— %s %s\n", k.public.name, base64.StdEncoding.EncodeToString(sig))
	}
	return b.Bytes()
}

// maxNote bounds what is parsed; a checkpoint has some 250 bytes.
const maxNote = 64 << 10

// openNote returns the text of a note that one of the keys has signed. A
// signature of a known key that is wrong spoils the note, even beside a right
// one; those of unknown keys are skipped, so that keys can be rotated.
func openNote(note []byte, keys []VerifyingKey) (text string, by VerifyingKey, err error) {
	if len(note) > maxNote || !utf8.Valid(note) {
		return "", VerifyingKey{}, ErrSignature
	}
	split := bytes.LastIndex(note, []byte("\n\n"))
	if split < 0 || !bytes.HasSuffix(note, []byte("\n")) {
		return "", VerifyingKey{}, ErrSignature
	}
	body, lines := note[:split+1], strings.Split(strings.TrimSuffix(string(note[split+2:]), "\n"), "\n")
	found := false
	for _, line := range lines {
		rest, ok := strings.CutPrefix(line, "— ")
		name, encoded, ok2 := strings.Cut(rest, " ")
		sig, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !ok || !ok2 || err != nil || !validName(name) || len(sig) < 5 {
			return "", VerifyingKey{}, ErrSignature
		}
		for _, k := range keys {
			if k.name != name || k.hash != binary.BigEndian.Uint32(sig) {
				continue
			}
			if !ed25519.Verify(k.key[:], body, sig[4:]) {
				return "", VerifyingKey{}, ErrSignature
			}
			if !found {
				by, found = k, true
			}
		}
	}
	if !found {
		return "", VerifyingKey{}, ErrSignature
	}
	return string(body), by, nil
}
