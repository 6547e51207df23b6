package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/objects/parity"
)

// shallow tells whether no content is read on the way through the trees.
func (f *fsck) shallow() bool { return f.o.Quick || f.o.partial() }

// scrubFile remembers when what was checked.
const scrubFile = workDir + "/scrub"

// scrub is what the workspace remembers of checks.
type scrub struct {
	Full     time.Time `json:"full,omitzero"`      // the last whole check
	Sampled  time.Time `json:"sampled,omitzero"`   // the last partial one
	SampleAt string    `json:"sample_at,omitzero"` // the pack at which it ended
	OK       bool      `json:"ok"`                 // of the last whole one, or a partial one since
	Problems int       `json:"problems"`
}

func (s *Store) lastScrub() (c scrub, ok bool) {
	b, err := vfs.ReadFile(s.root, scrubFile, 1<<12)
	return c, err == nil && json.Unmarshal(b, &c) == nil
}

// noteScrub remembers a check. A failure only means that the next sample begins
// where this one did.
func (s *Store) noteScrub(f *fsck) {
	if f.o.Quick {
		return
	}
	c, _ := s.lastScrub()
	if !f.o.partial() || !f.rep.OK || c.Full.IsZero() { // a part that is intact does not clear the whole
		c.OK, c.Problems = f.rep.OK, len(f.rep.Problems)
	}
	if f.o.partial() {
		c.Sampled = s.o.Clock().UTC()
		if f.sampled != (pack.Name{}) {
			c.SampleAt = f.sampled.String()
		}
	} else {
		c.Full = s.o.Clock().UTC()
	}
	if b, err := json.Marshal(c); err == nil {
		_ = s.writeWork(scrubFile, append(b, '\n'), false)
	}
}

// pick chooses the packs whose content a partial check reads.
func (f *fsck) pick(ctx context.Context) error {
	if !f.o.partial() {
		return nil
	}
	f.picked = map[pack.Name]bool{}
	if !f.o.Since.IsZero() {
		for e, err := range f.sn.h.Entries(ctx, 0) {
			if err != nil {
				break // told by the walk over the journal
			}
			for _, op := range e.Ops {
				if op.Kind == journal.OpAddPacks && !e.Time.Before(f.o.Since) {
					for _, p := range op.Packs {
						f.picked[p.Name] = true
					}
				}
			}
		}
	}
	if f.o.Sample == 0 {
		return ctx.Err()
	}
	var packs []pack.Info
	var total int64
	for _, p := range f.layouts {
		packs = append(packs, p.info)
		total += p.info.Size
	}
	slices.SortFunc(packs, func(a, b pack.Info) int { return bytes.Compare(a.Name[:], b.Name[:]) })
	last, _ := f.s.lastScrub()
	from := slices.IndexFunc(packs, func(p pack.Info) bool { return p.Name.String() > last.SampleAt })
	var size int64
	for i := range packs {
		p := packs[(max(from, 0)+i)%len(packs)]
		if i > 0 && float64(size) >= f.o.Sample*float64(total) {
			break
		}
		size += p.Size
		f.picked[p.Name], f.sampled = true, p.Name
	}
	return nil
}

// condemned checks the packs that can still be taken back: that they are as they
// were written.
func (f *fsck) condemned(ctx context.Context) error {
	if len(f.sn.st.Condemned) == 0 {
		return nil
	}
	named, err := f.sn.h.LivePacks(ctx)
	if err != nil {
		return ctx.Err() // told by the walk over the journal
	}
	for _, p := range f.sn.st.SortedCondemned() {
		// What a dead writer left holds nothing that could be taken back.
		if f.without[p.Name] || !slices.Contains(named, p.Info) {
			continue
		}
		rows, err := f.layout(ctx, f.sn.r.Set(), p.Info)
		for _, row := range rows {
			if err != nil || f.shallow() {
				break
			}
			f.rep.Objects++
			if row.Kind != pack.KindLabel {
				_, _, err = pack.Read(ctx, f.s.b, pack.Loc{Pack: p.Name, Row: row})
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, backend.ErrNotFound) {
			now, lerr := f.s.j.Load(ctx)
			if lerr != nil {
				return lerr
			}
			if _, still := now.Condemned[p.Name]; !still { // removed meanwhile
				continue
			}
		}
		if err != nil {
			f.damaged[p.Name] = true
			f.problem(Problem{Kind: kindOfDamage(err), Object: p.Name.String(), Detail: err.Error() + " (it is condemned: no version needs it)"})
		}
	}
	return nil
}

// parity checks the parity files themselves.
func (f *fsck) parity(ctx context.Context) error {
	bad := func(key string, err error) {
		f.problem(Problem{Kind: "corrupt", Object: key, Detail: fmt.Sprintf("%v (parity: nothing is lost)", err)})
	}
	groups, err := f.s.parityFiles(ctx, bad)
	if err != nil {
		return err
	}
	for _, g := range groups {
		f.rep.Objects++
		if f.o.Quick {
			continue
		}
		err := g.Verify(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !errors.Is(err, backend.ErrNotFound) {
			idle, ierr := f.protectsNothing(ctx, g)
			if ierr != nil {
				return ierr
			}
			if !idle { // else it is about to be removed, or a power cut has brought it back
				bad(g.Name().Key(), err)
			}
		}
	}
	return nil
}

// protectsNothing tells whether all files that a parity file is for have gone.
func (f *fsck) protectsNothing(ctx context.Context, g *parity.Group) (bool, error) {
	for _, x := range g.Files() {
		if _, err := f.s.b.Stat(ctx, x.Key); !errors.Is(err, backend.ErrNotFound) {
			return false, ctx.Err()
		}
	}
	return true, ctx.Err()
}

// packOf tells which pack a problem's object is, if it is one.
func packOf(object string) (pack.Name, bool) {
	if name, ok := pack.ParseKey(object); ok {
		return name, true
	}
	return pack.ParseKey(pack.Prefix + strings.ToLower(object) + ".pack")
}
