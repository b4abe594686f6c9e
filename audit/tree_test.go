package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// hashes is a store of tree nodes for the reference implementation.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = h[x]
	}
	return out, nil
}

// The compact range and its proofs agree with golang.org/x/mod/sumdb/tlog for
// every size up to 300 and every leaf.
func TestTreeAgreesWithReference(t *testing.T) {
	t.Parallel()
	var (
		store hashes
		tree  compactRange
		all   []Hash
	)
	for n := range int64(300) {
		data := fmt.Appendf(nil, "leaf %d", n)
		all = append(all, leafHash(data))
		tree.add(all[n])
		added, err := tlog.StoredHashes(n, data, store)
		require.NoError(t, err)
		store = append(store, added...)
		want, err := tlog.TreeHash(n+1, store)
		require.NoError(t, err)
		require.Equal(t, Hash(want), tree.root(), n)

		again, err := parseRange(tree.size, tree.bytes())
		require.NoError(t, err)
		require.Equal(t, tree, again)
		if n%7 != 0 && n < 250 {
			continue
		}
		for leaf := range n + 1 {
			// Half of the proofs begin behind a pruned prefix.
			begin := leaf / 2
			var gone compactRange
			for i := range begin {
				gone.add(all[i])
			}
			p := newProver(gone)
			for i := begin; i <= n; i++ {
				p.add(all[i], i == leaf)
			}
			path, err := p.proof()
			require.NoError(t, err)
			reference, err := tlog.ProveRecord(n+1, leaf, store)
			require.NoError(t, err)
			require.Len(t, path, len(reference))
			for i := range path {
				require.Equal(t, Hash(reference[i]), path[i], "size %d leaf %d", n+1, leaf)
			}
			require.NoError(t, checkInclusion(all[leaf], uint64(leaf), uint64(n+1), path, tree.root()))
		}
	}
}

func TestNoOtherProofIsAccepted(t *testing.T) {
	t.Parallel()
	for _, size := range []uint64{1, 2, 3, 7, 8, 13} {
		for leaf := range size {
			p := newProver(compactRange{})
			var all []Hash
			for i := range size {
				all = append(all, leafHash([]byte{byte(i)}))
				p.add(all[i], i == leaf)
			}
			path, err := p.proof()
			require.NoError(t, err)
			root := p.root()
			require.NoError(t, checkInclusion(all[leaf], leaf, size, path, root))
			for other := range size + 2 {
				if other != leaf {
					require.Error(t, checkInclusion(all[leaf], other, size, path, root), "another index")
				}
			}
			for _, other := range []uint64{size * 2, size + 1, size - 1} {
				if other > 0 && other != size {
					// A path may fit another size; it then leads to another root or is too short.
					if checkInclusion(all[leaf], leaf, other, path, root) == nil {
						require.Equal(t, len(path), pathLength(leaf, other))
					}
				}
			}
			require.Error(t, checkInclusion(leafHash([]byte("x")), leaf, size, path, root))
			require.Error(t, checkInclusion(all[leaf], leaf, size, append(path, root), root))
			for i := range path {
				require.Error(t, checkInclusion(all[leaf], leaf, size, path[:i], root), "cut short")
				for b := range path[i] {
					changed := append([]Hash(nil), path...)
					changed[i][b] ^= 1
					require.Error(t, checkInclusion(all[leaf], leaf, size, changed, root))
				}
			}
		}
	}
}

// pathLength is how many hashes a proof has.
func pathLength(index, size uint64) int {
	n := 0
	for last := size - 1; last > 0; last >>= 1 {
		if index&1 == 1 || index != last {
			n++
		}
		index >>= 1
	}
	return n
}

func TestStoredRangesOfTheWrongLengthAreRefused(t *testing.T) {
	t.Parallel()
	for _, size := range []uint64{0, 1, 5, 1 << 40} {
		for _, n := range []int{1, 31, 32, 33, 64, 65, 96} {
			_, err := parseRange(size, make([]byte, n))
			if n%32 == 0 && (size == 1 && n == 32 || size == 5 && n == 64 || size == 1<<40 && n == 32) {
				require.NoError(t, err)
				continue
			}
			require.Error(t, err, "%d %d", size, n)
		}
	}
}

// The bytes of a leaf, spelled out once by hand.
func TestLeafBytes(t *testing.T) {
	t.Parallel()
	e := sample()
	r := e.record()
	require.NoError(t, r.check())
	var l leafer
	h, err := l.hash(&r)
	require.NoError(t, err)

	salt := make([]byte, 16)
	actor := sha256.Sum256(join([]byte{2}, salt, lp("u1"), lp("anna@example"), append([]byte{1, 0, 0, 0, 8}, 2, 32, 0, 4, 203, 0, 113, 7)))
	diff := sha256.Sum256(join([]byte{3}, salt, []byte{0}, lp(`{"a": [1,2]}`)))
	leaf := join([]byte{0, 1}, make([]byte, 16), []byte{0, 1}, []byte{0, 0, 0, 0, 0, 0, 3, 9}, []byte{0, 0, 0, 0, 0, 0, 0, 5},
		hexed("0006287a94554001"), lp("u"), lp("RenameContact"), []byte{0}, lp("user"), lp("app.contacts"), lp("7"), lp("v1"), []byte{0}, []byte{0},
		actor[:], diff[:])
	require.Equal(t, Hash(sha256.Sum256(leaf)), h)
	require.Equal(t, "08901bc5f1", hex.EncodeToString(h[:5]), "the bytes are a promise: a change needs a new version")
}

func lp(s string) []byte { return join([]byte{1, 0, 0, 0, byte(len(s))}, []byte(s)) }

func hexed(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}
