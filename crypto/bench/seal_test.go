// Package bench compares sealing with what a team would use instead, in one
// run, so that the machine's mood meets all of them alike:
//
//	go test -C crypto/bench -bench Seal -count 5 | tee seals.txt
//	go tool -modfile=tools/go.mod benchstat -col /scheme seals.txt
//
// The results are in docs/performance/sealing.md.
package bench

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"testing"

	"filippo.io/age"
	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
	"golang.org/x/crypto/nacl/secretbox"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/tenancy"
)

// scheme seals and opens one value.
type scheme struct {
	name string
	seal func(plaintext []byte) ([]byte, error)
	open func(sealed []byte) ([]byte, error)
}

func schemes(tb testing.TB) []scheme {
	return []scheme{raw(tb), watertight(tb), tinkAEAD(tb), tinkEnvelope(tb), box(tb), ageX25519(tb)}
}

// BenchmarkSealOpen is one sealing and one opening of the same value.
func BenchmarkSealOpen(b *testing.B) {
	for _, size := range []int{64, 256, 4096, 65536} {
		plaintext := make([]byte, size)
		for _, s := range schemes(b) {
			b.Run(fmt.Sprintf("bytes=%d/scheme=%s", size, s.name), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					sealed, err := s.seal(plaintext)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := s.open(sealed); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestSchemes: what is compared must work, and its overhead belongs to the table.
func TestSchemes(t *testing.T) {
	t.Parallel()
	plaintext := bytes.Repeat([]byte("x"), 256)
	for _, s := range schemes(t) {
		sealed, err := s.seal(plaintext)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.open(sealed)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("%s: %v", s.name, err)
		}
		t.Logf("%s: %d bytes more", s.name, len(sealed)-len(plaintext))
	}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// raw is AES-256-GCM under one key that is set up once: the floor.
func raw(tb testing.TB) scheme {
	key := make([]byte, 32)
	_, err := rand.Read(key)
	check(tb, err)
	block, err := aes.NewCipher(key)
	check(tb, err)
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	check(tb, err)
	return scheme{
		"raw-gcm",
		func(p []byte) ([]byte, error) { return gcm.Seal(nil, nil, p, nil), nil },
		func(s []byte) ([]byte, error) { return gcm.Open(nil, nil, s, nil) },
	}
}

func watertight(tb testing.TB) scheme {
	ring, err := insecurekeys.NewRing()
	check(tb, err)
	ctx, tenant := context.Background(), tenancy.NewID()
	ref := crypto.Ref{Table: "calendar_connection", Column: "access_token", Row: crypto.RowUUID(uuid.New())}
	return scheme{
		"watertight",
		func(p []byte) ([]byte, error) { return ring.Seal(ctx, tenant, ref, crypto.NewSecret(p)) },
		func(s []byte) ([]byte, error) {
			secret, err := ring.Open(ctx, tenant, ref, s)
			return secret.Reveal(), err
		},
	}
}

func tinkScheme(name string, p tink.AEAD) scheme {
	context := []byte("tenant|calendar_connection|access_token|row")
	return scheme{
		name,
		func(b []byte) ([]byte, error) { return p.Encrypt(b, context) },
		func(s []byte) ([]byte, error) { return p.Decrypt(s, context) },
	}
}

func tinkAEAD(tb testing.TB) scheme {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	check(tb, err)
	p, err := aead.New(h)
	check(tb, err)
	return tinkScheme("tink-aead", p)
}

// tinkEnvelope makes a data key for each value, wrapped by a key in memory: as
// fast as it can be, since a real one asks a service each time.
func tinkEnvelope(tb testing.TB) scheme {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	check(tb, err)
	kek, err := aead.New(h)
	check(tb, err)
	return tinkScheme("tink-kms-envelope", aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), kek))
}

var errOpen = errors.New("secretbox: cannot open")

func box(tb testing.TB) scheme {
	var key [32]byte
	_, err := rand.Read(key[:])
	check(tb, err)
	return scheme{
		"secretbox",
		func(p []byte) ([]byte, error) {
			var nonce [24]byte
			if _, err := rand.Read(nonce[:]); err != nil {
				return nil, err
			}
			return secretbox.Seal(nonce[:], p, &nonce, &key), nil
		},
		func(s []byte) ([]byte, error) {
			p, ok := secretbox.Open(nil, s[24:], (*[24]byte)(s[:24]), &key)
			if !ok {
				return nil, errOpen
			}
			return p, nil
		},
	}
}

func ageX25519(tb testing.TB) scheme {
	id, err := age.GenerateX25519Identity()
	check(tb, err)
	return scheme{
		"age",
		func(p []byte) ([]byte, error) {
			var out bytes.Buffer
			w, err := age.Encrypt(&out, id.Recipient())
			if err != nil {
				return nil, err
			}
			if _, err := w.Write(p); err != nil {
				return nil, err
			}
			err = w.Close() // writes the last chunk
			return out.Bytes(), err
		},
		func(s []byte) ([]byte, error) {
			r, err := age.Decrypt(bytes.NewReader(s), id)
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		},
	}
}
