package pack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/mstore/mstore/internal/backend"
)

// Set finds records among the live packs of a store: first in the packs that
// no segment covers yet, the newest first, then in the segments. It opens what
// it needs when it needs it. It may be used concurrently.
type Set struct {
	// Recover, if not nil, lists all live packs: it is asked when a segment is
	// lost or damaged, which is derived from the packs.
	Recover func(ctx context.Context) ([]Info, error)

	// Filters, by pack, keep packs that no segment covers from being asked in vain. It
	// must be set before the first look.
	Filters map[Name]Filter

	b        backend.Backend
	packs    []Info
	segments []SegmentInfo
	dead     map[Name]bool

	mu      sync.Mutex
	indexes map[Name]*Index
	segs    map[Name]*Segment
	broken  map[Name]error
	near    map[Name]bool
	all     []Info // what Recover said
}

// NewSet makes a set of packs and segments; records in dead packs are not
// there. The slices and the map are kept.
func NewSet(b backend.Backend, packs []Info, segments []SegmentInfo, dead map[Name]bool) *Set {
	return &Set{b: b, packs: packs, segments: segments, dead: dead,
		indexes: map[Name]*Index{}, segs: map[Name]*Segment{}, broken: map[Name]error{}, near: map[Name]bool{}}
}

// Inherit takes over what an older set of the same store has opened.
func (s *Set) Inherit(old *Set) {
	if old == nil || old == s {
		return
	}
	old.mu.Lock() // never both at once: two sets may inherit from each other
	indexes, segs := maps.Clone(old.indexes), maps.Clone(old.segs)
	old.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.packs {
		if x := indexes[p.Name]; x != nil {
			s.indexes[p.Name] = x
		}
	}
	for _, p := range s.segments {
		if x := segs[p.Name]; x != nil {
			s.segs[p.Name] = x
		}
	}
}

// Index opens the index of a pack.
func (s *Set) Index(ctx context.Context, p Info) (*Index, error) {
	s.mu.Lock()
	x, err := s.indexes[p.Name], s.broken[p.Name]
	s.mu.Unlock()
	if x != nil || err != nil {
		return x, err
	}
	x, err = OpenIndex(ctx, s.b, p)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.indexes[p.Name] = x
	case ctx.Err() == nil:
		s.broken[p.Name] = err
	}
	return x, err
}

// Segment opens a segment.
func (s *Set) Segment(ctx context.Context, info SegmentInfo) (*Segment, error) {
	s.mu.Lock()
	x, err := s.segs[info.Name], s.broken[info.Name]
	s.mu.Unlock()
	if x != nil || err != nil {
		return x, err
	}
	x, err = OpenSegment(ctx, s.b, info)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.segs[info.Name] = x
	case ctx.Err() == nil:
		s.broken[info.Name] = err
	}
	return x, err
}

// ErrNotFound: no live pack holds the record.
var ErrNotFound = errors.New("not in the store")

// Find tells where a record lies. When it is in no index that could be read,
// but some could not, the error says so; else it is ErrNotFound.
func (s *Set) Find(ctx context.Context, kind Kind, key Key) (Loc, error) {
	var found Loc
	err := s.FindAll(ctx, kind, key, func(l Loc) bool { found = l; return false })
	return found, err
}

// FindAll calls fn for every place of a record until fn returns false: the
// second copy helps when the first is damaged. When fn has returned false the
// error is nil. The packs that no segment covers may be many, and each has to be
// opened; so those that are open already or near come first, then the segments, then the
// rest, the newest first, several of them at once.
func (s *Set) FindAll(ctx context.Context, kind Kind, key Key, fn func(Loc) bool) error {
	var unread error
	first, rest := s.split(key)
	for _, p := range first {
		done, err := s.inPack(ctx, p, kind, key, fn)
		if done {
			return nil
		}
		if err != nil {
			unread = err
		}
	}
	for _, info := range s.segments {
		done := false
		g, err := s.Segment(ctx, info)
		if err == nil {
			err = g.Find(kind, key, func(l Loc) bool {
				done = !s.dead[l.Pack] && !fn(l)
				return !done
			})
		}
		if done {
			return nil
		}
		if err != nil {
			done, all := s.findWithout(ctx, g, kind, key, fn)
			if done {
				return nil
			}
			if !all {
				unread = err
			}
		}
	}
	for i, opened := 0, 0; i < len(rest); i++ {
		p := rest[i]
		if i == opened {
			opened = min(i+max(i, 1), i+openAtOnce, len(rest))
			s.openAll(ctx, rest[i:opened])
		}
		done, err := s.inPack(ctx, p, kind, key, fn)
		if done {
			return nil
		}
		if err != nil {
			unread = err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if unread != nil {
		return fmt.Errorf("%s %x: %w", kind, key[:5], unread)
	}
	return fmt.Errorf("%s %x: %w", kind, key[:5], ErrNotFound)
}

// openAtOnce is how many packs are opened at once.
const openAtOnce = 16

// Near has FindAll look into these packs before it looks into the segments: what is asked
// for next is likely there.
func (s *Set) Near(packs []Info) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range packs {
		s.near[p.Name] = true
	}
}

// split divides the packs that no segment covers, and that may know a key, into those to
// ask first and the rest, the newest of each first.
func (s *Set) split(key Key) (first, rest []Info) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.packs) - 1; i >= 0; i-- {
		p := s.packs[i]
		switch {
		case s.dead[p.Name] || !s.Filters[p.Name].May(key):
		case s.indexes[p.Name] != nil || s.near[p.Name]:
			first = append(first, p)
		default:
			rest = append(rest, p)
		}
	}
	return first, rest
}

