package pack

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

// TestSegments builds sets as folding does: packs into segments, segments
// merged, packs removed, first dead and then dropped; and compares every lookup
// with a map.
func TestSegments(t *testing.T) {
	const keys = 400
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 5))
		b := backend.NewMem()
		have := truth{}
		var loose []Info
		var segs []SegmentInfo
		dead := map[Name]bool{}
		var all []Info
		for step := range 25 {
			switch {
			case r.IntN(4) > 0 || len(loose) == 0:
				info := fill(t, b, r, name(step), r.IntN(200), keys, have)
				loose, all = append(loose, info), append(all, info)
				continue
			case r.IntN(3) == 0: // remove a pack
				p := all[r.IntN(len(all))]
				dead[p.Name] = true
				for i := range loose {
					if loose[i] == p {
						loose = append(loose[:i:i], loose[i+1:]...)
						break
					}
				}
			default: // fold the loose ones and some segments
				n := r.IntN(len(segs) + 1)
				var merge []*Segment
				for _, s := range segs[n:] {
					g, err := OpenSegment(t.Context(), b, s)
					if err != nil {
						t.Fatal(err)
					}
					merge = append(merge, g)
				}
				info, err := WriteSegment(t.Context(), b, name(1000+step), open(t, b, loose...), merge, dead)
				if err != nil {
					t.Fatal(err)
				}
				segs, loose = append(segs[:n:n], info), nil
				g, err := OpenSegment(t.Context(), b, info)
				if err != nil {
					t.Fatal(err)
				}
				rows := int64(0)
				for l, err := range g.Locs() {
					if err != nil || dead[l.Pack] {
						t.Fatalf("row %+v of a dead pack, %v", l, err)
					}
					rows++
				}
				if rows != info.Rows || len(g.PackInfos()) != info.Packs {
					t.Fatalf("%d rows, %d packs, want %+v", rows, len(g.PackInfos()), info)
				}
			}
			set := NewSet(b, loose, segs, dead)
			without(have, dead).check(t, b, set, keys)
			without(have, dead).checkLocs(t, set)
			live, err := set.Packs(t.Context())
			if err != nil || len(live) != len(all)-len(dead) {
				t.Fatalf("%d live packs, want %d: %v", len(live), len(all)-len(dead), err)
			}
		}
	}
}

// A damaged segment is found; a set reads around damaged rows, and through
// other packs when a pack's own index is damaged.
func TestDamagedIndexes(t *testing.T) {
	const keys = 3000
	r := rand.New(rand.NewPCG(3, 5))
	b := backend.NewMem()
	have := truth{}
	var packs []Info
	for i := range 3 {
		packs = append(packs, fill(t, b, r, name(i), 2000, keys, have))
	}
	seg, err := WriteSegment(t.Context(), b, name(100), open(t, b, packs...), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := backend.ReadAll(t.Context(), b, seg.Key(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for i := range segHeaderSize + 3*segPackSize + 4 {
		flip(t, b, seg.Key(), int64(i))
		if _, err := OpenSegment(t.Context(), b, seg); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("byte %d: %v", i, err)
		}
		replace(t, b, seg.Key(), data)
	}
	for _, n := range []int{0, 10, 60, len(data) / 2, len(data) - 1} {
		replace(t, b, seg.Key(), data[:n])
		if _, err := OpenSegment(t.Context(), b, seg); err == nil && n < 60 {
			t.Errorf("cut to %d bytes: opens", n)
		}
	}
	replace(t, b, seg.Key(), data)
	for off := int64(len(data)) / 3; off < int64(len(data)); off += 40_000 {
		flip(t, b, seg.Key(), off)
	}
	have.checkFound(t, b, NewSet(b, nil, []SegmentInfo{seg}, map[Name]bool{}))

	// The index of a loose pack is damaged: what only it holds is an error that
	// says so, what another holds is found.
	x := open(t, b, packs[2])[0]
	flip(t, b, packs[2].Name.Key(), int64(x.trailer.indexOff)+5)
	set := NewSet(b, packs, nil, nil)
	for id, in := range have {
		_, err := set.Find(t.Context(), id.kind, id.key)
		switch {
		case in[0] != packs[2].Name && err != nil:
			t.Fatalf("a record of an intact pack: %v", err)
		case in[0] == packs[2].Name && err != nil && (!errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNotFound)):
			t.Fatalf("a record behind a damaged index: %v", err)
		}
	}
	if _, err := set.Find(t.Context(), KindPiece, Key{}); !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrCorrupt) {
		t.Errorf("a record that is nowhere: %v", err)
	}
}

// checkFound demands that everything is found.
func (have truth) checkFound(t *testing.T, b backend.Backend, s *Set) {
	t.Helper()
	for id := range have {
		l, err := s.Find(t.Context(), id.kind, id.key)
		if err != nil || l.Key != id.key || l.Kind != id.kind {
			t.Fatalf("%s %x: %+v, %v", id.kind, id.key[:5], l, err)
		}
	}
}

