package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// FoldDue tells whether enough entries follow the checkpoint.
func (s *State) FoldDue() bool { return s.Number-s.watermark >= FoldEvery }

// archiveFan is how much larger each level of archive segments is than the one
// below, of FoldEvery entries; so a million entries are in three or four
// segments, and an entry is rewritten some eight times a level.
const archiveFan = 16

// segmentFan: a pack index segment takes part in a merge while it has less
// than so many times the rows that come to it.
const segmentFan = 4

// Segments are not merged beyond these, so that what is read when one is opened, and what
// one fold writes, stays bounded: then there are more of them.
var (
	maxSegmentRows  int64  = 1 << 27 // some 7 GB
	maxSegmentPacks        = 1 << 21 // a table of 50 MB
	maxArchiveSpan  uint64 = 1 << 22 // a directory of some 1 MB
)

// Fold moves the entries of s into the archive, their packs into an index
// segment, and publishes a checkpoint with the watermark at the newest entry.
// Then it deletes what the checkpoint before had superseded, so that readers
// of the last generation find everything still. set must be the packs of s.
// When another has folded meanwhile the error is ErrLost and nothing is
// changed. No writer waits for it. ErrMirror: a mirror is folded by what it mirrors.
func (j *Journal) Fold(ctx context.Context, s *State, set *pack.Set) (*State, error) {
	if s.Mirror {
		return nil, ErrMirror
	}
	if s.Number == s.watermark {
		return s, nil
	}
	next := s.clone()
	next.generation++
	next.base = next.generation
	next.watermark = s.Number
	next.tail, next.newest = nil, nil
	next.Filters = map[pack.Name]pack.Filter{}

	var made []string // keys to delete when the race is lost
	drop := func() {
		for _, k := range made {
			_ = j.b.Delete(context.WithoutCancel(ctx), k)
		}
	}
	a, err := j.foldEntries(ctx, s, next)
	if err != nil {
		return nil, err
	}
	made = append(made, a.key())
	g, err := j.foldPacks(ctx, s, next, set)
	if err != nil {
		drop()
		return nil, err
	}
	if g != nil {
		made = append(made, g.Key())
	}
	err = j.b.Put(ctx, checkpointKey(next.generation), next.encodeCheckpoint())
	if errors.Is(err, backend.ErrExists) {
		now, rerr := j.checkpoint(ctx, next.generation)
		switch {
		case rerr != nil: // perhaps ours, and superseded already: leave the files to gc
			return nil, ErrLost
		case len(now.archive) == 0 || now.archive[len(now.archive)-1].Name != a.Name:
			drop()
			return nil, ErrLost
		}
		err = nil // a repeated request met its own success
	}
	if err != nil {
		if !errors.Is(err, backend.ErrUnknown) {
			drop()
		}
		return nil, fmt.Errorf("publishing checkpoint %d: %w", next.generation, err)
	}
	j.clean(ctx, s, next)
	return next, nil
}

// foldEntries writes the archive segment that takes up the tail, merged with
// older segments where a level is full.
func (j *Journal) foldEntries(ctx context.Context, s, next *State) (archiveInfo, error) {
	h := j.History(s)
	var entries []*Entry
	var cores [][]byte
	prev := Hash{}
	for n := s.watermark + 1; n <= s.Number; n++ {
		e, core, err := h.next(ctx, n)
		if err != nil {
			return archiveInfo{}, err
		}
		if n > s.watermark+1 && e.Prev != prev {
			return archiveInfo{}, fmt.Errorf("journal entry %d does not follow entry %d: %w", n, n-1, ErrCorrupt)
		}
		prev = objects.EntryHash(core)
		entries, cores = append(entries, e), append(cores, core)
	}
	if prev != s.Hash {
		return archiveInfo{}, fmt.Errorf("journal entry %d: %w: hash differs", s.Number, ErrCorrupt)
	}
	keep := len(s.archive)
	total := uint64(len(entries))
	for level := uint64(FoldEvery * archiveFan); keep > 0; level *= archiveFan {
		if total+s.archive[keep-1].entries() > maxArchiveSpan {
			break
		}
		if last := s.archive[keep-1]; last.entries() < level {
			keep--
			total += last.entries()
		}
		if total < level {
			break
		}
	}
	archives, _ := h.open(ctx)
	old := archives[keep:]
	var name [8]byte
	if err := j.random(name[:]); err != nil {
		return archiveInfo{}, err
	}
	info, err := writeArchive(ctx, j.b, name, old, entries, cores)
	if err != nil {
		return info, err
	}
	next.archive = append(slices.Clone(s.archive[:keep]), info)
	return info, nil
}

