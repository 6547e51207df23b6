package exchange

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

const (
	// manyQuestions: after so many the indexes are read whole instead.
	manyQuestions = 64
	// keepHeads and keepRows bound what is kept of indexes in memory: 8 bytes, and 64.
	keepHeads = 8 << 20
	keepRows  = 1 << 20
)

// listed answers whether the destination has records.
type listed struct {
	r     *objects.Reader
	empty bool
	asked int
	heads []uint64 // how the keys of all that it has begin, sorted; nil: not read
	whole bool     // heads has been tried
	rows  int64    // that segments have
}

func newListed(p *Peer) *listed {
	l := &listed{r: p.Reader, empty: len(p.State.Packs) == 0 && len(p.State.Segments) == 0}
	for _, s := range p.State.Segments {
		l.rows += s.Rows
	}
	return l
}

func head(key pack.Key) uint64 { return binary.BigEndian.Uint64(key[:]) }

func (l *listed) has(ctx context.Context, kind pack.Kind, key pack.Key) (bool, error) {
	if l.empty {
		return false, nil
	}
	if l.asked++; l.asked > manyQuestions && !l.whole {
		l.readAll(ctx)
	}
	if l.heads != nil {
		if _, ok := slices.BinarySearch(l.heads, head(key)); !ok {
			return false, nil
		}
	}
	_, ok, err := l.r.Has(ctx, kind, key)
	return ok, err
}

// readAll reads the beginnings of all keys; where that fails or they are too many,
// each question is asked by itself.
func (l *listed) readAll(ctx context.Context) {
	l.whole = true
	if l.rows > keepHeads {
		return
	}
	heads := make([]uint64, 0, l.rows)
	for loc, err := range l.r.Set().Locs(ctx) {
		if err != nil || len(heads) == keepHeads {
			return
		}
		if loc.Kind != pack.KindLabel {
			heads = append(heads, head(loc.Key))
		}
	}
	l.heads = heads // they come sorted by key
}

// places tells where records of the source lie.
type places struct {
	r     *objects.Reader
	asked int
	whole bool
	rows  int64
	locs  []pack.Loc          // by key and kind; nil: not read
	bad   map[spot]bool       // copies that could not be read
	order map[pack.Name]int32 // of packs, by age
}

// spot is where a copy of a record lies.
type spot struct {
	pack pack.Name
	off  uint32
}

func newPlaces(p *Peer, bad map[spot]bool) *places {
	s := &places{r: p.Reader, bad: bad}
	for _, g := range p.State.Segments {
		s.rows += g.Rows
	}
	return s
}

// find looks a record up. ok is false where there is none.
func (s *places) find(ctx context.Context, kind pack.Kind, key pack.Key) (loc pack.Loc, ok bool, err error) {
	if s.asked++; s.asked > manyQuestions && !s.whole {
		s.readAll(ctx)
	}
	if s.locs != nil {
		i, _ := slices.BinarySearchFunc(s.locs, key, func(l pack.Loc, k pack.Key) int { return bytes.Compare(l.Key[:], k[:]) })
		for ; i < len(s.locs) && s.locs[i].Key == key; i++ {
			if l := s.locs[i]; l.Kind == kind && !s.bad[spot{l.Pack, l.Off}] {
				return l, true, nil
			}
		}
		return loc, false, nil
	}
	err = s.r.Set().FindAll(ctx, kind, key, func(l pack.Loc) bool {
		if s.bad[spot{l.Pack, l.Off}] {
			return true
		}
		loc, ok = l, true
		return false
	})
	if errors.Is(err, pack.ErrNotFound) {
		err = nil
	}
	return loc, ok, err
}

func (s *places) readAll(ctx context.Context) {
	s.whole = true
	if s.rows > keepRows {
		return
	}
	var locs []pack.Loc
	for l, err := range s.r.Set().Locs(ctx) {
		if err != nil || len(locs) == keepRows {
			return
		}
		if l.Kind != pack.KindLabel {
			locs = append(locs, l)
		}
	}
	s.locs = locs
}

// age orders packs as the journal names them: what a difference needs lies in a pack
// before, nearly always.
func (s *places) age(ctx context.Context, st *journal.State) error {
	if s.order != nil {
		return nil
	}
	s.order = map[pack.Name]int32{}
	all, err := s.r.Set().Packs(ctx)
	if err != nil {
		all = st.Packs // bases are looked for in any case
	}
	fresh := 0 // packs that no segment covers come first, and are the newest
	for fresh < len(all) && slices.Contains(st.Packs, all[fresh]) {
		fresh++
	}
	for _, p := range slices.Concat(all[fresh:], all[:fresh]) {
		s.order[p.Name] = int32(len(s.order))
	}
	return ctx.Err()
}

// sort puts records into the order in which they were written.
func (s *places) sort(recs []record) {
	slices.SortFunc(recs, func(a, b record) int {
		return cmp.Or(cmp.Compare(s.order[a.loc.Pack], s.order[b.loc.Pack]), bytes.Compare(a.loc.Pack[:], b.loc.Pack[:]), cmp.Compare(a.loc.Off, b.loc.Off))
	})
}
