package crypto

import (
	"bytes"
	"crypto/subtle"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// redacted is what every encoder and formatter writes for a Secret.
const redacted = "[redacted]"

// errSecretSQL is a variable so that no caller can mistake it for a condition
// to branch on: it is a bug in the calling program.
var errSecretSQL = errors.New("a secret cannot be written to the database (seal it first, with Ring.Seal)")

// Secret holds a password, a token or any plaintext that must not be seen.
//
// It shows "[redacted]" to fmt, log/slog, encoding/json, encoding/xml and
// whatever else asks a value for its text, also from inside an unexported
// field of a struct, and it cannot be written to SQL. [Secret.Reveal] is the
// only way to the bytes, so a search for Reveal finds every place that sees one.
//
// The bytes hide behind a function because methods alone are not enough: fmt
// cannot call the methods of an unexported field and prints its memory by
// reflection instead, through one pointer if need be. It does not look into a
// function.
//
// Secrets cannot be compared with ==, which would leak by time; see
// [Secret.Equal]. The zero Secret is empty. A Secret is not a vault: it does
// not stop a debugger, a core dump, or package unsafe.
type Secret struct{ reveal func() []byte }

// NewSecret returns a Secret that holds a copy of b.
func NewSecret(b []byte) Secret {
	return adopt(bytes.Clone(b))
}

// SecretString returns a Secret that holds the bytes of s. The string itself
// stays where it is: prefer NewSecret where the source can be cleared.
func SecretString(s string) Secret {
	return adopt([]byte(s))
}

// adopt wraps b without a copy; the caller must not keep it.
func adopt(b []byte) Secret {
	return Secret{func() []byte { return b }}
}

// Reveal returns a copy of the secret bytes. It is the only way out; clear the
// copy when done with it.
func (s Secret) Reveal() []byte { return bytes.Clone(s.bytes()) }

// bytes returns the bytes without a copy, for readers inside this package that
// neither keep nor change them.
func (s Secret) bytes() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return len(s.bytes()) == 0 }

// Len returns the length of the secret in bytes.
func (s Secret) Len() int { return len(s.bytes()) }

// Equal reports whether two secrets hold the same bytes, in a time that
// depends on their lengths only.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare(s.bytes(), other.bytes()) == 1
}

// Format implements [fmt.Formatter]: every verb writes [redacted].
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String implements [fmt.Stringer] for packages that look for it themselves.
func (Secret) String() string { return redacted }

// GoString implements [fmt.GoStringer].
func (Secret) GoString() string { return redacted }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON implements [json.Marshaler]. To send a secret on purpose, Reveal it.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText implements [encoding.TextMarshaler], for XML, YAML and the like.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText implements [encoding.TextUnmarshaler], so that a request body
// or a configuration file can be decoded into a Secret. It refuses
// "[redacted]": that is a Secret that somebody encoded, and its value is lost.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return errors.New("cannot read a secret from its redacted form (Reveal it where it is to be sent)")
	}
	*s = NewSecret(text)
	return nil
}

// Value implements [driver.Valuer] and always fails. Without it pgx would store
// the text "[redacted]" by way of the String method and the secret would be lost.
func (Secret) Value() (driver.Value, error) { return nil, errSecretSQL }

// Scan always fails: what a column holds is sealed and is read as []byte.
// Without it a plaintext column could be read into a Secret and look safe.
func (*Secret) Scan(any) error {
	return errors.New("a secret cannot be read from the database (scan the sealed bytes and open them, with Ring.Open)")
}

// The gob encoder looks for these before it looks at the fields. A gob is a
// wire or a cache: neither is a place for a plaintext.
func (Secret) GobEncode() ([]byte, error) {
	return nil, errors.New("a secret cannot be gob-encoded (Reveal or seal it)")
}

// GobDecode always fails, as GobEncode does.
func (*Secret) GobDecode([]byte) error {
	return errors.New("a secret cannot be gob-decoded (Reveal or seal it)")
}
