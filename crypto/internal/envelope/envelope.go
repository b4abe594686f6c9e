package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

const (
	// Version is the first byte of every sealed value.
	Version = 0x01
	// KeySize is the length of a data key.
	KeySize = 32
	// SaltSize is the length of the salt that makes each value's key its own.
	SaltSize = 32
	// Overhead is what sealing adds to the length of the plaintext.
	Overhead = headerSize + SaltSize + nonceSize + tagSize
	// MaxPlaintext bounds a value; longer data belongs in object storage.
	MaxPlaintext = 64 << 20
	// Info is the HKDF label. It is part of the format.
	Info = "tenantseal/v1 aes-256-gcm"

	headerSize = 5 // version and key id
	nonceSize  = 12
	tagSize    = 16
)

// Errors of this package. ErrOpen is the only one that bytes from outside can
// cause: a reader who could tell a wrong tag from a wrong length would learn
// something about the value.
var (
	ErrOpen  = errors.New("sealed value cannot be opened")
	ErrInput = errors.New("cannot seal: the key, its id, a label or the length is out of range")
)

// Context names the one place where a value belongs. It is authenticated with
// the value and stored nowhere in it.
type Context struct {
	Tenant [16]byte
	Table  string
	Column string
	Row    string
}

// aad appends the authenticated data for header to dst.
func (c Context) aad(header []byte) []byte {
	b := make([]byte, 0, headerSize+16+12+len(c.Table)+len(c.Column)+len(c.Row))
	b = append(b, header...)
	b = append(b, c.Tenant[:]...)
	for _, part := range [...]string{c.Table, c.Column, c.Row} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}

// valid refuses an empty part: a value bound to "no row" would open in all of them.
func (c Context) valid() bool {
	const most = 1 << 16
	for _, part := range [...]string{c.Table, c.Column, c.Row} {
		if part == "" || len(part) > most {
			return false
		}
	}
	return true
}

// Seal encrypts plaintext for the place that c names, under the data key dek
// whose number is keyID. The only errors are [ErrInput] and those of the cipher.
func Seal(dek []byte, keyID uint32, c Context, plaintext []byte) ([]byte, error) {
	if len(dek) != KeySize || keyID == 0 || len(plaintext) > MaxPlaintext || !c.valid() {
		return nil, ErrInput
	}
	out := make([]byte, headerSize+SaltSize, Overhead+len(plaintext))
	out[0] = Version
	binary.BigEndian.PutUint32(out[1:], keyID)
	salt := out[headerSize:]
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	aead, err := valueCipher(dek, salt)
	if err != nil {
		return nil, err
	}
	// The cipher appends nonce, ciphertext and tag in this order.
	return aead.Seal(out, nil, plaintext, c.aad(out[:headerSize])), nil
}

// Open returns the plaintext of a value that was sealed under dek for the place
// that c names. Every failure is [ErrOpen].
func Open(dek []byte, c Context, sealed []byte) ([]byte, error) {
	if _, ok := KeyID(sealed); !ok || len(dek) != KeySize || !c.valid() {
		return nil, ErrOpen
	}
	aead, err := valueCipher(dek, sealed[headerSize:headerSize+SaltSize])
	if err != nil {
		return nil, ErrOpen
	}
	plaintext, err := aead.Open(nil, nil, sealed[headerSize+SaltSize:], c.aad(sealed[:headerSize]))
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// KeyID reads the number of the data key that sealed needs. It reports false
// for bytes that no key could open. The number is not authenticated until Open.
func KeyID(sealed []byte) (uint32, bool) {
	if len(sealed) < Overhead || len(sealed) > Overhead+MaxPlaintext || sealed[0] != Version {
		return 0, false
	}
	id := binary.BigEndian.Uint32(sealed[1:])
	return id, id != 0
}

// valueCipher derives the key of one value and sets up AES-256-GCM with it.
func valueCipher(dek, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, dek, salt, Info, 32)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newCipher(key)
}

// newCipher is AES-256-GCM that makes its own nonce and keeps it in front of
// the ciphertext.
func newCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
