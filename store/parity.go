package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/objects/parity"
)

// parityPercent is the setting store.parity; 0 for none.
func parityPercent(st *journal.State) float64 {
	switch v := st.Config["store.parity"]; v {
	case "":
		return parity.DefaultPercent
	case "off":
		return 0
	default:
		p, err := strconv.ParseFloat(strings.TrimSuffix(v, "%"), 64)
		if err != nil {
			return parity.DefaultPercent
		}
		return p
	}
}

// parityName is the name of the parity file of one large file: a pack's own, else
// one that follows from the key.
func parityName(key string) parity.Name {
	if n, ok := pack.ParseKey(key); ok {
		return parity.Name(n)
	}
	h := sha256.Sum256([]byte(key))
	return parity.Name(h[:16])
}

// protectPacks writes the parity of large packs that were just published. It is an
// addition to what makes a version safe: a failure is only told.
func (s *Store) protectPacks(ctx context.Context, st *journal.State, packs []pack.Info) {
	percent := parityPercent(st)
	for _, p := range packs {
		if percent == 0 || p.Size <= parity.Large {
			continue
		}
		key := p.Name.Key()
		_, err := parity.Write(ctx, s.b, parityName(key), []parity.File{{Key: key, Size: p.Size}}, percent)
		if err != nil && !errors.Is(err, backend.ErrExists) && ctx.Err() == nil {
			s.o.Warn(fmt.Sprintf("pack %s has no parity yet (mstore gc makes it): %v", p.Name, err))
		}
	}
}

// protection is what parity there is, and what should be.
type protection struct {
	s       *Store
	percent float64
	files   map[string]int64 // of the store, by key
	large   []string         // keys of files that have parity of their own
	packs   []string         // small packs
	small   []string         // other small files

	groups  []*parityGroup
	stale   []string        // keys of parity files that are not needed any more
	named   map[string]bool // keys that the journal names; nil: that cannot be told
	damaged map[string]bool // files that are not what parity says: it stays, to repair them
}

// parityGroup is a parity file of several small files.
type parityGroup struct {
	*parity.Group
	key   string
	files []parity.FileInfo
	packs bool // of packs, else of other files
	whole bool // all files are there
	needs bool // a file is lost, or not as long as it was
}

// protect writes parity for every file of the store that has none, and removes
// parity of files that are gone. Small packs share parity files, as many as have come
// together between two calls, and so do all other small files; tidy makes one of
// many.
func (s *Store) protect(ctx context.Context, st *journal.State, tidy bool) error {
	p := &protection{s: s, percent: parityPercent(st)}
	live, err := s.named(ctx, st)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil { // else any file may be one that the store needs
		p.named = map[string]bool{formatKey: true}
		for _, x := range live {
			p.named[x.Name.Key()] = true
		}
		for _, key := range st.Files() {
			p.named[key] = true
		}
	}
	if err := p.look(ctx); err != nil {
		return err
	}
	if p.percent > 0 {
		if err := p.cover(ctx, tidy); err != nil {
			return err
		}
	}
	for _, key := range p.stale {
		if err := s.b.Delete(ctx, key); err != nil && !errors.Is(err, backend.ErrNotFound) {
			return err
		}
	}
	return nil
}

// named lists the packs that the journal names. The index segments say it without reading
// all entries.
func (s *Store) named(ctx context.Context, st *journal.State) ([]pack.Info, error) {
	live, err := s.packSet(st).Packs(ctx)
	if err != nil {
		return s.j.History(st).LivePacks(ctx)
	}
	for _, p := range st.Condemned {
		live = append(live, p.Info)
	}
	return live, nil
}

