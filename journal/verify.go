package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// Finding is damage in the journal's files.
type Finding struct {
	Key string // of the file
	Err error
}

// Verify reads every file of the journal that this generation or the one
// before needs: checksums, the chain of hashes over all entries, the archive's
// directories and IDs, and that digests say what the entries say. It reports
// what is wrong and returns an error only when it could not look.
func (j *Journal) Verify(ctx context.Context, s *State, report func(Finding)) (files int, err error) {
	l, err := j.list(ctx)
	if err != nil {
		return 0, err
	}
	v := &verifier{j: j, s: s, report: report, archives: map[string]bool{}}
	intact := 0
	floor := uint64(0) // entries up to it were deleted; what is there is debris
	for i, g := range l.checkpoints {
		if intact == 2 {
			break // what a killed fold left; the next removes it
		}
		c, err := j.checkpoint(ctx, g)
		if err := v.note(ctx, checkpointKey(g), err); err != nil {
			return v.files, err
		}
		if c == nil {
			continue
		}
		intact++
		if i == 1 {
			floor = c.watermark
		}
		for _, a := range c.archive {
			if err := v.archive(ctx, a); err != nil {
				return v.files, err
			}
		}
	}
	for _, key := range l.keys {
		if key <= floor {
			continue
		}
		if key > s.Number {
			break
		}
		f, err := j.read(ctx, key)
		if err := v.note(ctx, entryKey(key), err); err != nil {
			return v.files, err
		}
		if f != nil {
			v.digests(f)
		}
	}
	return v.files, v.chain(ctx)
}

// FallbackSegments returns the index segments of the generation before the
// newest: with it readers go on when the newest checkpoint is damaged.
func (j *Journal) FallbackSegments(ctx context.Context) ([]pack.SegmentInfo, error) {
	l, err := j.list(ctx)
	if err != nil {
		return nil, err
	}
	intact := 0
	for _, g := range l.checkpoints {
		c, err := j.checkpoint(ctx, g)
		if err == nil {
			intact++
		}
		if intact == 2 {
			return c.Segments, nil
		}
	}
	return nil, ctx.Err()
}

type verifier struct {
	j        *Journal
	s        *State
	report   func(Finding)
	files    int
	archives map[string]bool // looked at
	ops      map[uint64][]byte
}

// note reports err as damage of a file; what is not damage is returned. A file
// that vanished was folded away meanwhile.
func (v *verifier) note(ctx context.Context, key string, err error) error {
	v.files++
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, backend.ErrNotFound):
		now, lerr := v.j.Load(ctx)
		if lerr == nil && now.generation > v.s.generation {
			return nil
		}
	}
	v.report(Finding{Key: key, Err: err})
	return nil
}

// digests remembers what entries say they did, and compares it with what
// later ones repeat.
func (v *verifier) digests(f *file) {
	if v.ops == nil {
		v.ops = map[uint64][]byte{}
	}
	for i, d := range f.all() {
		said := append(digestBytes(d), flag(d.Batched))
		if want, ok := v.ops[d.Number]; ok && !bytes.Equal(want, said) {
			v.report(Finding{Key: entryKey(f.first()), Err: fmt.Errorf("what it repeats of entry %d differs: %w", d.Number, ErrCorrupt)})
		}
		if i >= len(f.digests) {
			v.ops[d.Number] = said
		}
	}
}

func digestBytes(d Digest) []byte {
	var w wire.Encoder
	d.encode(&w)
	return w.B
}

// archive verifies one archive segment, whole.
func (v *verifier) archive(ctx context.Context, info archiveInfo) error {
	if v.archives[info.key()] {
		return nil
	}
	v.archives[info.key()] = true
	return v.note(ctx, info.key(), v.j.verifyArchive(ctx, info))
}

