package stream

import (
	"crypto/rand"
	"errors"
	"io"
)

// Writer seals what is written to it. It holds one chunk, so its memory does
// not grow with the content. Close it, or the end of the file is missing.
type Writer struct {
	dst    io.Writer
	sealer *sealer
	plain  []byte // less than or exactly one chunk, not sealed yet
	sealed []byte
	index  int64
	err    error
}

var errClosed = errors.New("write to a sealed file that was closed")

// NewWriter writes the header to dst and returns a Writer for the content.
func NewWriter(dst io.Writer, key []byte, p Place) (*Writer, error) {
	header := make([]byte, HeaderSize)
	copy(header, magic)
	if _, err := rand.Read(header[len(magic):]); err != nil {
		return nil, err
	}
	s, err := newSealer(key, header, p)
	if err != nil {
		return nil, err
	}
	if _, err := dst.Write(header); err != nil {
		return nil, err
	}
	return &Writer{dst: dst, sealer: s, plain: make([]byte, 0, ChunkSize), sealed: make([]byte, 0, sealedChunk)}, nil
}

// Write seals and writes every chunk that is full and not the last: whether a
// full one is the last shows when more comes or Close is called.
func (w *Writer) Write(b []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n := len(b)
	for len(b) > 0 {
		if len(w.plain) == ChunkSize {
			if err := w.flush(false); err != nil {
				return n - len(b), err
			}
		}
		k := copy(w.plain[len(w.plain):ChunkSize], b)
		w.plain, b = w.plain[:len(w.plain)+k], b[k:]
	}
	return n, nil
}

// Close seals and writes the last chunk. It does not close what it writes to.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if err := w.flush(true); err != nil {
		return err
	}
	w.err = errClosed
	clear(w.plain[:ChunkSize])
	return nil
}

func (w *Writer) flush(last bool) error {
	if w.index >= MaxSize/ChunkSize {
		w.err = ErrTooLong
		return w.err
	}
	w.sealed = w.sealer.aead.Seal(w.sealed[:0], nil, w.plain, w.sealer.at(w.index, last))
	if _, w.err = w.dst.Write(w.sealed); w.err != nil {
		return w.err
	}
	w.plain = w.plain[:0]
	w.index++
	return nil
}
