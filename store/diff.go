package store

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/mstore/mstore/diff/jsondiff"
	"github.com/mstore/mstore/diff/tensordiff"
	"github.com/mstore/mstore/diff/textdiff"
	"github.com/mstore/mstore/objects"
)

// DiffOptions say which versions are compared, and how.
type DiffOptions struct {
	From string // "": HEAD
	To   string // "": the working directory, of which the tracked models count
	// Paths are models and directories; none: all. Each must be in one of the versions.
	Paths []string
	Compare
}

// Compare says how the contents of two models are compared. The zero value compares
// each as what it is.
type Compare struct {
	// As is how all contents are compared, whatever they are: DiffText or DiffBinary.
	As DiffKind
	// NamesOnly leaves contents alone: of a ModelDiff only the sides and the status are
	// told.
	NamesOnly bool
	// ForPatch leaves out what ModelDiff.Patch does not need: JSON and tensors are told to
	// be that, and not compared.
	ForPatch bool
	// Tolerance is the change of a number that does not count; the engines say in which
	// sense.
	Tolerance float64
	// Limit is how many changes of one model are kept, the weightiest; 0 is the engines'
	// own.
	Limit int
}

// DiffKind is how two contents are compared.
type DiffKind string

// The kinds. A comparison as binary is that of sizes and hashes.
const (
	DiffJSON    DiffKind = "json"
	DiffTensors DiffKind = "tensors"
	DiffText    DiffKind = "text"
	DiffBinary  DiffKind = "binary"
)

// DiffStatus is what happened to a model.
type DiffStatus string

// The statuses. A renamed model may have changed too.
const (
	DiffAdded   DiffStatus = "added"
	DiffRemoved DiffStatus = "removed"
	DiffChanged DiffStatus = "changed"
	DiffRenamed DiffStatus = "renamed"
	DiffSame    DiffStatus = "unchanged" // of two models that were named only
)

// Diff is how two versions, or a version and the working directory, differ.
type Diff struct {
	From, To *Version // To is nil for the working directory
	Fields   []FieldDiff

	s     *Store
	sn    *snapshot
	how   Compare
	pairs []diffPair // by path
}

// DiffModel is one side of a model.
type DiffModel struct {
	Model
	Kind    DiffKind // "" when it is not known
	Expired *Expiry  // not nil: the content was let go
}

// ModelDiff is how a model differs. At most one of JSON, Tensors and Text is not nil; all
// are nil where contents are equal, where Kind is DiffBinary, and where Err is not nil.
type ModelDiff struct {
	From, To *DiffModel // nil where there is no such model
	Status   DiffStatus
	Kind     DiffKind // as what the contents were compared; of one side alone, what it is
	// Similarity of a renamed model is the share of its bytes that both surely have in
	// common; 1: all.
	Similarity float64
	// Note says why the contents were not compared as what they are.
	Note string

	JSON    *jsondiff.Result
	Tensors *tensordiff.Result
	Text    *textdiff.Result

	// Err is why the contents could not be compared: it wraps ErrExpired or ErrDamaged, or
	// is that of reading a file.
	Err error

	patch *contents // both sides, of JSON
}

// Path is the model's path, the new one if it was renamed.
func (m *ModelDiff) Path() string {
	if m.To != nil {
		return m.To.Path
	}
	return m.From.Path
}

// diffPair is a model that differs, before its contents are looked at.
type diffPair struct {
	from, to   *Model
	status     DiffStatus
	similarity float64
}

func (p *diffPair) path() string {
	if p.to != nil {
		return p.to.Path
	}
	return p.from.Path
}

// Diff finds out which models differ between two versions, or a version and the working
// directory. Subtrees that both versions have are not read, and contents not before
// Models asks for them. Memory is some 200 bytes for each model that differs.
func (s *Store) Diff(ctx context.Context, o DiffOptions) (*Diff, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	d := &Diff{s: s, sn: sn, how: o.Compare}
	if d.From, err = s.resolve(ctx, sn, o.From); err != nil {
		return nil, err
	}
	var head *Version
	if o.To != "" {
		if d.To, err = s.resolve(ctx, sn, o.To); err != nil {
			return nil, err
		}
		d.Fields = diffFields(d.From.Version, d.To.Version)
		if err := d.trees(ctx, o.Paths); err != nil {
			return nil, err
		}
	} else if head, err = d.working(ctx, o.Paths); err != nil {
		return nil, err
	}
	if err := d.unknown(ctx, o.Paths, head); err != nil {
		return nil, err
	}
	if err := d.renames(ctx); err != nil {
		return nil, classify(err)
	}
	slices.SortFunc(d.pairs, func(a, b diffPair) int { return comparePaths(a.path(), b.path()) })
	return d, nil
}

// Len is how many models differ.
func (d *Diff) Len() int { return len(d.pairs) }

// Models yields the models that differ, by path, comparing the contents of one after
// the other. What cannot be read of one model is its Err; an error that is yielded ends
// the sequence.
func (d *Diff) Models(ctx context.Context) iter.Seq2[*ModelDiff, error] {
	return func(yield func(*ModelDiff, error) bool) {
		if err := d.need(ctx); err != nil {
			yield(nil, err)
			return
		}
		for i := range d.pairs {
			m, err := d.model(ctx, &d.pairs[i])
			if !yield(m, classify(err)) || err != nil {
				return
			}
		}
	}
}

