package stream

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// memory is a sealed file as a Source.
type memory []byte

func (m memory) Range(offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(m[min(offset, int64(len(m))):])), nil
}

var (
	testKey = bytes.Repeat([]byte{7}, KeySize)
	home    = Place{Tenant: [16]byte{1}, Object: [16]byte{2}}
)

func random(t testing.TB, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func seal(t testing.TB, key []byte, p Place, content []byte) memory {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, key, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// open returns what could be read, and why no more.
func open(src Source, key []byte, p Place, size int) ([]byte, error) {
	r, err := NewReader(src, key, p, int64(size))
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(r)
}

// sizes are around every border: of nothing, of one chunk, of several.
var sizes = []int{
	0, 1, 2, ChunkSize - 1, ChunkSize, ChunkSize + 1,
	2*ChunkSize - 1, 2 * ChunkSize, 2*ChunkSize + 1, 5 * ChunkSize, 5*ChunkSize + 4711,
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, size := range sizes {
		content := random(t, size)
		sealed := seal(t, testKey, home, content)
		if int64(len(sealed)) != SealedSize(int64(size)) {
			t.Errorf("size %d: sealed to %d bytes, SealedSize says %d", size, len(sealed), SealedSize(int64(size)))
		}
		got, err := open(sealed, testKey, home, size)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("size %d: opened to %d bytes, %v", size, len(got), err)
		}
	}
}

// However the bytes arrive on either side, the file is the same.
func TestPiecesDoNotMatter(t *testing.T) {
	t.Parallel()
	content := random(t, 2*ChunkSize+10)
	for _, piece := range []int{1000, ChunkSize - 1, ChunkSize, ChunkSize + 1, 2 * ChunkSize} {
		var out bytes.Buffer
		w, err := NewWriter(&out, testKey, home)
		if err != nil {
			t.Fatal(err)
		}
		for rest := content; len(rest) > 0; {
			n := min(piece, len(rest))
			if k, err := w.Write(rest[:n]); err != nil || k != n {
				t.Fatal(k, err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := open(memory(out.Bytes()), testKey, home, len(content))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("in pieces of %d: %d bytes, %v", piece, len(got), err)
		}
	}
	r, err := NewReader(memory(seal(t, testKey, home, content)), testKey, home, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(r, content); err != nil { // also seeks
		t.Error(err)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	content := random(t, 3*ChunkSize+100)
	r, err := NewReader(memory(seal(t, testKey, home, content)), testKey, home, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []int{0, 1, ChunkSize - 1, ChunkSize, ChunkSize + 1, 3 * ChunkSize, len(content) - 1, len(content), len(content) + 5, 10} {
		for _, n := range []int{1, 100, ChunkSize, 2*ChunkSize + 1} {
			if _, err := r.Seek(int64(from), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(io.LimitReader(r, int64(n)))
			want := content[min(from, len(content)):min(from+n, len(content))]
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes from %d: %d bytes, %v", n, from, len(got), err)
			}
		}
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("sought to before the begin")
	}
}

// chunked cuts a sealed file into its header and its chunks.
func chunked(sealed memory) (header []byte, parts [][]byte) {
	header, rest := sealed[:HeaderSize], sealed[HeaderSize:]
	for len(rest) > 0 {
		n := min(sealedChunk, len(rest))
		parts, rest = append(parts, rest[:n]), rest[n:]
	}
	return header, parts
}

func join(header []byte, parts ...[]byte) memory {
	return memory(append(bytes.Clone(header), bytes.Join(parts, nil)...))
}

// requireRefused wants the file refused, and before that nothing that is not
// the begin of the content.
func requireRefused(t *testing.T, what string, sealed memory, key []byte, p Place, content []byte, size int) {
	t.Helper()
	got, err := open(sealed, key, p, size)
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("%s: err = %v, want ErrCorrupt", what, err)
	}
	if !bytes.HasPrefix(content, got) || len(got) == len(content) && len(content) > 0 {
		t.Errorf("%s: %d bytes were given out that are not a proper beginning of the content", what, len(got))
	}
}

// Whatever is done to whole chunks is noticed, whichever size the reader
// expects: the true one, or the one that the changed file would have.
func TestChunksThatWereMoved(t *testing.T) {
	t.Parallel()
	for _, size := range []int{3 * ChunkSize, 3*ChunkSize + 9, 4 * ChunkSize} {
		content := random(t, size)
		sealed := seal(t, testKey, home, content)
		header, parts := chunked(sealed)
		other, others := chunked(seal(t, testKey, home, content)) // same key and place, another salt
		with := func(i int, chunk []byte) [][]byte {
			list := append([][]byte{}, parts...)
			list[i] = chunk
			return list
		}
		n := len(parts)
		changed := map[string]memory{
			"without a header": join(nil, parts...),
			"no chunk":         join(header),
			"header of another file with the same key": join(other, parts...),
		}
		for i := range parts {
			changed[fmt.Sprintf("cut off before chunk %d", i)] = join(header, parts[:i]...)
			changed[fmt.Sprintf("without chunk %d", i)] = join(header, append(append([][]byte{}, parts[:i]...), parts[i+1:]...)...)
			changed[fmt.Sprintf("chunk %d twice", i)] = join(header, append(append([][]byte{}, parts[:i+1]...), parts[i:]...)...)
			changed[fmt.Sprintf("chunk %d from another file", i)] = join(header, with(i, others[i])...)
			changed[fmt.Sprintf("chunk %d after the end", i)] = join(header, append(append([][]byte{}, parts...), parts[i])...)
			for j := range i {
				list := with(i, parts[j])
				changed[fmt.Sprintf("chunk %d in place of %d", j, i)] = join(header, list...)
				list = append([][]byte{}, list...)
				list[j] = parts[i]
				changed[fmt.Sprintf("chunks %d and %d exchanged", j, i)] = join(header, list...)
			}
		}
		for _, more := range []int{1, tagSize, ChunkOverhead, ChunkOverhead + 1, sealedChunk} {
			changed[fmt.Sprintf("%d zeros after the end", more)] = join(sealed, make([]byte, more))
		}
		for what, bad := range changed {
			requireRefused(t, what, bad, testKey, home, content, size)
			// The reader that believes the length of the object.
			if body := int64(len(bad)) - int64(HeaderSize); body > ChunkOverhead {
				believed := body - ((body-1)/sealedChunk+1)*ChunkOverhead
				if believed >= 0 && !bytes.Equal(bad, sealed) {
					if got, err := open(bad, testKey, home, int(believed)); err == nil {
						t.Errorf("%s: opened to %d bytes for whom it is %d long", what, len(got), believed)
					}
				}
			}
		}
		if n < 3 || len(changed) < 25 {
			t.Fatalf("%d chunks, %d changes", n, len(changed))
		}
	}
}

// Every bit of a short file, and some of each part of each chunk of a long one.
func TestEveryBitFlipIsRefused(t *testing.T) {
	t.Parallel()
	short := []byte("a short content")
	sealed := seal(t, testKey, home, short)
	for bit := range len(sealed) * 8 {
		bad := bytes.Clone(sealed)
		bad[bit/8] ^= 1 << (bit % 8)
		requireRefused(t, fmt.Sprint("bit ", bit), bad, testKey, home, short, len(short))
	}
	content := random(t, 3*ChunkSize+50)
	long := seal(t, testKey, home, content)
	for at := HeaderSize; at < len(long); at += sealedChunk {
		end := min(at+sealedChunk, len(long))
		for _, i := range []int{at, at + nonceSize - 1, at + nonceSize, (at + end) / 2, end - tagSize - 1, end - tagSize, end - 1} {
			bad := bytes.Clone(long)
			bad[i] ^= 0x80
			requireRefused(t, fmt.Sprint("byte ", i), bad, testKey, home, content, len(content))
		}
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	t.Parallel()
	short := []byte("a short content")
	sealed := seal(t, testKey, home, short)
	for n := range sealed {
		requireRefused(t, fmt.Sprint("first ", n), memory(sealed[:n]), testKey, home, short, len(short))
	}
	content := random(t, 2*ChunkSize+50)
	long := seal(t, testKey, home, content)
	for _, at := range []int{HeaderSize, HeaderSize + sealedChunk, HeaderSize + 2*sealedChunk, len(long)} {
		for _, d := range []int{-17, -1, 0, 1, 12, 28} {
			if n := at + d; n < len(long) && n >= 0 {
				requireRefused(t, fmt.Sprint("first ", n), memory(long[:n]), testKey, home, content, len(content))
			}
		}
	}
	empty := seal(t, testKey, home, nil)
	for n := range empty {
		if _, err := open(memory(empty[:n]), testKey, home, 0); !errors.Is(err, ErrCorrupt) {
			t.Errorf("an empty file of %d bytes: %v", n, err)
		}
	}
}

func TestOtherPlacesAreRefused(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 5, ChunkSize, ChunkSize + 1} {
		content := random(t, size)
		sealed := seal(t, testKey, home, content)
		for bit := range 128 {
			tenant, object := home, home
			tenant.Tenant[bit/8] ^= 1 << (bit % 8)
			object.Object[bit/8] ^= 1 << (bit % 8)
			requireRefused(t, "tenant", sealed, testKey, tenant, content, size)
			requireRefused(t, "object", sealed, testKey, object, content, size)
		}
		requireRefused(t, "exchanged", sealed, testKey, Place{Tenant: home.Object, Object: home.Tenant}, content, size)
		key := bytes.Clone(testKey)
		key[31] ^= 1
		requireRefused(t, "key", sealed, key, home, content, size)
	}
}

// What lies before a wrong chunk is given out, and nothing of it or after it,
// also when it is sought.
func TestNothingUnauthenticatedIsReleased(t *testing.T) {
	t.Parallel()
	content := random(t, 4*ChunkSize)
	sealed := bytes.Clone(seal(t, testKey, home, content))
	sealed[HeaderSize+2*sealedChunk+nonceSize+5] ^= 1
	got, err := open(memory(sealed), testKey, home, len(content))
	if !errors.Is(err, ErrCorrupt) || !bytes.Equal(got, content[:2*ChunkSize]) {
		t.Errorf("%d bytes, %v; want the two chunks before", len(got), err)
	}
	r, err := NewReader(memory(sealed), testKey, home, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = r.Seek(2*ChunkSize+100, io.SeekStart)
	buf := make([]byte, 10)
	if n, err := r.Read(buf); n != 0 || !errors.Is(err, ErrCorrupt) || !bytes.Equal(buf, make([]byte, 10)) {
		t.Errorf("read %d bytes (%x), %v", n, buf, err)
	}
	_, _ = r.Seek(0, io.SeekStart)
	if _, err := r.Read(buf); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a file that was corrupt is read again: %v", err)
	}
}

// The source's own errors are no corruption: trying again may help.
func TestErrorsOfTheSource(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	sealed := seal(t, testKey, home, random(t, 2*ChunkSize))
	_, err := open(failing{sealed, 100_000, broken}, testKey, home, 2*ChunkSize)
	if !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	w, err := NewWriter(&full{room: HeaderSize + 10}, testKey, home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 3*ChunkSize)); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
	if err := w.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("closed after a failed write: %v", err)
	}
	ok, err := NewWriter(io.Discard, testKey, home)
	if err != nil {
		t.Fatal(err)
	}
	if err := ok.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ok.Write([]byte{1}); err == nil {
		t.Error("wrote after the last chunk")
	}
	for _, size := range []int64{-1, MaxSize + 1} {
		if _, err := NewReader(sealed, testKey, home, size); !errors.Is(err, ErrInput) {
			t.Errorf("size %d: %v", size, err)
		}
	}
	if _, err := NewWriter(io.Discard, testKey[:31], home); !errors.Is(err, ErrInput) {
		t.Error(err)
	}
}

type failing struct {
	memory
	after int
	err   error
}

func (f failing) Range(offset int64) (io.ReadCloser, error) {
	body, _ := f.memory.Range(offset)
	return io.NopCloser(io.MultiReader(io.LimitReader(body, int64(f.after)), iotest.ErrReader(f.err))), nil
}

type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if len(b) > f.room {
		return 0, io.ErrShortWrite
	}
	f.room -= len(b)
	return len(b), nil
}

func TestSaltAndNonceDoNotRepeat(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 300 {
		header, parts := chunked(seal(t, testKey, home, make([]byte, 2*ChunkSize)))
		for _, b := range [][]byte{header, parts[0][:nonceSize], parts[1][:nonceSize]} {
			if seen[string(b)] {
				t.Fatalf("%x twice", b)
			}
			seen[string(b)] = true
		}
	}
}

// Whatever the bytes and whatever size is expected of them, nothing opens but
// what was sealed. The seeds are vectors: other processes fuzz along, and must
// know the same sealed files.
func FuzzOpen(f *testing.F) {
	vectors := readVectors(f)
	empty, short := vectors[0], vectors[1]
	f.Add(short.Sealed, short.Size)
	f.Add(short.Sealed[:HeaderSize], 0)
	f.Add(empty.Sealed, 0)
	place := Place{Tenant: [16]byte(short.Tenant), Object: [16]byte(short.Object)}
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		got, err := open(memory(data), short.Key, place, size)
		switch {
		case err == nil && !(bytes.Equal(data, short.Sealed) && len(got) == size):
			t.Fatalf("opened bytes that were never sealed, to %d bytes", len(got))
		case err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrInput):
			t.Fatal(err)
		}
	})
}

// TestStandardLibraryOnly keeps the format free of dependencies: whoever has Go
// can read a sealed file, and a FIPS 140 build covers all of it.
func TestStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatal("no files found", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range parsed.Imports {
			if strings.Contains(imp.Path.Value, ".") {
				t.Errorf("%s imports %s", name, imp.Path.Value)
			}
		}
	}
}
