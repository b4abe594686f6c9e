package audit

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"
)

// Hash is a node of a tree.
type Hash [sha256.Size]byte

// compactRange is an RFC 6962 tree over the leaves 0 to size, kept as the roots
// of its complete subtrees, largest first: all that is needed to append, and to
// compute the root. It has one hash for each bit that is set in size.
type compactRange struct {
	size  uint64
	roots []Hash
}

func (t *compactRange) add(leaf Hash) {
	for n := bits.TrailingZeros64(^t.size); n > 0; n-- {
		last := len(t.roots) - 1
		leaf = nodeHash(t.roots[last], leaf)
		t.roots = t.roots[:last]
	}
	t.roots = append(t.roots, leaf)
	t.size++
}

func (t *compactRange) root() Hash {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	h := t.roots[len(t.roots)-1]
	for i := len(t.roots) - 2; i >= 0; i-- {
		h = nodeHash(t.roots[i], h)
	}
	return h
}

func (t *compactRange) clone() compactRange {
	return compactRange{t.size, append([]Hash(nil), t.roots...)}
}

// bytes is the form in which a range is stored: its hashes one after the other.
func (t *compactRange) bytes() []byte {
	b := make([]byte, 0, len(t.roots)*sha256.Size)
	for _, h := range t.roots {
		b = append(b, h[:]...)
	}
	return b
}

func parseRange(size uint64, b []byte) (compactRange, error) {
	if len(b) != bits.OnesCount64(size)*sha256.Size {
		return compactRange{}, fmt.Errorf("a tree of %d events has %d bytes, not %d", size, bits.OnesCount64(size)*sha256.Size, len(b))
	}
	t := compactRange{size: size}
	for ; len(b) > 0; b = b[sha256.Size:] {
		t.roots = append(t.roots, Hash(b))
	}
	return t, nil
}

// The first byte keeps a leaf from being taken for a node (RFC 6962, 2.1).
func leafHash(leaf []byte) Hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(leaf)
	return Hash(h.Sum(nil))
}

func nodeHash(left, right Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

var errProof = errors.New("the proof does not lead from the event to the root of the checkpoint")

// checkInclusion is the algorithm of RFC 9162, 2.1.3.2.
func checkInclusion(leaf Hash, index, size uint64, path []Hash, root Hash) error {
	if index >= size {
		return errProof
	}
	fn, sn, r := index, size-1, leaf
	for _, p := range path {
		if sn == 0 {
			return errProof
		}
		if fn&1 == 1 || fn == sn {
			r = nodeHash(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = nodeHash(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 || r != root {
		return errProof
	}
	return nil
}

// A prover builds the inclusion proof of one leaf while the leaves of the tree
// pass by in order, in memory that grows with the logarithm of their number. It
// may begin with the compact range of leaves that are gone already.
//
// It is a compact range whose subtrees are marked when they hold the leaf: when
// a marked one is merged, the other one belongs to the path.
type prover struct {
	compactRange
	index  uint64
	marked int // the subtree that holds the leaf, -1 before it came
	path   []Hash
}

func newProver(from compactRange) *prover {
	return &prover{compactRange: from.clone(), marked: -1}
}

// add appends a leaf, which may be the one to prove.
func (p *prover) add(leaf Hash, mine bool) {
	at := len(p.roots)
	if mine {
		p.index = p.size
	}
	for n := bits.TrailingZeros64(^p.size); n > 0; n-- {
		at--
		switch {
		case mine:
			p.path = append(p.path, p.roots[at])
		case p.marked == at:
			p.path = append(p.path, leaf)
			mine = true
		}
		leaf = nodeHash(p.roots[at], leaf)
		p.roots = p.roots[:at]
	}
	if mine {
		p.marked = at
	}
	p.roots = append(p.roots, leaf)
	p.size++
}

// proof completes the path with the subtrees beside the one of the leaf: those
// to its right, folded together, and then those to its left, nearest first.
func (p *prover) proof() ([]Hash, error) {
	if p.marked < 0 {
		return nil, errors.New("the event is not in the sealed part of the log")
	}
	path := append([]Hash(nil), p.path...)
	if last := len(p.roots) - 1; p.marked < last {
		h := p.roots[last]
		for i := last - 1; i > p.marked; i-- {
			h = nodeHash(p.roots[i], h)
		}
		path = append(path, h)
	}
	for i := p.marked - 1; i >= 0; i-- {
		path = append(path, p.roots[i])
	}
	return path, nil
}
