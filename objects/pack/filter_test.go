package pack

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

func TestFilter(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, records := range []int{0, 1, 40, 400, 2000} {
		b := backend.NewCounter(backend.NewMem())
		w, err := NewWriter(t.Context(), b, name(1))
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			if _, err := w.Add(key(i), Record{Kind: KindPiece, ID: key(i)}, nil, uint64(i)<<48); err != nil {
				t.Fatal(err)
			}
		}
		info, err := w.Finish(Notes{})
		if err != nil {
			t.Fatal(err)
		}
		f := w.Filter()
		if !f.Valid() || (f == nil) != (records == 0 || 2*records > filterRows) {
			t.Fatalf("%d records: filter of %d bytes", records, len(f))
		}
		if again, err := open(t, b, info)[0].Filter(); err != nil || !bytes.Equal(again, f) {
			t.Fatalf("%d records: another filter from the index, %v", records, err)
		}
		s := NewSet(b, []Info{info}, nil, nil)
		s.Filters = map[Name]Filter{info.Name: f}
		for i := range records {
			if _, err := s.Find(t.Context(), KindPiece, key(i)); err != nil {
				t.Fatalf("record %d of %d: %v", i, records, err)
			}
		}
		for i := range min(records, 100) {
			if got := s.Labelled(t.Context(), uint64(i)<<48, 1000); len(got) != 1 {
				t.Fatalf("label %d of %d: %v", i, records, got)
			}
		}
		if len(f) == 0 {
			continue
		}
		// What is not there costs no read.
		s = NewSet(b, []Info{info}, nil, nil)
		s.Filters = map[Name]Filter{info.Name: f}
		b.Reset()
		passed := 0
		for range 2000 {
			k := key(1_000_000 + r.IntN(1_000_000))
			if f.May(k) {
				passed++
				continue
			}
			if _, err := s.Find(t.Context(), KindPiece, k); err == nil {
				t.Fatal("found what is not there")
			}
		}
		if c := b.Counts(); c.Gets != 0 || passed > 100 {
			t.Errorf("%d reads, %d keys passed the filter", c.Gets, passed)
		}
	}
}