// A lookup among many segments' worth of rows costs few reads.
func TestReads(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	b := backend.NewMem()
	have := truth{}
	var packs []Info
	for i := range 20 {
		packs = append(packs, fill(t, b, r, name(i), 1500, 1<<20, have))
	}
	seg, err := WriteSegment(t.Context(), b, name(100), open(t, b, packs...), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := backend.NewCounter(b)
	worst := int64(0)
	tried := 0
	for id := range have {
		if tried++; tried > 500 {
			break
		}
		c.Reset()
		if _, err := NewSet(c, nil, []SegmentInfo{seg}, nil).Find(t.Context(), id.kind, id.key); err != nil {
			t.Fatal(err)
		}
		worst = max(worst, c.Counts().Gets)
	}
	if worst > 3 {
		t.Errorf("a lookup among %d rows takes %d reads", seg.Rows, worst)
	}
}

// Inherit and reuse: what is open is not opened again.
func TestInherit(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	b := backend.NewMem()
	have := truth{}
	packs := []Info{fill(t, b, r, name(1), 10, 100, have), fill(t, b, r, name(2), 10, 100, have)}
	seg, err := WriteSegment(t.Context(), b, name(100), open(t, b, packs[0]), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := backend.NewCounter(b)
	old := NewSet(c, packs[1:], []SegmentInfo{seg}, nil)
	have.checkFound(t, b, old)
	reads := c.Counts().Gets
	next := NewSet(c, packs[1:], []SegmentInfo{seg}, nil)
	next.Inherit(nil)
	next.Inherit(old)
	have.checkFound(t, b, next)
	if got := c.Counts().Gets; got != reads {
		t.Errorf("%d reads more", got-reads)
	}
}

func TestFindCancelled(t *testing.T) {
	b := backend.NewMem()
	info := fill(t, b, rand.New(rand.NewPCG(3, 5)), name(1), 10, 100, truth{})
	stopped := errors.New("stopped")
	hook := &backend.Hook{Backend: b, Before: func(op, key string) error { return stopped }}
	if _, err := NewSet(hook, []Info{info}, nil, nil).Find(t.Context(), KindPiece, key(1)); !errors.Is(err, stopped) || errors.Is(err, ErrNotFound) {
		t.Errorf("an index that cannot be read: %v, want %v, not %v", err, stopped, ErrNotFound)
	}
}

// TestSegmentsOfManyCopies: packs that hold the same record change their numbers when
// segments are merged and packs left out, and then their rows another order.
func TestSegmentsOfManyCopies(t *testing.T) {
	b := backend.NewMem()
	have := truth{}
	r := rand.New(rand.NewPCG(3, 3))
	var infos []Info
	for i := range 300 {
		infos = append(infos, fill(t, b, r, name(i), 3, 2, have))
	}
	fold := func(n int, packs []Info, dead map[Name]bool, segs ...SegmentInfo) SegmentInfo {
		t.Helper()
		var open1 []*Segment
		for _, s := range segs {
			g, err := OpenSegment(t.Context(), b, s)
			if err != nil {
				t.Fatal(err)
			}
			open1 = append(open1, g)
		}
		info, err := WriteSegment(t.Context(), b, name(n), open(t, b, packs...), open1, dead)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	dead := map[Name]bool{name(3): true, name(7): true, name(260): true}
	one := fold(1000, infos[:290], nil)
	two := fold(1001, infos[290:], nil)
	for n, s := range []SegmentInfo{fold(1002, nil, dead, one, two), fold(1003, nil, dead, two, one), fold(1004, infos[290:], dead, one)} {
		set := NewSet(b, nil, []SegmentInfo{s}, nil)
		without(have, dead).check(t, b, set, 2)
		without(have, dead).checkLocs(t, set)
		if t.Failed() {
			t.Fatalf("segment %d", n)
		}
	}
}

// What is sought is looked for in the segments, and where the caller says it is near, before
// the many packs that no segment covers are opened.
func TestFindOpensFew(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	b := backend.NewMem()
	var old, loose []Info
	of := map[Name]truth{}
	for i := range 60 {
		have := truth{}
		info := fill(t, b, r, name(i), 20, 1<<30, have)
		of[info.Name] = have
		if i < 10 {
			old = append(old, info)
		} else {
			loose = append(loose, info)
		}
	}
	seg, err := WriteSegment(t.Context(), b, name(1000), open(t, b, old...), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	find := func(what string, p Info, near []Info, most int64) {
		t.Helper()
		c := backend.NewCounter(b)
		set := NewSet(c, loose, []SegmentInfo{seg}, nil)
		set.Near(near)
		for want := range of[p.Name] {
			l, err := set.Find(t.Context(), want.kind, want.key)
			if err != nil || l.Pack != p.Name {
				t.Errorf("%s: %v, %v", what, l.Pack, err)
			}
			break
		}
		if n := c.Counts().Gets; n > most {
			t.Errorf("%s: %d reads, want %d at the most", what, n, most)
		}
	}
	find("in a segment", old[3], nil, 1)
	find("near", loose[7], loose[7:8], 1)
	find("in the newest pack", loose[len(loose)-1], nil, 2)
	find("the pack before the newest", loose[len(loose)-2], nil, 3)
	find("somewhere", loose[0], nil, int64(len(loose))+1)
}
