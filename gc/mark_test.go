package gc

import (
	"encoding/binary"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/mstore/mstore/objects/pack"
)

// TestFind: every record is found with all its copies, and nothing else, however
// the keys are spread.
func TestFind(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for round := range 300 {
		iv := &inventory{}
		want := map[pack.Key]map[pack.Kind]int{}
		n := rng.IntN(200)
		for range n {
			var k pack.Key
			for i := range k {
				k[i] = byte(rng.Uint32())
			}
			switch round % 3 {
			case 1: // few heads, many keys with each
				copy(k[:8], []byte{0, 0, 0, 0, 0, 0, 0, byte(rng.IntN(3))})
			case 2: // all at one end
				k[0], k[1] = 0xff, 0xff
			}
			for range 1 + rng.IntN(3) {
				kind := []pack.Kind{pack.KindPiece, pack.KindRecipe, pack.KindTree}[rng.IntN(3)]
				iv.rows = append(iv.rows, row{key: k, kind: kind, off: rng.Uint32()})
				if want[k] == nil {
					want[k] = map[pack.Kind]int{}
				}
				want[k][kind]++
			}
		}
		sort.Slice(iv.rows, func(i, j int) bool { return compareRows(&iv.rows[i], &iv.rows[j]) < 0 })
		for i := range iv.rows {
			iv.heads = append(iv.heads, binary.BigEndian.Uint64(iv.rows[i].key[:]))
		}
		check := func(k pack.Key) {
			for _, kind := range []pack.Kind{pack.KindPiece, pack.KindRecipe, pack.KindTree} {
				first, end := iv.find(kind, k)
				if end-first != want[k][kind] {
					t.Fatalf("round %d: %d of %s %x, want %d", round, end-first, kind, k[:9], want[k][kind])
				}
				for _, r := range iv.rows[first:end] {
					if r.key != k || r.kind != kind {
						t.Fatalf("round %d: another record", round)
					}
				}
			}
		}
		for k := range want {
			check(k)
			k[31]++ // not there, mostly
			check(k)
		}
		check(pack.Key{})
		var last pack.Key
		for i := range last {
			last[i] = 0xff
		}
		check(last)
	}
}
