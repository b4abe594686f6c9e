package faults

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

var errCut = errors.New("the line was cut")

// random gives each direction of each connection a sequence of its own.
func random(seed *atomic.Uint64) *rand.Rand { return rand.New(rand.NewPCG(seed.Add(1), 13)) }

// pieces cuts a chunk at random places.
func pieces(r *rand.Rand, chunk []byte, longest int) (cut [][]byte) {
	for len(chunk) > 0 {
		n := min(1+r.IntN(longest), len(chunk))
		cut = append(cut, chunk[:n])
		chunk = chunk[n:]
	}
	return cut
}

// splitting delivers everything, in small pieces.
func splitting() weather {
	var seed atomic.Uint64
	return func(bool) carrier {
		r := random(&seed)
		return func(chunk []byte) ([][]byte, error) { return pieces(r, chunk, 7), nil }
	}
}

// delaying delivers everything, late.
func delaying(longest time.Duration) weather {
	var seed atomic.Uint64
	return func(bool) carrier {
		r := random(&seed)
		return func(chunk []byte) ([][]byte, error) {
			time.Sleep(rand.N(longest)) // is the fault, and nothing waits for it to be over
			return pieces(r, chunk, 100), nil
		}
	}
}

// cutting breaks the connection in the middle of one chunk in n.
func cutting(n int) weather {
	var seed atomic.Uint64
	return func(bool) carrier {
		r := random(&seed)
		return func(chunk []byte) ([][]byte, error) {
			if r.IntN(n) == 0 {
				return [][]byte{chunk[:r.IntN(len(chunk)+1)]}, errCut
			}
			return [][]byte{chunk}, nil
		}
	}
}

// garbling does to one chunk in n what TCP never does, and a broken proxy may.
// It counts what it has done.
func garbling(n int, done *atomic.Int64, how func(r *rand.Rand, chunk []byte) [][]byte) weather {
	var seed atomic.Uint64
	return func(bool) carrier {
		r := random(&seed)
		return func(chunk []byte) ([][]byte, error) {
			if r.IntN(n) == 0 {
				done.Add(1)
				return how(r, chunk), nil
			}
			return [][]byte{chunk}, nil
		}
	}
}

// lost delivers a chunk without a piece of it.
func lost(r *rand.Rand, chunk []byte) [][]byte {
	p := pieces(r, chunk, 200)
	i := r.IntN(len(p))
	return slices.Delete(p, i, i+1)
}

// reordered delivers the pieces of a chunk in another order.
func reordered(r *rand.Rand, chunk []byte) [][]byte {
	p := pieces(r, chunk, 1+len(chunk)/2)
	r.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
	return p
}

// repeated delivers a chunk twice: after a whole answer, the next to use the
// connection finds that answer again.
func repeated(_ *rand.Rand, chunk []byte) [][]byte { return [][]byte{chunk, chunk} }

// flipped changes one bit.
func flipped(r *rand.Rand, chunk []byte) [][]byte {
	chunk[r.IntN(len(chunk))] ^= 1 << r.IntN(8)
	return [][]byte{chunk}
}