// need gets what is promised of the models that are compared.
func (d *Diff) need(ctx context.Context) error {
	var blobs []objects.BlobID
	for _, p := range d.pairs {
		if d.how.NamesOnly || p.from == nil || p.to == nil || p.from.Blob == p.to.Blob {
			continue
		}
		blobs = append(blobs, p.from.Blob)
		if d.To != nil {
			blobs = append(blobs, p.to.Blob)
		}
	}
	return d.sn.need(ctx, blobs)
}

func (d *Diff) model(ctx context.Context, p *diffPair) (*ModelDiff, error) {
	m := &ModelDiff{Status: p.status, Similarity: p.similarity}
	c := &contents{s: d.s, sn: d.sn, how: d.how, m: m}
	side := func(v *Version, model *Model) (*DiffModel, opener, error) {
		if model == nil {
			return nil, nil, nil
		}
		out := &DiffModel{Model: *model}
		if v == nil {
			return out, &workingFile{d.s, model.Path}, nil
		}
		var err error
		out.Expired, err = d.sn.expiry(ctx, model.Blob)
		return out, &savedModel{d.sn, v, *model}, err
	}
	var err error
	if m.From, c.from, err = side(d.From, p.from); err != nil {
		return nil, err
	}
	if m.To, c.to, err = side(d.To, p.to); err != nil {
		return nil, err
	}
	if d.how.NamesOnly {
		return m, nil
	}
	err = c.compare(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if m.Err = err; err != nil {
		c.guess(ctx)
	}
	return m, nil
}

// trees lists what differs between two versions.
func (d *Diff) trees(ctx context.Context, paths []string) error {
	for t, err := range objects.DiffTrees(ctx, d.sn.tree(d.From.Tree), d.sn.tree(d.To.Tree)) {
		if err != nil {
			return classify(fmt.Errorf("comparing the trees of %s and %s: %w", d.From.Name, d.To.Name, err))
		}
		if !among(t.Path, paths) {
			continue
		}
		p := diffPair{status: DiffStatus(t.Change().Status.String())}
		if t.From != nil {
			p.from = (*Model)(t.From)
		}
		if t.To != nil {
			p.to = (*Model)(t.To)
		}
		d.pairs = append(d.pairs, p)
	}
	return nil
}

// working lists how the tracked models in the working directory differ from a version:
// those of the version and those of the current branch, which it returns the head of.
func (d *Diff) working(ctx context.Context, paths []string) (*Version, error) {
	cache := d.s.openStatCache()
	defer cache.save()
	add := func(e objects.TreeEntry, tracked bool) error {
		ch, err := d.s.statusOf(ctx, cache, e)
		if err != nil {
			return err
		}
		p := diffPair{status: DiffStatus(ch.Status.String()), from: (*Model)(&e)}
		switch {
		case ch.Status == objects.Removed && !tracked, ch.Status == objects.Unchanged && tracked:
			return nil
		case ch.Status != objects.Removed:
			to := Model{e.Path, ch.Blob, ch.Size}
			if to.Blob == (objects.BlobID{}) {
				if to.Blob, err = d.s.hashNow(ctx, cache, e.Path); err != nil {
					return err
				}
			}
			p.to = &to
		}
		if !tracked {
			p.from, p.status = nil, DiffAdded
		}
		d.pairs = append(d.pairs, p)
		return nil
	}
	tree := d.sn.tree(d.From.Tree)
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for i, path := range paths {
		for e, err := range d.sn.models(ctx, d.From.Tree, path) {
			if err != nil {
				return nil, classify(err)
			}
			if i > 0 && among(e.Path, paths[:i]) { // seen
				continue
			}
			if err := add(e, true); err != nil {
				return nil, err
			}
		}
	}
	head, headTree, err := d.sn.branchHead(ctx, d.s.head().Branch)
	if err != nil {
		return nil, err
	}
	for t, err := range objects.DiffTrees(ctx, tree, headTree) {
		if err != nil {
			return nil, classify(err)
		}
		if t.From == nil && among(t.Path, paths) {
			if err := add(*t.To, false); err != nil {
				return nil, err
			}
		}
	}
	return head, nil
}

// hashNow tells what a file below the root holds.
func (s *Store) hashNow(ctx context.Context, cache *statCache, path string) (objects.BlobID, error) {
	fi, err := lstat(s.root, path)
	if err != nil {
		return objects.BlobID{}, fmt.Errorf("looking at %q: %w", path, err)
	}
	return hashFile(ctx, s, cache, path, fi)
}

// among tells whether a model is at or below one of the paths, or there are none.
func among(path string, paths []string) bool {
	return len(paths) == 0 || slices.ContainsFunc(paths, func(p string) bool { return atOrBelow(path, strings.TrimSuffix(p, "/")) })
}

// unknown refuses paths that are in no version. head, if not nil, counts as one.
func (d *Diff) unknown(ctx context.Context, paths []string, head *Version) error {
	var where []string
	for _, path := range paths {
		found := false
		where = where[:0]
		for _, v := range []*Version{d.From, d.To, head} {
			if v == nil || found || slices.Contains(where, v.Name) {
				continue
			}
			where = append(where, v.Name)
			for _, err := range d.sn.models(ctx, v.Tree, path) {
				if err != nil {
					return classify(err)
				}
				found = true
				break
			}
		}
		if !found {
			return as(ErrNotFound, fmt.Errorf("no model is called %q in %s", path, strings.Join(where, " or ")))
		}
	}
	return nil
}