// openAll opens the indexes of packs at once; what cannot be opened is told to who asks
// for it.
func (s *Set) openAll(ctx context.Context, packs []Info) {
	if len(packs) < 2 {
		return
	}
	var wg sync.WaitGroup
	for _, p := range packs {
		wg.Go(func() { _, _ = s.Index(ctx, p) })
	}
	wg.Wait()
}

func (s *Set) inPack(ctx context.Context, p Info, kind Kind, key Key, fn func(Loc) bool) (done bool, err error) {
	x, err := s.Index(ctx, p)
	if err != nil {
		return false, err
	}
	row, ok, err := x.Find(kind, key)
	return ok && !fn(Loc{Pack: p.Name, Row: row}), err
}

// Labelled lists up to most pieces with that label, the newest first, and the
// oldest at the end. It is there to find similar content; what cannot be read is
// passed over.
func (s *Set) Labelled(ctx context.Context, label uint64, most int) []Loc {
	var out []Loc
	add := func(l Loc) bool {
		if !s.dead[l.Pack] {
			out = append(out, l)
		}
		return true
	}
	key := LabelKey(label, Key{})
	for _, rest := s.split(key); len(rest) > 0; {
		n := min(openAtOnce, len(rest))
		s.openAll(ctx, rest[:n])
		rest = rest[n:]
	}
	for i := len(s.packs) - 1; i >= 0; i-- {
		if !s.Filters[s.packs[i].Name].May(key) {
			continue
		}
		if x, err := s.Index(ctx, s.packs[i]); err == nil {
			_ = x.Labelled(label, func(r Row) bool { return add(Loc{Pack: s.packs[i].Name, Row: r}) })
		}
	}
	for i := len(s.segments) - 1; i >= 0; i-- {
		if g, err := s.Segment(ctx, s.segments[i]); err == nil {
			found, _ := g.Labelled(label)
			for _, l := range found {
				add(l)
			}
		}
	}
	if len(out) > most {
		out[most-1] = out[len(out)-1]
		out = out[:most]
	}
	return out
}

// findWithout looks into the packs of a segment that is lost, or whose rows are
// damaged. all tells whether every one of them could be asked.
func (s *Set) findWithout(ctx context.Context, g *Segment, kind Kind, key Key, fn func(Loc) bool) (done, all bool) {
	var packs []Info
	if g != nil {
		packs = g.packs
	} else if s.Recover != nil {
		var err error
		if packs, err = s.recovered(ctx); err != nil {
			return false, false
		}
	} else {
		return false, false
	}
	all = true
	for _, p := range packs {
		if s.dead[p.Name] {
			continue
		}
		x, err := s.Index(ctx, p)
		if err != nil {
			all = false
			continue
		}
		row, ok, err := x.Find(kind, key)
		if err != nil {
			all = false
		} else if ok && !fn(Loc{Pack: p.Name, Row: row}) {
			return true, all
		}
	}
	return false, all
}

// recovered is Recover, asked once.
func (s *Set) recovered(ctx context.Context) ([]Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		all, err := s.Recover(ctx)
		if err != nil {
			return nil, err
		}
		s.all = all
	}
	return s.all, nil
}

// Packs lists all live packs: those that no segment covers, then those of the
// segments.
func (s *Set) Packs(ctx context.Context) ([]Info, error) {
	var out []Info
	for _, p := range s.packs {
		if !s.dead[p.Name] {
			out = append(out, p)
		}
	}
	for _, info := range s.segments {
		g, err := s.Segment(ctx, info)
		if err != nil {
			return nil, err
		}
		for _, p := range g.packs {
			if !s.dead[p.Name] {
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// Opened lists the live packs of which it is known without reading anything: those of
// open segments, then those that no segment covers, the oldest first.
func (s *Set) Opened() []Info {
	var out []Info
	add := func(packs []Info) {
		for _, p := range packs {
			if !s.dead[p.Name] {
				out = append(out, p)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, info := range s.segments {
		if g := s.segs[info.Name]; g != nil {
			add(g.packs)
		}
	}
	add(s.packs)
	return out
}
