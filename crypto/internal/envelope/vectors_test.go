package envelope

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/watertight-go/watertight/internal/needs"
)

// hexBytes reads the hexadecimal strings of the vector files.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

// readVectors fails on an empty file: a test over no vectors proves nothing.
func readVectors[T any](t testing.TB, path string) []T {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []T }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) == 0 {
		t.Fatalf("%s has no vectors", path)
	}
	return file.Vectors
}

// The cipher that seals accepts what Wycheproof calls valid and refuses the rest.
func TestWycheproofAES256GCM(t *testing.T) {
	t.Parallel()
	type vector struct {
		TcID                       int
		Comment, Result            string
		Key, IV, AAD, Msg, Ct, Tag hexBytes
	}
	valid, invalid := 0, 0
	for _, v := range readVectors[vector](t, "testdata/wycheproof_aes256gcm.json") {
		aead, err := newCipher(v.Key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := aead.Open(nil, nil, bytes.Join([][]byte{v.IV, v.Ct, v.Tag}, nil), v.AAD)
		switch v.Result {
		case "valid":
			valid++
			if err != nil || !bytes.Equal(got, v.Msg) {
				t.Errorf("vector %d (%s): opened to %x, %v; want %x", v.TcID, v.Comment, got, err, v.Msg)
			}
		default:
			invalid++
			if err == nil {
				t.Errorf("vector %d (%s): opened, want it refused", v.TcID, v.Comment)
			}
		}
	}
	if valid < 30 || invalid < 20 {
		t.Errorf("ran %d valid and %d invalid vectors, want at least 30 and 20", valid, invalid)
	}
}

// The derivation that the format names is HKDF-SHA-256 as others compute it.
func TestHKDFSHA256(t *testing.T) {
	t.Parallel()
	type vector struct {
		TcID                 int
		Comment, Result      string
		Ikm, Salt, Info, Okm hexBytes
		Size                 int
	}
	for _, path := range []string{"testdata/rfc5869.json", "testdata/wycheproof_hkdf_sha256.json"} {
		for _, v := range readVectors[vector](t, path) {
			got, err := hkdf.Key(sha256.New, v.Ikm, v.Salt, string(v.Info), v.Size)
			if ok := v.Result == "valid"; ok != (err == nil) || ok && !bytes.Equal(got, v.Okm) {
				t.Errorf("%s: vector %d (%s): derived %x, %v; want %x (%s)", path, v.TcID, v.Comment, got, err, v.Okm, v.Result)
			}
		}
	}
}

// sealedVectors are values of this format that any release must open.
const sealedVectors = "../../testdata/sealed_v1.json"

type sealedVector struct {
	TcID              int
	Comment, Result   string
	Table, Column     string
	KeyID             uint32
	Tenant, Row       hexBytes
	DataKey           hexBytes
	Plaintext, Sealed hexBytes
}

func (v sealedVector) context() Context {
	return Context{Tenant: [16]byte(v.Tenant), Table: v.Table, Column: v.Column, Row: string(v.Row)}
}

func TestSealedVectors(t *testing.T) {
	t.Parallel()
	valid, invalid := 0, 0
	for _, v := range readVectors[sealedVector](t, sealedVectors) {
		got, err := Open(v.DataKey, v.context(), v.Sealed)
		switch v.Result {
		case "valid":
			valid++
			if id, _ := KeyID(v.Sealed); err != nil || !bytes.Equal(got, v.Plaintext) || id != v.KeyID {
				t.Errorf("vector %d (%s): opened to %x under key %d, %v", v.TcID, v.Comment, got, id, err)
			}
		default:
			invalid++
			if err == nil {
				t.Errorf("vector %d (%s): opened, want it refused", v.TcID, v.Comment)
			}
		}
	}
	if valid < 6 || invalid < 13 {
		t.Errorf("ran %d valid and %d invalid vectors, want at least 6 and 13", valid, invalid)
	}
}

// TestIndependentOpener lets OpenSSL, by way of Node.js, open the same vectors
// with forty lines that share nothing with this package.
func TestIndependentOpener(t *testing.T) {
	t.Parallel()
	node := needs.Program(t, "node", "apt-get install nodejs")
	out, err := exec.Command(node, "testdata/open.mjs", sealedVectors).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "19 vectors agree") {
		t.Errorf("open.mjs: %v\n%s", err, out)
	}
}
