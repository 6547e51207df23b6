package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// oneModelDoc is one model of a version in JSON.
type oneModelDoc struct {
	Version string   `json:"version"`
	ID      string   `json:"id"` // of the version
	Branch  string   `json:"branch"`
	Model   modelDoc `json:"model"`
}

func newOneModelDoc(v *store.Version, c objects.Change) oneModelDoc {
	return oneModelDoc{v.Name, v.ID.String(), v.Branch, newModelDoc(c)}
}

// showModel shows one model of a version, which may be one that it removed.
func (a *app) showModel(ctx context.Context, s *store.Store, rev, path string) error {
	v, err := s.Show(ctx, rev)
	if err != nil {
		return err
	}
	c, err := changeAt(ctx, s, v, path)
	if err != nil {
		return err
	}
	all, err := s.Expired(ctx)
	if err != nil {
		return err
	}
	var x *store.Expiry
	if c.Status != objects.Removed {
		if x, err = all.Of(ctx, c.Blob); err != nil {
			return err
		}
	}
	var promised *store.Promise
	if c.Status != objects.Removed {
		if promised, err = all.Promise(ctx, c.Blob); err != nil {
			return err
		}
	}
	if a.json {
		doc := newOneModelDoc(v, c)
		if x != nil {
			doc.Model.Expired = newExpiredDoc(x)
		}
		if promised != nil {
			doc.Model.Promised = promised.Remote
		}
		return writeJSON(a.out, doc)
	}
	facts := a.modelFacts(v, c)
	if c.Kind != "" {
		facts.add(cell{text: "kind", look: a.style.dim}, cell{text: c.Kind})
	}
	if x != nil {
		facts.add(cell{text: "content", look: a.style.dim}, cell{text: cleanLine(x.String())})
	}
	if promised != nil {
		facts.add(cell{text: "content", look: a.style.dim}, cell{text: cleanLine(promised.String())})
	}
	facts.add(cell{text: "size", look: a.style.dim}, cell{text: withChange(c)})
	if err := facts.write(a.out); err != nil {
		return err
	}
	a.printNotes(v.Quality.Notes, path)
	return a.out.failed()
}

// changeAt is what a version holds or removed at a path, and what it did to it.
func changeAt(ctx context.Context, s *store.Store, v *store.Version, path string) (c objects.Change, err error) {
	changes, err := changesOf(ctx, s, v)
	if err != nil {
		return c, err
	}
	if i := slices.IndexFunc(changes, func(c objects.Change) bool { return c.Path == path }); i >= 0 {
		return changes[i], nil
	}
	for m, err := range s.Models(ctx, v, path) {
		switch {
		case err != nil:
			return c, err
		case m.Path != path:
			return c, fmt.Errorf("%q is a directory in %s, not a model: %w", path, v.Name, store.ErrNotFound)
		}
		return objects.Change{Path: m.Path, Blob: m.Blob, Size: m.Size, PrevSize: m.Size, Status: objects.Unchanged}, nil
	}
	return c, fmt.Errorf("%s has no model %q: %w", v.Name, path, store.ErrNotFound)
}

// modelFacts are the first lines about a model: path, ID, version and status.
func (a *app) modelFacts(v *store.Version, c objects.Change) *columns {
	a.progress.close()
	st := a.style
	facts := &columns{}
	fact := func(name, value string) { facts.add(cell{text: name, look: st.dim}, cell{text: value}) }
	fact("model", cleanLine(c.Path))
	fact("id", c.Blob.String())
	version := st.version.Sprintf("%s %s", v.Name, v.ID.Short())
	if names := st.names(v); names != "" {
		version += " " + names
	}
	fact("version", version)
	fact("status", c.Status.String())
	return facts
}

// withChange is "224 kB, +8.6 kB"; of a removed model what it was.
func withChange(c objects.Change) string {
	size := humanBytes(c.Size)
	if c.Status == objects.Changed {
		if change := sizeChange(c.PrevSize, c.Size); change != "" {
			size += ", " + change
		}
	}
	return size
}
