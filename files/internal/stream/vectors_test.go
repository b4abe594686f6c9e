package stream

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/watertight-go/watertight/internal/needs"
)

// streamVectors are sealed files of this format that any release must open.
const streamVectors = "testdata/stream_v1.json"

// A new file of vectors is for a new version of the format, never for this one.
var makeVectors = flag.String("make-vectors", "", "write new test vectors to this file")

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

type vector struct {
	TcID    int      `json:"tcId"`
	Comment string   `json:"comment"`
	Key     hexBytes `json:"key"`
	Tenant  hexBytes `json:"tenant"`
	Object  hexBytes `json:"object"`
	Size    int      `json:"size"`
	SHA256  hexBytes `json:"sha256"`
	Sealed  []byte   `json:"sealed"` // base64
	Result  string   `json:"result"`
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile(streamVectors)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	return file.Vectors
}

func TestVectors(t *testing.T) {
	t.Parallel()
	valid, invalid := 0, 0
	for _, v := range readVectors(t) {
		got, err := open(memory(v.Sealed), v.Key, Place{Tenant: [16]byte(v.Tenant), Object: [16]byte(v.Object)}, v.Size)
		if v.Result == "valid" {
			valid++
			if digest := sha256.Sum256(got); err != nil || len(got) != v.Size || !bytes.Equal(digest[:], v.SHA256) {
				t.Errorf("vector %d (%s): %d bytes, %v", v.TcID, v.Comment, len(got), err)
			}
			continue
		}
		invalid++
		if err == nil {
			t.Errorf("vector %d (%s): opened, want it refused", v.TcID, v.Comment)
		}
	}
	if valid < 5 || invalid < 9 {
		t.Errorf("ran %d valid and %d invalid vectors, want at least 5 and 9", valid, invalid)
	}
}

// TestIndependentOpener lets OpenSSL, by way of Node.js, open the same vectors
// with forty lines that share nothing with this package.
func TestIndependentOpener(t *testing.T) {
	t.Parallel()
	node := needs.Program(t, "node", "apt-get install nodejs")
	want := fmt.Sprintf("%d vectors agree", len(readVectors(t)))
	out, err := exec.Command(node, "testdata/open.mjs", streamVectors).CombinedOutput()
	if err != nil || !strings.Contains(string(out), want) {
		t.Errorf("open.mjs: %v\n%s", err, out)
	}
}

// TestMakeVectors is how the file was made.
func TestMakeVectors(t *testing.T) {
	if *makeVectors == "" {
		t.Skip("run with -make-vectors FILE")
	}
	var list []vector
	add := func(comment, result string, size int, content []byte, change func(memory) memory) {
		key := random(t, KeySize)
		p := Place{Tenant: [16]byte(random(t, 16)), Object: [16]byte(random(t, 16))}
		digest := sha256.Sum256(content)
		sealed := seal(t, key, p, content)
		if change != nil {
			sealed = change(sealed)
		}
		list = append(list, vector{len(list) + 1, comment, key, p.Tenant[:], p.Object[:], size, digest[:], sealed, result})
	}
	zero := func(n int) []byte { return make([]byte, n) }
	add("empty", "valid", 0, nil, nil)
	add("short", "valid", 5, []byte("hello"), nil)
	add("one full chunk of zeros", "valid", ChunkSize, zero(ChunkSize), nil)
	add("one chunk and a byte", "valid", ChunkSize+1, zero(ChunkSize+1), nil)
	add("two full chunks", "valid", 2*ChunkSize, zero(2*ChunkSize), nil)
	cut := func(m memory) memory { return m[:HeaderSize+sealedChunk] }
	add("cut off after the first chunk", "invalid", 2*ChunkSize, zero(2*ChunkSize), cut)
	add("cut off, and the size says so", "invalid", ChunkSize, zero(2*ChunkSize), cut)
	add("chunks exchanged", "invalid", 2*ChunkSize, zero(2*ChunkSize), func(m memory) memory {
		h, p := chunked(m)
		return join(h, p[1], p[0])
	})
	add("last chunk twice", "invalid", 2*ChunkSize, zero(ChunkSize), func(m memory) memory {
		h, p := chunked(m)
		return join(h, p[0], p[0])
	})
	flip := func(i int) func(memory) memory {
		return func(m memory) memory {
			m[(i+len(m))%len(m)] ^= 1
			return m
		}
	}
	add("changed version", "invalid", 5, []byte("hello"), flip(7))
	add("changed salt", "invalid", 5, []byte("hello"), flip(8))
	add("changed nonce", "invalid", 5, []byte("hello"), flip(HeaderSize))
	add("changed ciphertext", "invalid", 5, []byte("hello"), flip(HeaderSize+nonceSize))
	add("changed tag", "invalid", 5, []byte("hello"), flip(-1))
	add("a byte after the end", "invalid", 5, []byte("hello"), func(m memory) memory { return append(m, 0) })
	add("short of a tag", "invalid", 0, nil, func(m memory) memory { return m[:len(m)-1] })
	list = append(list, list[1], list[1], list[1])
	other := []string{"of another tenant", "of another object", "of another key"}
	for i, what := range other {
		v := &list[len(list)-3+i]
		v.TcID, v.Comment, v.Result = len(list)-2+i, what, "invalid"
		field := []*hexBytes{&v.Tenant, &v.Object, &v.Key}[i]
		*field = random(t, len(*field))
	}
	var out bytes.Buffer
	out.WriteString("{\n\"source\": \"made by this repository; the format is in files/internal/stream/doc.go\",\n" +
		"\"about\": \"sealed files, version 1; sealed in base64, other bytes in hexadecimal\",\n\"vectors\": [\n")
	for i, v := range list {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(line)
		if i < len(list)-1 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
	}
	out.WriteString("]\n}\n")
	if err := os.WriteFile(*makeVectors, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
