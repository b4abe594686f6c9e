package lifecycle

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"slices"
	"strings"

	"filippo.io/age"
)

// ErrBundle: the file is no bundle, or not the one that was written.
var ErrBundle = errors.New("not a whole, unchanged bundle of a tenant (export again, or fetch the file again)")

func bundleError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBundle, fmt.Sprintf(format, args...))
}

// maxManifest bounds what is read into memory at once.
const maxManifest = 64 << 20

// bundle reads a bundle from its beginning, as often as it is asked to.
type bundle struct {
	src        io.ReadSeeker
	identities []age.Identity
	manifest   Manifest
	digest     string
}

// openBundle reads the whole bundle once and compares everything in it with its
// manifest.
func openBundle(src io.ReadSeeker, identities []age.Identity) (*bundle, error) {
	b := &bundle{src: src, identities: identities}
	sums, err := b.read(func(*entry, io.Reader) error { return nil })
	if err != nil {
		return nil, err
	}
	if err := b.parse(sums.manifest); err != nil {
		return nil, err
	}
	return b, sums.compare(&b.manifest)
}

func (b *bundle) parse(raw []byte) error {
	sum := sha256.Sum256(raw)
	b.digest = hex.EncodeToString(sum[:])
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return bundleError("its manifest cannot be read")
	}
	if m.Format != Format {
		return bundleError("its format is %q, this version reads %s", m.Format, Format)
	}
	b.manifest = m
	return nil
}

// open starts at the beginning, behind the encryption if there is one.
func (b *bundle) open() (*tar.Reader, error) {
	if _, err := b.src.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the bundle: %w", err)
	}
	const magic = "age-encryption.org/"
	head := make([]byte, len(magic))
	n, err := io.ReadFull(b.src, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the bundle: %w", err)
	}
	if _, err := b.src.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the bundle: %w", err)
	}
	if string(head[:n]) != magic {
		return tar.NewReader(b.src), nil
	}
	if len(b.identities) == 0 {
		return nil, errors.New("the bundle is encrypted (give the identity that it was encrypted to)")
	}
	r, err := age.Decrypt(b.src, b.identities...)
	if err != nil {
		return nil, errors.New("the bundle does not open with the identities given (it was encrypted to another key, or was changed)")
	}
	return tar.NewReader(r), nil
}

// entry is a part of a section, or a file.
type entry struct {
	section string // of a table or log
	file    *File
}

// read walks through the bundle once, hands every entry to fn, and returns what
// it came upon.
func (b *bundle) read(fn func(*entry, io.Reader) error) (*found, error) {
	t, err := b.open()
	if err != nil {
		return nil, err
	}
	f := &found{sums: map[string]*running{}, files: sha256.New()}
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, bundleError("it is damaged")
		}
		if f.manifest != nil {
			return nil, bundleError("something follows its manifest")
		}
		if err := f.entry(h, t, fn); err != nil {
			return nil, err
		}
	}
	if f.manifest == nil {
		return nil, bundleError("it is cut short: there is no manifest")
	}
	return f, nil
}

// found is what a walk through a bundle came upon.
type found struct {
	sums     map[string]*running
	current  string
	files    hash.Hash
	filesSum FilesSum
	manifest []byte
}

type running struct {
	Sum
	rows int64
	hash hash.Hash
}

func (f *found) entry(h *tar.Header, r io.Reader, fn func(*entry, io.Reader) error) error {
	if h.Typeflag != tar.TypeReg {
		return bundleError("it holds something else than files")
	}
	switch {
	case h.Name == manifestName:
		raw, err := io.ReadAll(io.LimitReader(r, maxManifest))
		if err != nil {
			return bundleError("its manifest is damaged")
		}
		f.manifest = raw
		return nil
	case strings.HasPrefix(h.Name, "files/"):
		return f.file(h, r, fn)
	case strings.HasPrefix(h.Name, "tables/"), strings.HasPrefix(h.Name, "audit/"):
		return f.part(h.Name, r, fn)
	}
	return bundleError("it holds an entry of no known kind")
}

