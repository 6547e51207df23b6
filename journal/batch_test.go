package journal

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// everyBatch is a file of n entries from 300 on, with digests of a batch before it.
func everyBatch(n int) *file {
	f := &file{digests: []Digest{{Number: 297, Time: epoch}, {Number: 298, Time: epoch, Batched: true}, {Number: 299, Time: epoch, Batched: true}}}
	for i := range f.digests {
		f.digests[i].Ops = []Op{{Kind: OpUnsetConfig, Key: "a"}}
	}
	for i := range n {
		e := everyOp()
		if i > 0 {
			e = &Entry{Number: 300 + uint64(i), Prev: f.hash(), Tx: [16]byte{byte(i)}, Time: epoch, Ops: []Op{{Kind: OpSetConfig, Key: "k", Value: "v"}}}
		}
		f.entries, f.cores = append(f.entries, e), append(f.cores, e.encodeCore())
	}
	return f
}

func TestBatchRoundTrip(t *testing.T) {
	for _, n := range []int{1, 2, 5, MaxBatch} {
		want := everyBatch(n)
		data := want.encode()
		got, err := decodeFile(data, 300)
		if err != nil {
			t.Fatalf("%d entries: %v", n, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d entries:\n%+v, want\n%+v", n, got, want)
		}
		if got.first() != 300 || got.last() != 299+uint64(n) || got.hash() != objects.EntryHash(want.cores[n-1]) {
			t.Errorf("%d entries: from %d to %d", n, got.first(), got.last())
		}
	}
}

// What a batch must not be, and any damage to one, is found.
func TestBatchRefused(t *testing.T) {
	refused := func(what string, data []byte) {
		t.Helper()
		if _, err := decodeFile(data, 300); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("too many", everyBatch(MaxBatch+1).encode())
	f := everyBatch(3)
	f.entries[2].Prev[0]++
	f.cores[2] = f.entries[2].encodeCore()
	refused("a broken chain", f.encode())
	f = everyBatch(3)
	f.entries[1].Number++
	f.cores[1] = f.entries[1].encodeCore()
	refused("a number too far", f.encode())
	single := encodeEntry(everyOp().encodeCore(), nil)
	bare := append(bytes.Clone(single[:len(single)-5]), 0, 0) // no further entries, no digests
	bare[8] = batchFormat
	refused("a batch of one", appendCRC(bare))

	data := everyBatch(3).encode()
	for i := range 8 * len(data) {
		bad := bytes.Clone(data)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := decodeFile(bad, 300); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
}

// batch is n commits to a branch that follow the state of w.
func (w *writer) batch(branch, message string, n int) *Batch {
	w.t.Helper()
	b := NewBatch(w.s)
	for range n {
		tx, err := w.j.NewTx()
		if err != nil {
			w.t.Fatal(err)
		}
		if err := b.Add(Draft{Ops: commitOps(b.State(), branch, message), Time: w.j.clock(), Tx: tx}); err != nil {
			w.t.Fatal(err)
		}
	}
	return b
}

func (w *writer) appendBatch(branch, message string, n int) {
	w.t.Helper()
	s, err := w.j.AppendBatch(w.t.Context(), w.batch(branch, message, n))
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = s
}

// A batch gives the very state that its entries give one after another, for the writer
// and for readers; it is one put.
func TestBatchIsItsEntries(t *testing.T) {
	mem := backend.NewMem()
	c := backend.NewCounter(mem)
	one, all := newStore(t, backend.NewMem()), newStore(t, c)
	c.Reset()
	var drafts []Draft
	for i := range 40 {
		s := one.s
		ops := commitOps(s, "main", "m")
		switch i % 4 {
		case 1:
			ops = append(ops, Op{Kind: OpAddPacks, Packs: []pack.Info{{Name: pack.Name{byte(i)}, Size: 3}}})
		case 2:
			ops = append(ops, Op{Kind: OpSetName, NameKind: Remote, Name: "origin/main", Target: s.Names["main"].To})
		case 3:
			ops = []Op{{Kind: OpDeleteName, NameKind: Remote, Name: "origin/main"}, {Kind: OpExpire, Expired: []Expired{{Entry: 2, Path: "a"}}}}
		}
		d := Draft{Ops: ops, Time: epoch, Tx: [16]byte{byte(i)}}
		var err error
		if one.s, err = one.j.AppendAs(t.Context(), s, ops, d.Time, d.Tx); err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, d)
	}
	s, err := all.j.AppendAll(t.Context(), all.s, drafts)
	if err != nil {
		t.Fatal(err)
	}
	if n := c.Counts(); n.Puts != 1 || n.Lists != 1 || n.Gets+n.Stats+n.Creates+n.Deletes != 0 {
		t.Errorf("requests: %+v", n)
	}
	if got, want := s.comparable(), one.s.comparable(); !reflect.DeepEqual(got, want) || s.Hash != one.s.Hash {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}
	all.load()
	if got, want := all.s.comparable(), one.s.comparable(); !reflect.DeepEqual(got, want) {
		t.Errorf("loaded:\n%+v, want\n%+v", got, want)
	}
	if !reflect.DeepEqual(tailBytes(all.s), tailBytes(s)) {
		t.Error("the tail that is loaded differs")
	}
	all.verify()
	if keys := all.s.Files(); len(keys) != 2 || keys[1] != entryKey(2) {
		t.Errorf("files %v", keys)
	}
}

// Fit tells how much AppendAll takes, and what is more is refused whole.
func TestFit(t *testing.T) {
	w := newStore(t, backend.NewMem())
	draft := func(size int) Draft {
		return Draft{Time: epoch, Ops: []Op{{Kind: OpSetConfig, Key: "k", Value: strings.Repeat("x", size)}}}
	}
	many := make([]Draft, MaxBatch+1)
	for i := range many {
		many[i] = draft(1)
	}
	large := []Draft{draft(maxBatchBytes / 2), draft(maxBatchBytes / 3), draft(maxBatchBytes / 3)}
	for _, c := range []struct {
		drafts []Draft
		want   int
	}{{nil, 0}, {many[:MaxBatch], MaxBatch}, {many, MaxBatch}, {large, 2}, {[]Draft{draft(2 * maxBatchBytes), draft(1)}, 1}, {[]Draft{draft(2 * maxCore)}, 1}} {
		if n := Fit(w.s, c.drafts); n != c.want {
			t.Errorf("of %d drafts %d fit, want %d", len(c.drafts), n, c.want)
		}
	}
	for _, drafts := range [][]Draft{many, large, {draft(2 * maxCore)}} {
		if _, err := w.j.AppendAll(t.Context(), w.s, drafts); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d drafts: %v", len(drafts), err)
		}
	}
	if w.load(); w.s.Number != 1 {
		t.Errorf("entry %d", w.s.Number)
	}
	if s, err := w.j.AppendAll(t.Context(), w.s, nil); err != nil || s != w.s {
		t.Errorf("no drafts: %v", err)
	}
	if s, err := w.j.AppendAll(t.Context(), w.s, []Draft{draft(2 * maxBatchBytes)}); err != nil || s.Number != 2 {
		t.Errorf("a large one alone: %v", err)
	}
	w.verify()
}
