package journal

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// addPack publishes a pack with n records and returns their keys.
func (w *writer) addPack(r *rand.Rand, n int) (p pack.Info, keys []pack.Key) {
	w.t.Helper()
	var name pack.Name
	binary.BigEndian.PutUint64(name[:], r.Uint64())
	pw, err := pack.NewWriter(w.t.Context(), w.b, name)
	if err != nil {
		w.t.Fatal(err)
	}
	for range n {
		var k pack.Key
		for i := range 4 {
			binary.BigEndian.PutUint64(k[8*i:], r.Uint64())
		}
		if _, err := pw.Add(k, pack.Record{Kind: pack.KindPiece, Raw: 1, ID: k}, []byte{1}); err != nil {
			w.t.Fatal(err)
		}
		keys = append(keys, k)
	}
	if p, err = pw.Finish(pack.Notes{}); err != nil {
		w.t.Fatal(err)
	}
	w.append(Op{Kind: OpAddPacks, Packs: []pack.Info{p}})
	return p, keys
}

// Segments do not grow beyond their bounds, nothing is lost by that, and what is removed
// goes out of large ones too.
func TestLargeSegments(t *testing.T) {
	rows, packs, span := maxSegmentRows, maxSegmentPacks, maxArchiveSpan
	maxSegmentRows, maxSegmentPacks, maxArchiveSpan = 300, 20, 200
	t.Cleanup(func() { maxSegmentRows, maxSegmentPacks, maxArchiveSpan = rows, packs, span })
	r := rand.New(rand.NewPCG(1, 9))
	w := newStore(t, backend.NewMem())
	where := map[pack.Key]pack.Name{}
	var live []pack.Info
	for range 60 {
		for range 1 + r.IntN(8) {
			p, keys := w.addPack(r, 1+r.IntN(12))
			live = append(live, p)
			for _, k := range keys {
				where[k] = p.Name
			}
		}
		if len(live) > 40 && r.IntN(3) == 0 {
			i := r.IntN(len(live))
			w.append(Op{Kind: OpRemovePacks, Packs: live[i : i+1]})
			for k, name := range where {
				if name == live[i].Name {
					delete(where, k)
				}
			}
			live = slices.Delete(live, i, i+1)
		}
		w.fold()
		for _, g := range w.s.Segments {
			if g.Rows > 2*maxSegmentRows || g.Packs > 2*maxSegmentPacks {
				t.Fatalf("a segment of %d rows in %d packs", g.Rows, g.Packs)
			}
		}
		for _, a := range w.s.archive {
			if a.entries() > maxArchiveSpan {
				t.Fatalf("an archive of %d entries", a.entries())
			}
		}
	}
	set := w.set()
	for k, name := range where {
		if l, err := set.Find(t.Context(), pack.KindPiece, k); err != nil || l.Pack != name {
			t.Errorf("%x: in pack %v, %v", k[:4], l.Pack, err)
		}
	}
	got, err := set.Packs(t.Context())
	if err != nil || len(got) != len(live) {
		t.Errorf("%d live packs of %d: %v", len(got), len(live), err)
	}
	for range 40 { // nothing more is removed: what was goes
		w.commits(1)
		w.fold()
	}
	if len(w.s.Dead) > 0 {
		t.Errorf("%d removed packs are still listed", len(w.s.Dead))
	}
	if len(w.s.Segments) < 3 || len(w.s.archive) < 2 {
		t.Errorf("%d segments, %d archives: the bounds were not met", len(w.s.Segments), len(w.s.archive))
	}
	w.verify()
	h := w.j.History(w.s)
	for n := uint64(1); n <= w.s.Number; n += 7 {
		e, err := h.Entry(t.Context(), n)
		if err != nil || e.Number != n {
			t.Fatalf("entry %d: %v", n, err)
		}
		if op := e.Commit(); op != nil {
			if at, ok, err := h.Has(t.Context(), op.Target.ID); !ok || err != nil || at != op.Target {
				t.Errorf("version %s: %v, %v", objects.VersionID(op.Target.ID), ok, err)
			}
		}
	}
}
