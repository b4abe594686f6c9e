package lifecycle

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/url"
)

// partSize is when a part of a section is written: a tar entry states its size
// before its content, so that much is held in memory, and no more.
const partSize = 1 << 20

// section writes a section of unknown size as numbered entries of a tar file.
type section struct {
	tar  *tar.Writer
	name string
	buf  []byte
	hash hash.Hash
	sum  Sum
}

func newSection(w *tar.Writer, name string) *section {
	return &section{tar: w, name: name, hash: sha256.New()}
}

// Write cuts wherever a part is full; for lines use end.
func (s *section) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		k := min(len(b), max(partSize-len(s.buf), 0))
		s.buf = append(s.buf, b[:k]...)
		if b = b[k:]; len(s.buf) >= partSize {
			if err := s.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// endLine writes the part if it is full.
func (s *section) endLine() error {
	if len(s.buf) >= partSize {
		return s.flush()
	}
	return nil
}

func (s *section) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	s.sum.Parts++
	s.sum.Bytes += int64(len(s.buf))
	s.hash.Write(s.buf)
	err := writeEntry(s.tar, partName(s.name, s.sum.Parts), s.buf)
	s.buf = s.buf[:0]
	return err
}

// close writes what is left and returns the section's sum.
func (s *section) close() (Sum, error) {
	err := s.flush()
	s.sum.SHA256 = hex.EncodeToString(s.hash.Sum(nil))
	return s.sum, err
}

// tableSection is the name of a table's section. Names of tables may hold any
// character, a slash for instance.
func tableSection(i int, name string) string {
	return fmt.Sprintf("tables/%04d-%s.jsonl", i+1, url.PathEscape(name))
}

func logSection(no int) string { return fmt.Sprintf("audit/%04d.zip", no) }

// partName is the section's own name for its first part.
func partName(section string, part int) string {
	if part == 1 {
		return section
	}
	return fmt.Sprintf("%s.%06d", section, part)
}

// header has no time, no owner and one mode, so that equal content is equal
// bytes.
func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, Format: tar.FormatPAX}
}

func writeEntry(w *tar.Writer, name string, content []byte) error {
	if err := w.WriteHeader(header(name, int64(len(content)))); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	if _, err := w.Write(content); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

// fileKey is the PAX record that holds a file's key.
const fileKey = "WATERTIGHT.key"

func writeFile(w *tar.Writer, n int64, f File, content io.Reader) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	h := header(fmt.Sprintf("files/%08d", n), f.Size)
	h.PAXRecords = map[string]string{fileKey: url.QueryEscape(f.Key)} // records hold neither = nor NUL
	if err := w.WriteHeader(h); err != nil {
		return sum, fmt.Errorf("write the bundle: %w", err)
	}
	digest := sha256.New()
	copied, err := io.Copy(io.MultiWriter(w, digest), content)
	if err != nil {
		return sum, fmt.Errorf("write a file to the bundle: %w", err)
	}
	if copied != f.Size {
		return sum, fmt.Errorf("a file has %d bytes where its list says %d (it changed meanwhile: export again)", copied, f.Size)
	}
	return [sha256.Size]byte(digest.Sum(nil)), nil
}

// fileLine is what the digest of all files is made of.
func fileLine(f File, sum [sha256.Size]byte) string {
	return fmt.Sprintf("%q %d %x\n", f.Key, f.Size, sum)
}
