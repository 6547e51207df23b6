package pack

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sort"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

func TestRoundTrip(t *testing.T) {
	for _, records := range []int{0, 1, 100, 6000} { // the last one's index is larger than a tail read
		b := backend.NewMem()
		have := truth{}
		info := fill(t, b, rand.New(rand.NewPCG(1, uint64(records))), name(1), records, 2*records+1, have)
		x := open(t, b, info)[0]
		if x.Len() != len(have) {
			t.Errorf("%d rows, want %d", x.Len(), len(have))
		}
		var rows []Row
		for r, err := range x.Rows() {
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := have[rowID{r.Key, r.Kind}]; !ok {
				t.Errorf("row %+v", r)
			}
			if got, ok, err := x.Find(r.Kind, r.Key); err != nil || !ok || got != r {
				t.Errorf("%+v, %v, %v, want %+v", got, ok, err, r)
			}
			rows = append(rows, r)
		}
		if _, ok, err := x.Find(KindPiece, Key{}); ok || err != nil {
			t.Errorf("a key that is not there: %v, %v", ok, err)
		}
		notes, err := x.Notes()
		if want := (Notes{Needs: []Name{name(77)}, Versions: [][]byte{[]byte("version")}}); err != nil || !reflect.DeepEqual(notes, want) {
			t.Errorf("notes %+v, %v", notes, err)
		}
		sort.Slice(rows, func(i, j int) bool { return rows[i].Off < rows[j].Off })
		if err := CheckLayout(t.Context(), b, x, rows); err != nil {
			t.Error(err)
		}
		if len(rows) > 2 {
			if err := CheckLayout(t.Context(), b, x, append(rows[:1:1], rows[2:]...)); !errors.Is(err, ErrCorrupt) {
				t.Errorf("a record that no row names: %v", err)
			}
		}
		have.check(t, b, NewSet(b, []Info{info}, nil, nil), 2*records+1)
	}
}

func TestNames(t *testing.T) {
	n := name(300)
	if got, ok := ParseKey(n.Key()); !ok || got != n {
		t.Errorf("%s: %v, %v", n.Key(), got, ok)
	}
	seg := SegmentInfo{Name: n}
	if got, ok := ParseSegmentKey(seg.Key()); !ok || got != n {
		t.Errorf("%s: %v, %v", seg.Key(), got, ok)
	}
	for _, bad := range []string{"", n.String(), seg.Key(), Prefix + "ABCDEF00112233445566778899aabbcc.pack", Prefix + "zz112233445566778899aabbccddeeff.pack",
		Prefix + "00.pack", "x" + n.Key(), n.Key() + "x"} {
		if _, ok := ParseKey(bad); ok {
			t.Errorf("%q is a pack", bad)
		}
	}
}

// Any bit of a pack that is damaged is found: in a record by reading it, else
// by opening the index, by looking up, or by CheckLayout.
func TestDamage(t *testing.T) {
	b := backend.NewMem()
	have := truth{}
	info := fill(t, b, rand.New(rand.NewPCG(1, 2)), name(1), 5, 30, have)
	data, err := backend.ReadAll(t.Context(), b, info.Name.Key(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	prove := func() error {
		x, err := OpenIndex(t.Context(), b, info)
		if err != nil {
			return err
		}
		var rows []Row
		for r, err := range x.Rows() {
			if err != nil {
				return err
			}
			if _, _, err := Read(t.Context(), b, Loc{info.Name, r}); err != nil {
				return err
			}
			rows = append(rows, r)
		}
		sort.Slice(rows, func(i, j int) bool { return rows[i].Off < rows[j].Off })
		return CheckLayout(t.Context(), b, x, rows)
	}
	if err := prove(); err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1 << (i % 8)
		replace(t, b, info.Name.Key(), bad)
		if err := prove(); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("byte %d of %d: %v", i, len(data), err)
		}
	}
	for n := 0; n < len(data); n += 3 {
		replace(t, b, info.Name.Key(), data[:n])
		if err := prove(); err == nil {
			t.Fatalf("cut to %d bytes: not found", n)
		}
	}
	if err := b.Delete(t.Context(), info.Name.Key()); err != nil {
		t.Fatal(err)
	}
	if err := prove(); !errors.Is(err, backend.ErrNotFound) {
		t.Fatalf("gone: %v", err)
	}
}

// What a damaged index may claim is not believed.
func TestHugeClaims(t *testing.T) {
	b := backend.NewMem()
	have := truth{}
	info := fill(t, b, rand.New(rand.NewPCG(1, 2)), name(1), 5, 30, have)
	_, _, err := Read(t.Context(), b, Loc{info.Name, Row{Key: key(1), Kind: KindPiece, Off: headerSize, Stored: 1<<32 - 1}})
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("a record of 4 GB: %v", err)
	}
	for _, seg := range []SegmentInfo{
		{Packs: -1}, {Rows: -1}, {Packs: 1 << 60}, {Packs: 1<<61 - 3, Size: 8}, {Packs: 768614336404564480, Size: -4048}, {Packs: 768614336404564651, Size: 56},
		{Rows: 1 << 50}, {Packs: 1 << 30, Size: 24<<30 + 48},
	} {
		if _, err := OpenSegment(t.Context(), b, seg); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%+v: %v", seg, err)
		}
	}
}

func TestNewerFormat(t *testing.T) {
	h := encodeHeader(name(1))
	h[8] = Format + 1
	if err := checkHeader(appendCRC(h[:len(h)-4]), name(1)); !errors.Is(err, ErrFormat) {
		t.Errorf("header: %v", err)
	}
	if err := checkHeader(encodeHeader(name(1)), name(2)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("header of another pack: %v", err)
	}
	b := (&trailer{indexOff: headerSize, size: headerSize + trailerSize}).encode()
	b[44] = Format + 1
	if _, err := parseTrailer(appendCRC(b[:len(b)-4])); !errors.Is(err, ErrFormat) {
		t.Errorf("trailer: %v", err)
	}
}

// Two writers of a pack, and one that is given up.
func TestWriterEnds(t *testing.T) {
	b := backend.NewMem()
	w, err := NewWriter(t.Context(), b, name(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add(key(1), Record{Kind: KindPiece}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if l, err := b.List(t.Context(), "", "", 0); err != nil || len(l) != 0 {
		t.Errorf("an aborted writer leaves %v, %v", l, err)
	}
	full := errors.New("disk is full")
	for _, failing := range []string{backend.OpCreate, backend.OpWrite, backend.OpCommit} {
		hook := &backend.Hook{Backend: b, Before: func(op, key string) error {
			if op == failing {
				return full
			}
			return nil
		}}
		w, err := NewWriter(t.Context(), hook, name(2))
		if err == nil {
			_, err = w.Finish(Notes{})
		}
		if !errors.Is(err, full) {
			t.Errorf("%s fails: %v", failing, err)
		}
		if l, err := b.List(t.Context(), "", "", 0); err != nil || len(l) != 0 {
			t.Errorf("%s fails: %v is left, %v", failing, l, err)
		}
	}
}

func TestKindString(t *testing.T) {
	for k, want := range map[Kind]string{KindPiece: "piece", KindRecipe: "recipe", KindTree: "tree node", 9: "kind 9"} {
		if got := fmt.Sprint(k); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
