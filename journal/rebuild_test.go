package journal

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// copies are what the footers of a store's packs would repeat.
func (w *writer) copies() (out []Copy) {
	w.t.Helper()
	for e, err := range w.j.History(w.s).Entries(w.t.Context(), 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		if op := e.Commit(); op != nil {
			c := Copy{Record: op.Record}
			for _, o := range e.Ops {
				if o.Kind == OpAddPacks {
					last := len(o.Packs) - 1
					c.Pack = o.Packs[last]
					c.Intent = &pack.Intent{Tx: e.Tx, Time: e.Time, NameKind: uint8(op.NameKind), Name: op.Name, Packs: o.Packs[:last]}
				}
			}
			out = append(out, c)
		}
	}
	return out
}

// busy makes a store with every operation in its tail.
func busy(t *testing.T) (*writer, *backend.Mem) {
	b := backend.NewMem()
	w := newStore(t, b)
	for i := range 30 {
		var merged []Target
		if i%5 == 4 {
			w.append(Op{Kind: OpSetName, NameKind: Branch, Name: "side", Target: w.s.Names["main"].To})
			merged = append(merged, w.commit("side"))
		}
		ops := commitOps(w.s, "main", "m", merged...)
		packs := []pack.Info{{Name: pack.Name{1, byte(i)}, Size: 9}, {Name: pack.Name{2, byte(i)}, Size: 7}}
		w.append(append([]Op{{Kind: OpAddPacks, Packs: packs[i%2:]}}, ops...)...)
		switch i % 5 {
		case 0:
			w.append(Op{Kind: OpSetName, NameKind: Tag, Name: string(rune('a' + i)), Target: w.s.Names["main"].To})
		case 1:
			w.append(Op{Kind: OpSetConfig, Key: "k.v", Value: "x"})
		case 2:
			w.append(Op{Kind: OpHold, Target: w.s.Names["main"].To, Name: "p"})
		case 3:
			w.append(Op{Kind: OpCondemn, Packs: packs[:1], Reason: "r"}, Op{Kind: OpRepair, Key: "k", Reason: "r"})
		}
	}
	ops := commitOps(w.s, "main", "the newest", w.s.Names["side"].To, w.s.Names["a"].To)
	w.append(append([]Op{{Kind: OpAddPacks, Packs: []pack.Info{{Name: pack.Name{9}, Size: 1}}}}, ops...)...)
	return w, b
}

// TestRebuildEntry: every entry of a tail, lost or damaged beyond a byte, is made
// again to the identical bytes.
func TestRebuildEntry(t *testing.T) {
	w, b := busy(t)
	copies := w.copies()
	for n := uint64(2); n <= w.s.Number; n++ {
		for _, how := range []string{"lost", "damaged"} {
			key := entryKey(n)
			good, err := backend.ReadAll(t.Context(), b, key, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if how == "damaged" {
				bad := bytes.Clone(good)
				for i := range 20 {
					bad[len(bad)/3+i] ^= 0x55
				}
				replace(t, b, key, bad)
			} else if n == w.s.Number { // then it never was
				continue
			} else if err := b.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			done, err := w.j.Rebuild(t.Context(), copies)
			if err != nil {
				t.Fatalf("entry %d %s: %v", n, how, err)
			}
			got, err := backend.ReadAll(t.Context(), b, key, 1<<20)
			switch {
			case errors.Is(err, backend.ErrNotFound) || !bytes.Equal(got, good):
				// Not repeated yet, and no pack of its own tells of it.
				f, _ := decodeFile(good, n)
				if f.entries[0].Commit() != nil || n&15 != 0 {
					t.Errorf("entry %d %s: not rebuilt (%v)", n, how, done)
				}
				_ = b.Delete(t.Context(), key)
				if err := b.Put(t.Context(), key, good); err != nil {
					t.Fatal(err)
				}
			case len(done) != 1 || done[0].Key != key:
				t.Errorf("entry %d %s: rebuilt %v", n, how, done)
			}
			w.verify()
		}
	}
}

// TestMendByte: one changed byte anywhere in an entry or a checkpoint is found by
// the checksum.
func TestMendByte(t *testing.T) {
	b := backend.NewMem()
	w := newStore(t, b)
	w.commits(10)
	w.fold()
	w.commits(3)
	for _, key := range []string{entryKey(13), checkpointKey(1)} {
		good, err := backend.ReadAll(t.Context(), b, key, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= byte(1 + i*37%255)
			replace(t, b, key, bad)
			done, err := w.j.Rebuild(t.Context(), nil)
			if err != nil || len(done) != 1 {
				t.Fatalf("%s byte %d: %v, %v", key, i, done, err)
			}
			got, err := backend.ReadAll(t.Context(), b, key, 1<<20)
			if err != nil || !bytes.Equal(got, good) {
				t.Fatalf("%s byte %d: other bytes (%v)", key, i, err)
			}
		}
	}
	w.verify()
}

// TestRebuildRefuses: a record that does not lead to what the next entry says is
// not taken, and nothing is made up.
func TestRebuildRefuses(t *testing.T) {
	w, b := busy(t)
	copies := w.copies()
	for i := range copies {
		if v, _, err := objects.DecodeVersion(copies[i].Record); err == nil {
			v.Message = "another"
			copies[i].Record, _ = v.Encode()
		}
	}
	n := w.s.Names["main"].To.Entry
	for e := (*Entry)(nil); e == nil || e.Commit() == nil; {
		var err error
		n--
		if e, err = w.j.History(w.s).Entry(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Delete(t.Context(), entryKey(n)); err != nil {
		t.Fatal(err)
	}
	done, err := w.j.Rebuild(t.Context(), copies)
	if err != nil || len(done) != 0 {
		t.Errorf("rebuilt %v, %v", done, err)
	}
}
