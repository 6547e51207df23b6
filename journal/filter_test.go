package journal

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects/pack"
)

func adding(n byte, filters ...pack.Filter) []Op {
	op := Op{Kind: OpAddPacks, Filters: filters}
	for i := range filters {
		op.Packs = append(op.Packs, pack.Info{Name: pack.Name{n, byte(i)}, Size: 100})
	}
	return []Op{op}
}

// TestFilters appends packs with and without filters: whoever loads the state has them,
// until the journal is folded. A store in which everything is repeated is loaded with one
// file.
func TestFilters(t *testing.T) {
	for _, repeat := range []string{"", "all"} {
		b := backend.NewCounter(backend.NewMem())
		j := New(b, Options{})
		s, err := j.Init(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if repeat != "" {
			if s, err = j.Append(t.Context(), s, []Op{{Kind: OpSetConfig, Key: RepeatSetting, Value: repeat}}, epoch); err != nil {
				t.Fatal(err)
			}
		}
		for n := range byte(100) {
			filters := []pack.Filter{{0, n}, nil}
			if n%3 == 0 {
				filters = []pack.Filter{nil}
			}
			if s, err = j.Append(t.Context(), s, adding(n, filters...), epoch); err != nil {
				t.Fatal(err)
			}
		}
		b.Reset()
		got, err := j.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if c := b.Counts(); repeat == "all" && c.Gets != 1 {
			t.Errorf("%d files are read", c.Gets)
		}
		if fmt.Sprint(got.Filters) != fmt.Sprint(s.Filters) || len(got.Filters) != 66 {
			t.Errorf("repeating %q: %d filters, %d while they were appended", repeat, len(got.Filters), len(s.Filters))
		}
		for n := range byte(100) {
			if f := got.Filters[pack.Name{n, 0}]; n%3 != 0 && !bytes.Equal(f, pack.Filter{0, n}) {
				t.Errorf("pack %d: filter %x", n, f)
			}
		}
	}
}

func TestFilterFiles(t *testing.T) {
	make := func(ops []Op) []byte {
		e := &Entry{Number: 5, Time: epoch, Ops: ops}
		f := &file{entries: []*Entry{e}, cores: [][]byte{e.encodeCore()}}
		return f.encode()
	}
	plain := make(adding(1, nil))
	if plain[8] != Format {
		t.Errorf("format %d without a filter", plain[8])
	}
	good := make(adding(1, pack.Filter{1, 2, 3, 4}))
	f, err := decodeFile(good, 5)
	if err != nil || good[8] != filterFormat || !bytes.Equal(f.entries[0].Ops[0].Filters[0], []byte{1, 2, 3, 4}) || !bytes.Equal(f.encode(), good) {
		t.Fatalf("format %d: %+v, %v", good[8], f, err)
	}
	for what, bad := range map[string]pack.Filter{"odd": {1, 2, 3}, "unsorted": {3, 4, 1, 2}, "twice": {1, 2, 1, 2}, "large": bytes.Repeat([]byte{1, 2}, 600)} {
		if _, err := decodeFile(make(adding(1, bad)), 5); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// The format says that there is a filter.
	empty := make(adding(1, pack.Filter{1, 2}))
	empty = append(empty[:len(empty)-4-3], 0)
	if _, err := decodeFile(appendCRC(empty), 5); !errors.Is(err, ErrCorrupt) {
		t.Errorf("no filter: %v", err)
	}
}