// look lists files and parity.
func (p *protection) look(ctx context.Context) error {
	have, err := p.s.b.List(ctx, parity.Prefix, "", 0)
	if err != nil {
		return err
	}
	p.files, p.damaged = map[string]int64{}, map[string]bool{}
	for _, prefix := range []string{pack.Prefix, "journal/", formatKey} {
		infos, err := p.s.b.List(ctx, prefix, "", 0)
		if err != nil {
			return err
		}
		for _, i := range infos {
			p.files[i.Key] = i.Size
			_, isPack := pack.ParseKey(i.Key)
			switch {
			case i.Size > parity.Large:
				p.large = append(p.large, i.Key)
			case isPack:
				p.packs = append(p.packs, i.Key)
			default:
				p.small = append(p.small, i.Key)
			}
		}
	}
	own := map[string]bool{}
	for _, key := range p.large {
		own[parityName(key).Key()] = true
	}
	for _, i := range have {
		name, ok := parity.ParseKey(i.Key)
		if !ok || own[i.Key] {
			delete(own, i.Key)
			continue
		}
		g, err := parity.Open(ctx, p.s.b, name)
		if errors.Is(err, parity.ErrCorrupt) { // left for fsck to tell
			continue
		}
		if errors.Is(err, backend.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		p.add(i.Key, g)
	}
	p.large = slices.DeleteFunc(p.large, func(key string) bool { return !own[parityName(key).Key()] })
	return nil
}

func (p *protection) add(key string, group *parity.Group) {
	g := &parityGroup{Group: group, key: key, files: group.Files(), packs: true}
	there := 0
	for _, f := range g.files {
		_, isPack := pack.ParseKey(f.Key)
		g.packs = g.packs && isPack
		switch size, ok := p.files[f.Key]; {
		case ok && size == f.Size:
			there++
		case ok:
			p.damaged[f.Key] = true
			g.needs = true
		case p.named == nil || p.named[f.Key]:
			g.needs = true
		}
	}
	g.whole = there == len(g.files)
	if there == 0 && !g.needs {
		p.stale = append(p.stale, key)
		return
	}
	p.groups = append(p.groups, g)
}

// give makes groups stale whose files another group is to have. One that can repair
// a file stays: nobody else knows what that should be.
func (p *protection) give(ctx context.Context, old []*parityGroup) error {
	for _, g := range old {
		d, err := g.Damage(ctx)
		if err != nil {
			return err
		}
		for _, x := range d.Files {
			if !x.Missing {
				p.damaged[x.Key] = true
				g.needs = true
			}
		}
		if !g.needs {
			p.stale = append(p.stale, g.key)
		}
	}
	return nil
}

// tidyGroups is from how many groups of small packs on they are made one.
const tidyGroups = 4

// cover writes what is missing.
func (p *protection) cover(ctx context.Context, tidy bool) error {
	for _, key := range p.large {
		if _, err := parity.Write(ctx, p.s.b, parityName(key), []parity.File{{Key: key, Size: p.files[key]}}, p.percent); err != nil &&
			!errors.Is(err, backend.ErrExists) && !errors.Is(err, backend.ErrNotFound) {
			return err
		}
	}
	packGroups := 0
	for _, g := range p.groups {
		if g.packs {
			packGroups++
		}
	}
	if err := p.coverSmall(ctx, p.packs, true, tidy && packGroups > tidyGroups); err != nil {
		return err
	}
	return p.coverSmall(ctx, p.small, false, true)
}

// coverSmall makes a group of the files that no whole group has; of all of them, if
// some have none and one is to be made of many.
func (p *protection) coverSmall(ctx context.Context, keys []string, packs, one bool) error {
	covered := map[string]bool{}
	var old []*parityGroup
	for _, g := range p.groups {
		if g.packs != packs {
			continue
		}
		if g.whole {
			if one && len(g.files) == len(keys) { // of all of them
				return p.give(ctx, p.others(g, packs))
			}
			if !one {
				for _, f := range g.files {
					covered[f.Key] = true
				}
				continue
			}
		}
		old = append(old, g)
	}
	if err := p.give(ctx, old); err != nil {
		return err
	}
	var files []parity.File
	for _, key := range keys {
		if !covered[key] && !p.damaged[key] {
			files = append(files, parity.File{Key: key, Size: p.files[key]})
		}
	}
	if len(files) == 0 {
		return nil
	}
	slices.SortFunc(files, func(a, b parity.File) int { return strings.Compare(a.Key, b.Key) })
	_, err := parity.Write(ctx, p.s.b, parity.Name(newPackName()), files, p.percent)
	if errors.Is(err, backend.ErrNotFound) { // others fold or collect: whoever is the last will write it
		p.stale = nil
		return nil
	}
	return err
}

// others are all groups of that kind but one.
func (p *protection) others(but *parityGroup, packs bool) (out []*parityGroup) {
	for _, g := range p.groups {
		if g.packs == packs && g != but {
			out = append(out, g)
		}
	}
	return out
}

// protectOrWarn is protect after something that has succeeded already.
func (s *Store) protectOrWarn(ctx context.Context, tidy bool) {
	st, err := s.j.Load(ctx)
	if err == nil && st.Mirror { // it has that of what it mirrors
		return
	}
	if err == nil {
		err = s.protect(ctx, st, tidy)
	}
	if err != nil && ctx.Err() == nil {
		s.o.Warn(fmt.Sprintf("some of the store has no parity yet: %v", err))
	}
}

// parityFiles opens every parity file; those that cannot be read are given to bad.
func (s *Store) parityFiles(ctx context.Context, bad func(key string, err error)) ([]*parity.Group, error) {
	infos, err := s.b.List(ctx, parity.Prefix, "", 0)
	if err != nil {
		return nil, err
	}
	var out []*parity.Group
	for _, i := range infos {
		name, ok := parity.ParseKey(i.Key)
		if !ok {
			continue
		}
		g, err := parity.Open(ctx, s.b, name)
		if errors.Is(err, backend.ErrNotFound) {
			continue
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			bad(i.Key, err)
			continue
		}
		out = append(out, g)
	}
	return out, nil
}