func (f *found) part(name string, r io.Reader, fn func(*entry, io.Reader) error) error {
	s := f.sums[f.current]
	if s == nil || name != partName(f.current, s.Parts+1) {
		if f.sums[name] != nil {
			return bundleError("a section occurs twice")
		}
		s = &running{hash: sha256.New()}
		f.sums[name], f.current = s, name
	}
	s.Parts++
	count := &lineCounter{}
	tee := io.TeeReader(r, io.MultiWriter(s.hash, count))
	if err := fn(&entry{section: f.current}, tee); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, tee); err != nil {
		return bundleError("it is damaged")
	}
	s.Bytes += count.bytes
	s.rows += count.lines
	return nil
}

func (f *found) file(h *tar.Header, r io.Reader, fn func(*entry, io.Reader) error) error {
	key, err := url.QueryUnescape(h.PAXRecords[fileKey])
	f.filesSum.Count++
	if err != nil || key == "" || h.Name != fmt.Sprintf("files/%08d", f.filesSum.Count) {
		return bundleError("a file in it has no key, or is out of order")
	}
	digest := sha256.New()
	x := File{Key: key, Size: h.Size}
	tee := io.TeeReader(r, digest)
	if err := fn(&entry{file: &x}, tee); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, tee); err != nil {
		return bundleError("it is damaged")
	}
	io.WriteString(f.files, fileLine(x, [sha256.Size]byte(digest.Sum(nil))))
	f.filesSum.Bytes += h.Size
	return nil
}

// compare holds what was found against the manifest.
func (f *found) compare(m *Manifest) error {
	var want []string
	same := func(section string, sum Sum, rows int64) error {
		s := f.sums[section]
		if s == nil { // an empty section has no part
			s = &running{hash: sha256.New()}
		} else {
			want = append(want, section)
		}
		s.SHA256 = hex.EncodeToString(s.hash.Sum(nil))
		if s.Sum != sum || rows >= 0 && s.rows != rows {
			return bundleError("%s is not what the manifest says", section)
		}
		return nil
	}
	for i, t := range m.Tables {
		if err := same(tableSection(i, t.Name), t.Sum, t.Rows); err != nil {
			return err
		}
	}
	for i, l := range m.Logs {
		if err := same(logSection(i+1), l, -1); err != nil {
			return err
		}
	}
	if len(want) != len(f.sums) {
		return bundleError("it holds sections that the manifest does not name")
	}
	f.filesSum.SHA256 = hex.EncodeToString(f.files.Sum(nil))
	if m.Files == nil && f.filesSum.Count > 0 || m.Files != nil && *m.Files != f.filesSum {
		return bundleError("its files are not what the manifest says")
	}
	return nil
}

// same reports whether a later walk came upon the same bundle: the file may have
// been changed between the two.
func (f *found) same(m *Manifest, raw string) error {
	sum := sha256.Sum256(f.manifest)
	if hex.EncodeToString(sum[:]) != raw {
		return bundleError("it was changed while it was read")
	}
	return f.compare(m)
}

type lineCounter struct{ bytes, lines int64 }

func (c *lineCounter) Write(b []byte) (int, error) {
	c.bytes += int64(len(b))
	c.lines += int64(bytes.Count(b, []byte{'\n'}))
	return len(b), nil
}

// tableOf returns the index of the table that a section belongs to.
func (m *Manifest) tableOf(section string) int {
	return slices.IndexFunc(m.Tables, func(t TableSum) bool {
		_, name, ok := strings.Cut(section, "-")
		return ok && strings.HasPrefix(section, "tables/") && name == url.PathEscape(t.Name)+".jsonl"
	})
}

// Inspect reads a bundle, compares everything in it with its manifest, and
// returns that and its digest. It needs no database.
func Inspect(src io.ReadSeeker, identities ...age.Identity) (Manifest, string, error) {
	b, err := openBundle(src, identities)
	if err != nil {
		return Manifest{}, "", err
	}
	return b.manifest, b.digest, nil
}
