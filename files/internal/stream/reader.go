package stream

import (
	"errors"
	"io"
)

// Source is where the sealed bytes are. Range returns those from offset on; the
// Reader closes what it gets before it asks for another range.
type Source interface {
	Range(offset int64) (io.ReadCloser, error)
}

// Reader opens a sealed file. It gives out no byte of a chunk before all of the
// chunk is authenticated, and holds one chunk at a time.
//
// It reads ahead from one range of its source and asks for another only after a
// Seek to another chunk. It is not safe for use by several goroutines.
type Reader struct {
	src    Source
	sealer *sealer
	size   int64

	body   io.ReadCloser // at the begin of chunk next
	next   int64
	offset int64 // of the next Read, in the content

	chunk  []byte // the opened chunk number held
	held   int64
	sealed []byte
	err    error // stays: a file that is corrupt once is not read further
}

// NewReader reads the header and returns a Reader of content that has the given
// size, which the caller knows from an authenticated place. The first error of
// the source is returned as it is.
func NewReader(src Source, key []byte, p Place, size int64) (*Reader, error) {
	if !inRange(size) {
		return nil, ErrInput
	}
	body, err := src.Range(0)
	if err != nil {
		return nil, err
	}
	header := make([]byte, HeaderSize)
	if err := readFull(body, header); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	// The authenticated data would refuse it as well; a reader that knows more
	// versions begins here.
	if string(header[:len(magic)]) != magic {
		_ = body.Close()
		return nil, ErrCorrupt
	}
	s, err := newSealer(key, header, p)
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	return &Reader{
		src: src, sealer: s, size: size, body: body, held: -1,
		chunk: make([]byte, 0, ChunkSize), sealed: make([]byte, sealedChunk),
	}, nil
}

// Size returns the size of the content.
func (r *Reader) Size() int64 { return r.size }

// Read implements [io.Reader]. Of a file that was tampered with it returns
// [ErrCorrupt] where the first wrong chunk begins, and after the last chunk if
// anything follows it.
func (r *Reader) Read(b []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(b) == 0 {
		return 0, nil
	}
	if r.offset >= r.size && (r.size > 0 || r.held == 0) {
		return 0, io.EOF
	}
	if want := r.offset / ChunkSize; want != r.held {
		if err := r.load(want); err != nil {
			r.err = err
			return 0, err
		}
		if r.size == 0 {
			return 0, io.EOF
		}
	}
	n := copy(b, r.chunk[r.offset%ChunkSize:])
	r.offset += int64(n)
	return n, nil
}

// Seek implements [io.Seeker]. It asks the source for nothing; the next Read does.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, errors.New("seek to before the begin of the file")
	}
	r.offset = offset
	return offset, nil
}

// Close lets go of the source and overwrites what was opened last.
func (r *Reader) Close() error {
	clear(r.chunk[:cap(r.chunk)])
	r.held = -1
	if r.err == nil {
		r.err = errors.New("read from a file that was closed")
	}
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.body = nil
	return err
}

// load opens the chunk with this index.
func (r *Reader) load(index int64) error {
	r.held = -1
	if err := r.moveTo(index); err != nil {
		return err
	}
	last := index == chunks(r.size)-1
	length := int64(ChunkSize)
	if last {
		length = r.size - index*ChunkSize
	}
	sealed := r.sealed[:length+ChunkOverhead]
	if err := readFull(r.body, sealed); err != nil {
		return err
	}
	plain, err := r.sealer.aead.Open(r.chunk[:0], nil, sealed, r.sealer.at(index, last))
	if err != nil {
		return ErrCorrupt
	}
	if last {
		if err := nothingLeft(r.body); err != nil {
			clear(plain)
			return err
		}
	}
	r.chunk, r.held, r.next = plain, index, index+1
	return nil
}

// moveTo sets body to the begin of a chunk.
func (r *Reader) moveTo(index int64) error {
	if r.body != nil && r.next == index {
		return nil
	}
	if r.body != nil {
		body := r.body
		r.body = nil
		if err := body.Close(); err != nil {
			return err
		}
	}
	body, err := r.src.Range(int64(HeaderSize) + index*sealedChunk)
	if err != nil {
		return err
	}
	r.body, r.next = body, index
	return nil
}

// readFull reads all of b. A source that ends before is a file that was cut
// off; any other error is the source's own.
func readFull(src io.Reader, b []byte) error {
	_, err := io.ReadFull(src, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrCorrupt
	}
	return err
}

// nothingLeft refuses bytes after the last chunk.
func nothingLeft(src io.Reader) error {
	var one [1]byte
	switch n, err := io.ReadFull(src, one[:]); {
	case n > 0:
		return ErrCorrupt
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}
