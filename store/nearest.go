package store

import (
	"cmp"
	"context"
	"errors"
	"io"
	"path"
	"slices"

	"github.com/mstore/mstore/internal/likeness"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// Near is saved content that is like some other.
type Near struct {
	Holder
	// Likeness is how much of the two is the same, from 0 to 1, by samples; see package
	// likeness.
	Likeness float64
}

// maxCandidates is how many models a file is compared with when it has no history.
const maxCandidates = 32

// Nearest looks for the saved content that is most like r, of size bytes: among the
// contents of the model at path, or where none was ever saved there among models of that
// name or of that size. It looks at some of a long history, then closer at where the
// likeness is greatest. nil when nothing is alike. What cannot be read is passed over.
func (s *Store) Nearest(ctx context.Context, path string, r io.ReaderAt, size int64) (*Near, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	sketch, err := likeness.Of(r, size)
	if err != nil {
		return nil, err
	}
	n := &nearest{s: s, sn: sn, sketch: sketch, known: map[objects.BlobID]float64{}}
	p, err := n.model(ctx, path, size)
	if err != nil || p == "" {
		return nil, classify(err)
	}
	near, err := n.search(ctx, p)
	return near, classify(err)
}

type nearest struct {
	s      *Store
	sn     *snapshot
	sketch *likeness.Sketch
	known  map[objects.BlobID]float64
}

// model chooses the model in whose history to look; "" for none.
func (n *nearest) model(ctx context.Context, want string, size int64) (string, error) {
	if want != "" {
		for _, err := range n.s.Log(ctx, LogOptions{All: true, Paths: []string{want}, Limit: 1}) {
			return want, err
		}
	}
	var named, others []Model
	seen := map[string]bool{}
	for _, name := range n.sn.st.SortedNames(journal.Branch) {
		v, err := n.sn.version(ctx, name.To)
		if err != nil {
			return "", err
		}
		for e, err := range n.sn.models(ctx, v.Tree, "") {
			switch {
			case err != nil:
				return "", err
			case seen[e.Path]:
			case path.Base(e.Path) == path.Base(want):
				named = append(named, Model(e))
			case path.Ext(e.Path) == path.Ext(want) && e.Size/2 <= size && size/2 <= e.Size:
				others = append(others, Model(e))
			}
			seen[e.Path] = true
		}
	}
	candidates := named
	if len(candidates) == 0 {
		candidates = others
	}
	away := func(m Model) int64 { return max(m.Size-size, size-m.Size) }
	slices.SortStableFunc(candidates, func(a, b Model) int { return cmp.Compare(away(a), away(b)) })
	best, most := "", 0.0
	for _, m := range candidates[:min(len(candidates), maxCandidates)] {
		like, err := n.like(ctx, m.Blob)
		if err != nil {
			return "", err
		}
		if like > most {
			best, most = m.Path, like
		}
	}
	return best, nil
}

// like compares with a saved content; 0 where that cannot be read.
func (n *nearest) like(ctx context.Context, id objects.BlobID) (float64, error) {
	if like, ok := n.known[id]; ok {
		return like, nil
	}
	like := 0.0
	b, err := n.sn.r.Blob(ctx, id)
	if err == nil {
		like, err = n.sketch.Compare(b, b.Size())
		b.Close()
	}
	if err != nil && !errors.Is(classify(err), ErrDamaged) && !errors.Is(err, objects.ErrMissing) {
		return 0, err
	}
	n.known[id] = like
	return like, nil
}

// search finds the content of a model that is most alike. Likeness mostly rises and falls
// along a history: it is looked at in steps, and between those with the greatest in
// smaller ones.
func (n *nearest) search(ctx context.Context, p string) (*Near, error) {
	var all []Holder
	for v, err := range n.s.Log(ctx, LogOptions{All: true, Paths: []string{p}}) {
		if err != nil {
			return nil, err
		}
		e, ok, err := n.sn.tree(v.Tree).Get(ctx, p)
		if err != nil {
			return nil, err
		}
		if ok && (len(all) == 0 || all[len(all)-1].Blob != e.Blob) {
			all = append(all, Holder{Version: v, Path: p, Blob: e.Blob})
		}
	}
	best, most := -1, 0.0
	look := func(from, to, step int) error {
		for i := max(from, 0); i <= min(to, len(all)-1); i += step {
			like, err := n.like(ctx, all[i].Blob)
			if err != nil {
				return err
			}
			if like > most {
				best, most = i, like
			}
		}
		return nil
	}
	step := max(1, len(all)/16)
	err := look(0, len(all)-1, step)
	for err == nil && best >= 0 && step > 1 {
		at := best
		half := max(1, step/4)
		err = look(at-step, at+step, half)
		step = half
	}
	if err != nil || best < 0 {
		return nil, err
	}
	names, err := n.sn.holdersNow().of(ctx, p, all[best].Blob)
	all[best].Now = names
	return &Near{all[best], most}, err
}
