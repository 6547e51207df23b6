package main

import (
	"errors"

	"github.com/mstore/mstore/diff/jsonmerge"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// mergeDoc is a merge, a cherry-pick or a revert in JSON.
type mergeDoc struct {
	Result    string           `json:"result"` // merged, fast-forward, up-to-date or conflict
	DryRun    bool             `json:"dry_run"`
	Branch    string           `json:"branch"`
	Version   string           `json:"version"` // where the branch is now; empty for one that a dry run does not make
	ID        string           `json:"id"`
	Parents   []string         `json:"parents"`
	Message   string           `json:"message"`
	Ours      *refDoc          `json:"ours"`   // where the branch was
	Theirs    *refDoc          `json:"theirs"` // what was merged
	Bases     []refDoc         `json:"bases"`
	Models    []mergedModelDoc `json:"models"`
	Conflicts []conflictDoc    `json:"conflicts"`
	Written   int              `json:"written"` // models on disk
	Removed   int              `json:"removed"`
	Left      []string         `json:"left"` // models that hold what is not saved
}

type refDoc struct {
	Version string `json:"version"`
	ID      string `json:"id"`
}

func newRefDoc(v *store.Version) *refDoc {
	if v == nil {
		return nil
	}
	return &refDoc{v.Name, v.ID.String()}
}

type mergedModelDoc struct {
	modelDoc
	How      string            `json:"how"` // ours, theirs or both
	Conflict *conflictDoc      `json:"conflict,omitempty"`
	Values   *jsonmerge.Result `json:"values,omitempty"` // of models that were merged by value
}

// conflictDoc is a model that both sides changed. Base, ours and theirs are null where
// there is no such model.
type conflictDoc struct {
	Path      string               `json:"path"`
	Base      *contentDoc          `json:"base"`
	Ours      *contentDoc          `json:"ours"`
	Theirs    *contentDoc          `json:"theirs"`
	Crosswise bool                 `json:"crosswise"`
	Values    []jsonmerge.Conflict `json:"values"` // of a model that is merged by value
	Total     int64                `json:"total"`  // of values in conflict
}

type contentDoc struct {
	ID   string `json:"id"`
	Size int64  `json:"size"`
}

func newContentDoc(m *store.Model) *contentDoc {
	if m == nil {
		return nil
	}
	return &contentDoc{m.Blob.String(), m.Size}
}

func newConflictDoc(c *store.MergeConflict) *conflictDoc {
	d := &conflictDoc{Path: c.Path, Base: newContentDoc(c.Base), Ours: newContentDoc(c.Ours), Theirs: newContentDoc(c.Theirs),
		Crosswise: c.Crosswise, Values: []jsonmerge.Conflict{}}
	if c.Values != nil {
		d.Values, d.Total = c.Values.Conflicts, c.Values.Total
	}
	return d
}

func emptyMergeDoc(result string, dryRun bool) *mergeDoc {
	return &mergeDoc{Result: result, DryRun: dryRun, Parents: []string{}, Bases: []refDoc{}, Models: []mergedModelDoc{}, Conflicts: []conflictDoc{}, Left: []string{}}
}

func newMergeDoc(res *store.MergeResult, dryRun bool) *mergeDoc {
	d := emptyMergeDoc(res.Outcome, dryRun)
	d.Branch, d.Ours, d.Theirs = res.Branch, newRefDoc(res.Ours), newRefDoc(res.Theirs)
	if v := res.Version; v != nil {
		d.Version, d.ID, d.Message = v.Name, v.ID.String(), v.Message
		for _, p := range v.Parents {
			d.Parents = append(d.Parents, p.String())
		}
	}
	for _, v := range res.Bases {
		d.Bases = append(d.Bases, *newRefDoc(v))
	}
	for i := range res.Models {
		m := &res.Models[i]
		x := mergedModelDoc{modelDoc: newModelDoc(m.Change), How: m.How, Values: m.Values}
		if m.Status == objects.Unchanged && m.Size == 0 && m.Conflict != nil && m.Conflict.Ours == nil {
			x.ID = "" // removed by ours, and left so
		}
		if m.Conflict != nil {
			x.Conflict = newConflictDoc(m.Conflict)
		}
		d.Models = append(d.Models, x)
	}
	if b := res.Brought; b != nil {
		d.Written, d.Removed, d.Left = b.Written, b.Removed, list(b.Left)
	}
	return d
}

// conflictsDoc is the document of a merge that was refused; nil when err is no such.
func conflictsDoc(err error, dryRun bool) *mergeDoc {
	var conflict *store.MergeError
	if !errors.As(err, &conflict) {
		return nil
	}
	d := emptyMergeDoc("conflict", dryRun)
	for i := range conflict.Conflicts {
		d.Conflicts = append(d.Conflicts, *newConflictDoc(&conflict.Conflicts[i]))
	}
	return d
}