func (j *Journal) verifyArchive(ctx context.Context, info archiveInfo) error {
	st, err := j.b.Stat(ctx, info.key())
	if err != nil {
		return err
	}
	if st.Size != info.size() {
		return fmt.Errorf("has %d bytes, want %d: %w", st.Size, info.size(), ErrCorrupt)
	}
	head := make([]byte, archiveHeaderSize)
	if err := backend.ReadFull(ctx, j.b, info.key(), head, 0); err != nil {
		return err
	}
	if want := append([]byte(archiveMagic), Format, 0, 0, 0); !bytes.Equal(head, want) {
		return fmt.Errorf("header: %w", ErrCorrupt)
	}
	foot := make([]byte, archiveFooterSize)
	if err := backend.ReadFull(ctx, j.b, info.key(), foot, info.size()-archiveFooterSize); err != nil {
		return err
	}
	if !bytes.Equal(foot, info.encode()) {
		return fmt.Errorf("footer: %w", ErrCorrupt)
	}
	a := openArchive(ctx, j.b, info)
	blocks, err := a.directory(ctx)
	if err != nil {
		return err
	}
	entries := map[objects.VersionID]uint64{}
	for i := range blocks {
		cores, err := a.cores(ctx, &blocks[i])
		if err != nil {
			return err
		}
		said := block{}
		for k, core := range cores {
			e, err := decodeCore(core)
			if err != nil {
				return fmt.Errorf("entry %d: %w", blocks[i].First+uint64(k), err)
			}
			said.summarize(e.digest())
			if op := e.Commit(); op != nil {
				entries[op.Target.ID] = e.Number
			}
		}
		if !slices.Equal(said.Lines, blocks[i].Lines) || !slices.Equal(said.Moves, blocks[i].Moves) || !slices.EqualFunc(said.Joints, blocks[i].Joints, joint.equal) {
			return fmt.Errorf("directory of the block at entry %d: %w", blocks[i].First, ErrCorrupt)
		}
	}
	rows := 0
	for b, err := range a.idRows() {
		if err != nil {
			return fmt.Errorf("IDs: %w: %w", ErrCorrupt, err)
		}
		rows++
		if r := parseIDRow(b); entries[r.ID] == 0 {
			return fmt.Errorf("IDs name version %s, which is not there: %w", r.ID, ErrCorrupt)
		}
	}
	if rows < len(entries) {
		return fmt.Errorf("IDs name %d of %d versions: %w", rows, len(entries), ErrCorrupt)
	}
	return nil
}

// chain recomputes the hash of every entry and compares it with what the next
// one says.
func (v *verifier) chain(ctx context.Context) error {
	h := v.j.History(v.s)
	newest := map[uint64]Target{} // by line
	var prev Hash
	known := true // prev is the hash of the entry before
	for n := uint64(1); n <= v.s.Number; n++ {
		e, core, err := h.next(ctx, n)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if known { // the file itself is reported already; say which entry
				v.report(Finding{Key: v.s.keyOf(n), Err: err})
			}
			known = false
			for n < v.s.Number && n >= v.s.watermark && v.s.tail[n-v.s.watermark].Batched { // in one file with it
				n++
			}
			continue
		}
		if known && e.Prev != prev {
			v.report(Finding{Key: v.s.keyOf(n), Err: fmt.Errorf("entry %d does not follow the one before: %w", n, ErrCorrupt)})
		}
		_, _, err = e.Version()
		if err == nil {
			err = parents(ctx, h, e, newest)
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			v.report(Finding{Key: v.s.keyOf(n), Err: err})
		}
		prev, known = objects.EntryHash(core), true
	}
	if known && prev != v.s.Hash {
		v.report(Finding{Key: v.s.keyOf(v.s.Number), Err: fmt.Errorf("hash of the newest entry: %w", ErrCorrupt)})
	}
	return nil
}

// parents demands that the parents of an entry's version are where it says. newest
// are the newest versions of the lines before it.
func parents(ctx context.Context, h *History, e *Entry, newest map[uint64]Target) error {
	op := e.Commit()
	if op == nil {
		return nil
	}
	for i, p := range op.Parents() {
		if newest[p.Line] == p {
			continue
		}
		if i == 0 && p.Line == op.Target.Line {
			return fmt.Errorf("entry %d does not follow the version before it on its line: %w", e.Number, ErrCorrupt)
		}
		at, err := h.Entry(ctx, p.Entry)
		if err != nil {
			return fmt.Errorf("parent of the version of entry %d: %w", e.Number, err)
		}
		if c := at.Commit(); c == nil || c.Target != p {
			return fmt.Errorf("entry %d does not hold the parent that entry %d names: %w", p.Entry, e.Number, ErrCorrupt)
		}
	}
	newest[op.Target.Line] = op.Target
	return nil
}
