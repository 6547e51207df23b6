package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

func key(n int) Key { return sha256.Sum256(binary.AppendVarint(nil, int64(n))) }

func name(n int) Name { return Name{0: byte(n), 1: byte(n >> 8), 15: 0xee} }

// payload is what the record with that key holds.
func payload(k Key) []byte { return bytes.Repeat(k[:4], int(k[5])) }

// truth is what a set of packs holds: which packs hold a record.
type truth map[rowID][]Name

// fill writes a pack with records of random keys among the first n, of all
// kinds, and notes them.
func fill(t testing.TB, b backend.Backend, r *rand.Rand, nm Name, records, n int, have truth) Info {
	t.Helper()
	w, err := NewWriter(t.Context(), b, nm)
	if err != nil {
		t.Fatal(err)
	}
	for range records {
		k, kind := key(r.IntN(n)), Kind(1+r.IntN(3))
		if w.Has(kind, k) {
			continue
		}
		rec := Record{Kind: kind, Codec: uint8(r.IntN(4)), Raw: r.Uint32(), ID: key(r.IntN(n))}
		if _, err := w.Add(k, rec, payload(k)); err != nil {
			t.Fatal(err)
		}
		id := rowID{k, kind}
		have[id] = append(have[id], nm)
	}
	info, err := w.Finish(Notes{Needs: []Name{name(77)}, Versions: [][]byte{[]byte("version")}})
	if err != nil {
		t.Fatal(err)
	}
	st, err := b.Stat(t.Context(), nm.Key())
	if err != nil || st.Size != info.Size || w.Size() != info.Size {
		t.Fatalf("pack of %d bytes, it says %d: %v", st.Size, info.Size, err)
	}
	return info
}

func open(t testing.TB, b backend.Backend, infos ...Info) (out []*Index) {
	t.Helper()
	for _, p := range infos {
		x, err := OpenIndex(t.Context(), b, p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

// check demands that s finds exactly what have says, for keys among the first
// n.
func (have truth) check(t testing.TB, b backend.Backend, s *Set, n int) {
	t.Helper()
	for i := range n + n/10 {
		for kind := KindPiece; kind <= KindTree; kind++ {
			k := key(i)
			got := map[Name]int{}
			err := s.FindAll(t.Context(), kind, k, func(l Loc) bool {
				if l.Kind != kind || l.Key != k {
					t.Fatalf("found %+v for %s %x", l, kind, k[:5])
				}
				rec, data, err := Read(t.Context(), b, l)
				if err != nil || rec.Kind != kind || !bytes.Equal(data, payload(k)) {
					t.Fatalf("reading %+v: %v", l, err)
				}
				got[l.Pack]++
				return true
			})
			want := have[rowID{k, kind}]
			if len(got) != len(want) || (len(want) == 0) && !errors.Is(err, ErrNotFound) {
				t.Fatalf("%s %d is in %d packs, want %d (%v)", kind, i, len(got), len(want), err)
			}
			for _, p := range want {
				if got[p] != 1 {
					t.Fatalf("%s %d was found %d times in pack %s", kind, i, got[p], p)
				}
			}
			if l, err := s.Find(t.Context(), kind, k); (err == nil) != (len(want) > 0) || err == nil && got[l.Pack] == 0 {
				t.Fatalf("%s %d: %+v, %v", kind, i, l, err)
			}
		}
	}
}

// checkLocs demands that s yields every copy of exactly what have says, those of
// one record one after the other.
func (have truth) checkLocs(t testing.TB, s *Set) {
	t.Helper()
	got := truth{}
	var last rowID
	for l, err := range s.Locs(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		id := rowID{l.Key, l.Kind}
		if bytes.Compare(id.key[:], last.key[:]) < 0 || id.key == last.key && id.kind < last.kind || id != last && got[id] != nil {
			t.Fatalf("%s %x comes after %s %x", id.kind, id.key[:5], last.kind, last.key[:5])
		}
		last = id
		got[id] = append(got[id], l.Pack)
	}
	if len(got) != len(have) {
		t.Fatalf("%d records, want %d", len(got), len(have))
	}
	for id, want := range have {
		if len(got[id]) != len(want) {
			t.Fatalf("%s %x is in packs %v, want %v", id.kind, id.key[:5], got[id], want)
		}
		for _, p := range want {
			if !slices.Contains(got[id], p) {
				t.Fatalf("%s %x is in packs %v, want %v", id.kind, id.key[:5], got[id], want)
			}
		}
	}
}

func without(have truth, dead map[Name]bool) truth {
	out := truth{}
	for id, packs := range have {
		for _, p := range packs {
			if !dead[p] {
				out[id] = append(out[id], p)
			}
		}
	}
	return out
}

// flip changes one bit of a key's bytes.
func flip(t testing.TB, b backend.Backend, key string, off int64) {
	t.Helper()
	data, err := backend.ReadAll(t.Context(), b, key, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	data[off] ^= 0x20
	replace(t, b, key, data)
}

func replace(t testing.TB, b backend.Backend, key string, data []byte) {
	t.Helper()
	if err := b.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), key, data); err != nil {
		t.Fatal(err)
	}
}