// foldPacks writes an index segment for the packs that none covers, merged
// with small ones, and without the rows of removed packs.
func (j *Journal) foldPacks(ctx context.Context, s, next *State, set *pack.Set) (*pack.SegmentInfo, error) {
	var packs []*pack.Index
	var rows int64
	var uncovered []pack.Info
	for _, p := range s.Packs {
		x, err := set.Index(ctx, p)
		if err != nil { // its content is lost, the others' is not: leave it to fsck
			uncovered = append(uncovered, p)
			continue
		}
		packs = append(packs, x)
		rows += int64(x.Len())
	}
	var keep []pack.SegmentInfo
	var merge []*pack.Segment
	dead, count := s.Dead, len(packs)
	lost := false // a segment, which is built anew
	for i := len(s.Segments) - 1; i >= 0; i-- {
		info := s.Segments[i]
		g, err := set.Segment(ctx, info)
		if errors.Is(err, pack.ErrCorrupt) || errors.Is(err, backend.ErrNotFound) {
			lost = true
			continue
		}
		if err != nil {
			return nil, err
		}
		hasDead := len(dead) > 0 && slices.ContainsFunc(g.PackInfos(), func(p pack.Info) bool { return dead[p.Name] })
		large := rows+info.Rows > maxSegmentRows || count+info.Packs > maxSegmentPacks
		switch {
		case hasDead && (!large || len(merge) == 0), // of large ones, one in each fold
			!large && len(packs) > 0 && info.Rows < segmentFan*rows:
			merge = append(merge, g)
			rows += info.Rows
			count += info.Packs
		default:
			keep = append(keep, info)
		}
	}
	slices.Reverse(keep)
	slices.Reverse(merge) // packs are numbered by age
	if lost {
		more, err := j.uncovered(ctx, s, set, keep, merge, packs)
		if err != nil {
			return nil, err
		}
		packs = append(packs, more...)
	}
	if len(packs)+len(merge) == 0 {
		return nil, nil
	}
	var name pack.Name
	if err := j.random(name[:]); err != nil {
		return nil, err
	}
	info, err := pack.WriteSegment(ctx, j.b, name, packs, merge, dead)
	if err != nil {
		return nil, err
	}
	next.Packs = uncovered
	next.Segments = append(keep, info)
	next.Dead = map[pack.Name]bool{}
	for _, k := range keep {
		g, err := set.Segment(ctx, k)
		if err != nil { // not read: keep believing what is said of it
			next.Dead = dead
			break
		}
		for _, p := range g.PackInfos() {
			if dead[p.Name] {
				next.Dead[p.Name] = true
			}
		}
	}
	return &info, nil
}

// uncovered opens the live packs that neither the segments nor the packs given
// hold.
func (j *Journal) uncovered(ctx context.Context, s *State, set *pack.Set, keep []pack.SegmentInfo, merge []*pack.Segment, packs []*pack.Index) ([]*pack.Index, error) {
	all, err := j.History(s).LivePacks(ctx)
	if err != nil {
		return nil, err
	}
	covered := map[pack.Name]bool{}
	for _, info := range keep {
		g, err := set.Segment(ctx, info)
		if err != nil {
			return nil, err
		}
		merge = append(merge, g)
	}
	for _, g := range merge {
		for _, p := range g.PackInfos() {
			covered[p.Name] = true
		}
	}
	for _, x := range packs {
		covered[x.Name] = true
	}
	for _, p := range s.Packs { // some could not be opened
		covered[p.Name] = true
	}
	var out []*pack.Index
	for _, p := range all {
		if covered[p.Name] {
			continue
		}
		x, err := set.Index(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("building a lost pack index segment anew: %w", err)
		}
		out = append(out, x)
	}
	return out, nil
}

// clean deletes what nobody of this generation or the one before needs, and
// what folds that were killed left of older ones. Failures do no harm: the next
// fold finds it again.
func (j *Journal) clean(ctx context.Context, s, next *State) {
	l, err := j.list(ctx)
	if err != nil {
		return
	}
	// No file holds entries on both sides of a watermark.
	old := l.keys[:sort.Search(len(l.keys), func(i int) bool { return l.keys[i] > s.watermark })]
	each(len(old), func(i int) { _ = j.b.Delete(ctx, entryKey(old[i])) })
	used := map[string]bool{}
	for _, st := range []*State{s, next} {
		for _, a := range st.archive {
			used[a.key()] = true
		}
		for _, g := range st.Segments {
			used[g.Key()] = true
		}
	}
	for _, generation := range l.checkpoints {
		if generation < s.base {
			j.cleanGeneration(ctx, generation, used)
		}
	}
}

// cleanGeneration deletes a checkpoint and what only it needs.
func (j *Journal) cleanGeneration(ctx context.Context, generation uint64, used map[string]bool) {
	old, err := j.checkpoint(ctx, generation)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return
	}
	if err == nil {
		for _, a := range old.archive {
			if !used[a.key()] {
				_ = j.b.Delete(ctx, a.key())
			}
		}
		for _, g := range old.Segments {
			if !used[g.Key()] {
				_ = j.b.Delete(ctx, g.Key())
			}
		}
	}
	_ = j.b.Delete(ctx, checkpointKey(generation))
}
