package mirror

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/objects/parity"
)

// surplus lists what the source has deleted, in the order in which it can go: what a
// reader of an earlier state may want last. A file is surplus if it was at the target
// before the source was listed, is not at the source, and neither the source's newest
// state nor the checkpoints that are given, the target's newest two, name it.
func (c *copying) surplus(checkpoints []*journal.State) (keys []string) {
	used := map[string]bool{}
	floor, oldest := uint64(0), uint64(0) // entries up to it, and generations below
	if len(checkpoints) == 2 {
		floor, oldest = checkpoints[1].Watermark(), checkpoints[1].Generation()
	}
	for _, s := range slices.Concat(checkpoints, c.src.Checkpoints, []*journal.State{c.src.State}) {
		for _, g := range s.Segments {
			used[g.Key()] = true
		}
		for _, a := range s.Archives() {
			used[a.Key] = true
		}
	}
	var entries, archives, segments, generations, packs, parities []string
	for key := range c.dst.Files {
		if _, ok := c.src.Files[key]; ok || used[key] {
			continue
		}
		if n, ok := journal.ParseEntryKey(key); ok && n <= floor {
			entries = append(entries, key)
		}
		if g, ok := journal.ParseCheckpointKey(key); ok && g < oldest {
			generations = append(generations, key)
		}
		if journal.IsArchiveKey(key) {
			archives = append(archives, key)
		}
	}
	for key := range c.had {
		if _, ok := c.has[key]; ok || used[key] {
			continue
		}
		name, isPack := pack.ParseKey(key)
		_, isSegment := pack.ParseSegmentKey(key)
		switch {
		case isSegment:
			segments = append(segments, key)
		case isPack && !c.named[name]:
			packs = append(packs, key)
		case strings.HasPrefix(key, parity.Prefix):
			parities = append(parities, key)
		}
	}
	for _, list := range [][]string{entries, archives, segments, generations, packs, parities} {
		slices.Sort(list)
		keys = append(keys, list...)
	}
	return keys
}

// clean deletes from the target what the source has deleted. now is what is there.
func (c *copying) clean(ctx context.Context, now *journal.Survey) error {
	for _, key := range c.surplus(now.Checkpoints) {
		err := c.to.Delete(ctx, key)
		if errors.Is(err, backend.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		c.res.Deleted++
	}
	return nil
}
