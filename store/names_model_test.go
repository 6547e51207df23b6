package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func (p *play) setTag(d *desk, id string) {
	name := fmt.Sprintf("tag%d", p.rng.IntN(4))
	var kind error
	if at, ok := p.o.tags[name]; ok && at != id {
		kind = ErrConflict
	}
	p.trace = append(p.trace, "tag "+name)
	if _, err := d.s.SetName(context.Background(), Tag, name, id, false); p.want(err, kind) {
		p.o.tags[name] = id
	}
}

func (p *play) setBranch(d *desk, id string) {
	name, force := fmt.Sprintf("branch%d", p.rng.IntN(3)), p.rng.IntN(3) == 0
	var kind error
	if at, ok := p.o.branches[name]; ok && !force && !slices.Contains(p.o.line(id), at) {
		kind = ErrConflict
	}
	p.trace = append(p.trace, fmt.Sprintf("branch %s at v%d, force %v", name, p.o.versions[id].seq, force))
	if _, err := d.s.SetName(context.Background(), Branch, name, id, force); p.want(err, kind) {
		p.o.branches[name] = id
	}
}

func (p *play) setAlias(d *desk, id string) {
	name := fmt.Sprintf("alias%d", p.rng.IntN(2))
	p.trace = append(p.trace, "alias "+name)
	_, err := d.s.SetName(context.Background(), Alias, name, id, false)
	p.want(err, nil)
	if at := p.o.aliases[name]; len(at) == 0 || at[len(at)-1] != id {
		p.o.aliases[name] = append(at, id)
	}
}

func (p *play) rollback(d *desk) {
	name := fmt.Sprintf("alias%d", p.rng.IntN(2))
	var kind error
	at := p.o.aliases[name]
	switch {
	case len(at) == 0:
		kind = ErrNotFound
	case len(at) == 1:
		kind = ErrConflict
	}
	p.trace = append(p.trace, "rollback "+name)
	if n, err := d.s.Rollback(context.Background(), name); p.want(err, kind) {
		at = at[:len(at)-1]
		p.o.aliases[name] = at
		if got := n.Version.ID.String(); got != at[len(at)-1] {
			p.fatal("rolled back to %s, want %s", got, at[len(at)-1])
		}
	}
}

func (p *play) remove(d *desk) {
	kind, name := Tag, fmt.Sprintf("tag%d", p.rng.IntN(4))
	_, ok := p.o.tags[name]
	var want error
	switch p.rng.IntN(3) {
	case 0:
		kind, name = Alias, fmt.Sprintf("alias%d", p.rng.IntN(2))
		ok = len(p.o.aliases[name]) > 0
	case 1:
		kind, name = Branch, fmt.Sprintf("branch%d", p.rng.IntN(3))
		var at string
		if at, ok = p.o.branches[name]; ok {
			want = ErrConflict
			for other, id := range p.heads() {
				if other != name && name != d.branch && slices.Contains(p.o.line(id), at) {
					want = nil
				}
			}
		}
		if p.desks[0].branch == name || p.desks[1].branch == name { // keep the other's branch
			if name != d.branch {
				return
			}
		}
	}
	if !ok {
		want = ErrNotFound
	}
	p.trace = append(p.trace, "delete "+name)
	if !p.want(d.s.DeleteName(context.Background(), kind, name, false), want) {
		return
	}
	delete(p.o.tags, name)
	delete(p.o.aliases, name)
	delete(p.o.branches, name)
}

// heads are all names with where they point.
func (p *play) heads() map[string]string {
	all := maps.Clone(p.o.branches)
	maps.Copy(all, p.o.tags)
	for name, at := range p.o.aliases {
		all[name] = at[len(at)-1]
	}
	return all
}

// look compares names, histories and some contents.
func (p *play) look(d *desk) {
	ctx := context.Background()
	got := map[string]string{}
	for _, kind := range []NameKind{Branch, Tag, Alias} {
		names, err := d.s.Names(ctx, kind)
		p.want(err, nil)
		for _, n := range names {
			got[n.Name] = n.Version.ID.String()
		}
	}
	heads := p.heads()
	if diff := cmp.Diff(heads, got); diff != "" {
		p.fatal("names (-want +got):\n%s", diff)
	}
	for name, head := range heads {
		var ids []string
		for v, err := range d.s.Log(ctx, LogOptions{Rev: name}) {
			p.want(err, nil)
			ids = append(ids, v.ID.String())
		}
		want := p.o.line(head)
		if diff := cmp.Diff(want, ids); diff != "" {
			p.fatal("log of %s (-want +got):\n%s", name, diff)
		}
		i := p.rng.IntN(len(want))
		for _, rev := range []string{fmt.Sprintf("%s~%d", name, i), fmt.Sprintf("%s@v%d", name, p.o.versions[want[i]].seq), want[i][:20]} {
			v, err := d.s.Show(ctx, rev)
			p.want(err, nil)
			if v.ID.String() != want[i] {
				p.fatal("%s is %s, want %s", rev, v.ID, want[i])
			}
		}
	}
	if id := p.anyVersion(); id != "" {
		p.lookAt(d, id)
	}
}

func (p *play) lookAt(d *desk, id string) {
	v, err := d.s.Show(context.Background(), id)
	p.want(err, nil)
	f, err := modelsOf(d.s, v)
	p.want(err, nil)
	if err := sameFiles(f, p.o.versions[id].files); err != nil {
		p.fatal("%s: %v", v.Name, err)
	}
}

// TestRandomHistories plays random commands on a store with two working
// directories and compares it with the oracle.
func TestRandomHistories(t *testing.T) {
	seeds, steps := uint64(16), 150
	if testing.Short() {
		seeds = 4
	}
	versions := 0
	for seed := range seeds {
		p := newPlay(t, seed)
		for i := range steps {
			p.step()
			if i%10 == 9 {
				p.look(p.desks[i/10%2])
			}
		}
		for id := range p.o.versions {
			p.lookAt(p.desks[0], id)
		}
		if err := clean(p.desks[1].s); err != nil {
			p.fatal("%v", err)
		}
		versions += len(p.o.versions)
	}
	t.Logf("%d sequences of %d commands, %d versions", seeds, steps, versions)
}
