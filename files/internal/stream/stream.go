package stream

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
)

const (
	// ChunkSize is how many bytes of the content a chunk holds.
	ChunkSize = 64 << 10
	// KeySize is the length of a content key.
	KeySize = 32
	// HeaderSize is the length of what stands before the chunks.
	HeaderSize = len(magic) + saltSize
	// ChunkOverhead is what sealing adds to each chunk.
	ChunkOverhead = nonceSize + tagSize
	// MaxSize is the size of the largest content: 2^32 chunks.
	MaxSize = ChunkSize << 32
	// Info is the HKDF label. It is part of the format.
	Info = "tenantfile/v1 aes-256-gcm"

	magic       = "tntfile\x01"
	saltSize    = 32
	nonceSize   = 12
	tagSize     = 16
	sealedChunk = ChunkSize + ChunkOverhead
)

// Errors of this package. ErrCorrupt is the only one that bytes from outside
// can cause, and does not say what is wrong with them.
var (
	ErrCorrupt = errors.New("the sealed content was changed, cut off or belongs elsewhere")
	ErrInput   = errors.New("cannot seal or open: the key or the size is out of range")
	ErrTooLong = errors.New("the content is longer than 2^32 chunks")
)

// Place is the one place where a sealed file belongs. It is authenticated with
// every chunk and stored in none.
type Place struct {
	Tenant [16]byte
	Object [16]byte
}

// SealedSize returns the length of the sealed form of content of this size.
func SealedSize(size int64) int64 {
	return int64(HeaderSize) + size + chunks(size)*ChunkOverhead
}

// chunks returns how many chunks content of this size has: one if it is empty.
func chunks(size int64) int64 {
	if size == 0 {
		return 1
	}
	return (size-1)/ChunkSize + 1
}

// sealer is what the two directions share: the file's cipher and the
// authenticated data, of which only the last nine bytes change.
type sealer struct {
	aead cipher.AEAD
	aad  [HeaderSize + 16 + 16 + 8 + 1]byte
}

func newSealer(key, header []byte, p Place) (*sealer, error) {
	if len(key) != KeySize {
		return nil, ErrInput
	}
	fileKey, err := hkdf.Key(sha256.New, key, header[len(magic):HeaderSize], Info, 32)
	if err != nil {
		return nil, err
	}
	defer clear(fileKey)
	block, err := aes.NewCipher(fileKey)
	if err != nil {
		return nil, err
	}
	s := &sealer{}
	// It makes its own nonce and keeps it in front of the ciphertext.
	if s.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, err
	}
	n := copy(s.aad[:], header[:HeaderSize])
	n += copy(s.aad[n:], p.Tenant[:])
	copy(s.aad[n:], p.Object[:])
	return s, nil
}

// at returns the authenticated data of one chunk, valid until the next call.
func (s *sealer) at(index int64, last bool) []byte {
	end := s.aad[len(s.aad)-9:]
	binary.BigEndian.PutUint64(end, uint64(index))
	end[8] = 0
	if last {
		end[8] = 1
	}
	return s.aad[:]
}

// inRange reports whether content may have this size; a bound on it keeps every
// sum of offsets in this package below the largest int64.
func inRange(size int64) bool { return size >= 0 && size <= MaxSize && MaxSize < math.MaxInt64/2 }
