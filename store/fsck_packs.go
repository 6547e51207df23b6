package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mstore/mstore/objects/pack"
)

// packs checks the layout of every live pack, and that the segments say what
// the packs say.
func (f *fsck) packs(ctx context.Context) error {
	set := f.sn.r.Set()
	live := map[pack.Name]map[pack.Row]bool{}
	check := func(p pack.Info, keep bool) error {
		rows, err := f.layout(ctx, set, p)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			f.problem(Problem{Kind: kindOfDamage(err), Object: p.Name.String(), Detail: err.Error()})
			f.damaged[p.Name] = true
			return nil
		}
		f.layouts = append(f.layouts, packRows{p, rows})
		if keep {
			m := make(map[pack.Row]bool, len(rows))
			for _, r := range rows {
				m[r] = true
			}
			live[p.Name] = m
		}
		return nil
	}
	hidden := maps.Clone(f.sn.st.Hidden())
	maps.Copy(hidden, f.without)
	for i, p := range f.sn.st.Packs {
		f.comingUp(ctx, f.sn.st.Packs, i)
		if hidden[p.Name] {
			continue
		}
		if err := check(p, false); err != nil {
			return err
		}
	}
	for _, info := range f.sn.st.Segments {
		g, err := set.Segment(ctx, info)
		if err != nil {
			f.problem(Problem{Kind: "index", Object: info.Key(), Detail: err.Error()})
			continue
		}
		clear(live)
		for i, p := range g.PackInfos() {
			f.comingUp(ctx, g.PackInfos(), i)
			if !hidden[p.Name] {
				if err := check(p, true); err != nil {
					return err
				}
			}
		}
		for l, err := range g.Locs() {
			if err != nil {
				f.problem(Problem{Kind: "index", Object: info.Key(), Detail: err.Error()})
				break
			}
			if m := live[l.Pack]; m != nil && !m[l.Row] {
				f.problem(Problem{Kind: "index", Object: info.Key(), Detail: fmt.Sprintf("a row for pack %s is not in the pack", l.Pack)})
				break
			} else if m != nil {
				delete(m, l.Row)
			}
		}
		for name, m := range live {
			if len(m) > 0 {
				f.problem(Problem{Kind: "index", Object: info.Key(), Detail: fmt.Sprintf("%d rows of pack %s are not in it", len(m), name)})
			}
		}
	}
	return f.fallback(ctx, set)
}

// comingUp has packs fetched that are looked at soon, when pack i is next.
func (f *fsck) comingUp(ctx context.Context, packs []pack.Info, i int) {
	const step = 16
	fetch := fetchPacks
	if f.shallow() { // no more than what tells where everything is
		fetch = fetchIndexes
	}
	switch {
	case i == 0:
		fetch(ctx, f.s.b, packs[:min(len(packs), 2*step)])
	case i%step == 0 && i+step < len(packs):
		fetch(ctx, f.s.b, packs[i+step:min(len(packs), i+2*step)])
	}
}

// fallback checks the index segments that count when the newest checkpoint is
// damaged.
func (f *fsck) fallback(ctx context.Context, set *pack.Set) error {
	segments, err := f.s.j.FallbackSegments(ctx)
	if err != nil {
		return err
	}
	for _, info := range segments {
		if slices.Contains(f.sn.st.Segments, info) {
			continue
		}
		g, err := set.Segment(ctx, info)
		if err == nil {
			for _, err = range g.Locs() {
				if err != nil {
					break
				}
			}
		}
		if err == nil {
			continue
		}
		now, lerr := f.s.j.FallbackSegments(ctx)
		if lerr != nil {
			return lerr
		}
		if slices.Contains(now, info) { // else others have folded meanwhile
			f.problem(Problem{Kind: "index", Object: info.Key(), Detail: err.Error()})
		}
	}
	return nil
}

func (f *fsck) layout(ctx context.Context, set *pack.Set, p pack.Info) ([]pack.Row, error) {
	if st, err := f.s.b.Stat(ctx, p.Name.Key()); err != nil {
		return nil, fmt.Errorf("pack %s: %w", p.Name, err)
	} else if st.Size != p.Size {
		return nil, fmt.Errorf("pack %s has %d bytes, want %d: %w", p.Name, st.Size, p.Size, pack.ErrCorrupt)
	}
	x, err := set.Index(ctx, p)
	if err != nil {
		return nil, err
	}
	var rows []pack.Row
	for r, err := range x.Rows() {
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b pack.Row) int { return cmp.Or(cmp.Compare(a.Off, b.Off), cmp.Compare(a.Kind, b.Kind)) })
	return rows, pack.CheckLayout(ctx, f.s.b, x, rows)
}
