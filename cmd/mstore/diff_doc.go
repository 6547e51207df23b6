package main

import (
	"math"
	"time"

	"github.com/mstore/mstore/diff/jsondiff"
	"github.com/mstore/mstore/diff/tensordiff"
	"github.com/mstore/mstore/diff/textdiff"
	"github.com/mstore/mstore/store"
)

// diffDocument prints a comparison as one JSON document, model by model.
type diffDocument struct {
	a      *app
	d      *store.Diff
	begun  bool
	models int
	totals diffTotalsDoc
}

// diffHeadDoc is the document's beginning.
type diffHeadDoc struct {
	From   diffVersionDoc `json:"from"`
	To     diffVersionDoc `json:"to"`
	Fields []fieldDoc     `json:"fields"`
}

// diffVersionDoc is one side: a version, or what else it is.
type diffVersionDoc struct {
	Version string `json:"version"`
	ID      string `json:"id"`
	Branch  string `json:"branch"`
	Time    string `json:"time,omitempty"`
	Working bool   `json:"working_directory,omitempty"`
}

type fieldDoc struct {
	Name     string   `json:"name"`
	From     any      `json:"from"` // null: none
	To       any      `json:"to"`
	Change   *float64 `json:"change,omitempty"`   // of numbers
	Relative *float64 `json:"relative,omitempty"` // not where it was 0
}

type diffModelDoc struct {
	Path       string        `json:"path"`
	Status     string        `json:"status"` // added, removed, changed, renamed; unchanged of two that were named
	Kind       string        `json:"kind"`   // json, tensors, text, binary; empty where it is not known
	From       *diffBlobDoc  `json:"from,omitempty"`
	To         *diffBlobDoc  `json:"to,omitempty"`
	Similarity float64       `json:"similarity,omitempty"` // of renamed models: 1 is the same content
	Note       string        `json:"note,omitempty"`
	Error      *diffErrorDoc `json:"error,omitempty"`

	JSON    *jsondiff.Result   `json:"json,omitempty"`
	Tensors *tensordiff.Result `json:"tensors,omitempty"`
	Text    *textDoc           `json:"text,omitempty"`
}

type diffBlobDoc struct {
	Path    string      `json:"path"`
	ID      string      `json:"id"`
	Size    int64       `json:"size"`
	Kind    string      `json:"kind,omitempty"`
	Expired *expiredDoc `json:"expired,omitempty"`
}

type diffErrorDoc struct {
	Error string `json:"error"`
	Code  int    `json:"code"` // as the exit code would be for this model alone
}

type textDoc struct {
	FromLines int64  `json:"from_lines"`
	ToLines   int64  `json:"to_lines"`
	Added     int64  `json:"added"`
	Removed   int64  `json:"removed"`
	TooLarge  bool   `json:"too_large"` // lines are only counted
	Hunks     string `json:"hunks"`     // unified, without the names of files
}

type diffTotalsDoc struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Changed int `json:"changed"`
	Renamed int `json:"renamed"`
}

func newDiffHeadDoc(d *store.Diff) *diffHeadDoc {
	doc := &diffHeadDoc{From: newDiffVersionDoc(d.From), To: newDiffVersionDoc(d.To), Fields: make([]fieldDoc, len(d.Fields))}
	for i, f := range d.Fields {
		doc.Fields[i] = fieldDoc{Name: f.String(), From: f.From, To: f.To}
		if change, relative, ok := f.Change(); ok {
			doc.Fields[i].Change = finite(change)
			doc.Fields[i].Relative = finite(relative)
		}
	}
	return doc
}

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func newDiffVersionDoc(v *store.Version) diffVersionDoc {
	if v == nil {
		return diffVersionDoc{Working: true}
	}
	return diffVersionDoc{Version: v.Name, ID: v.ID.String(), Branch: v.Branch, Time: v.Time.UTC().Format(time.RFC3339)}
}

func newDiffModelDoc(m *store.ModelDiff, code int) *diffModelDoc {
	doc := &diffModelDoc{
		Path: m.Path(), Status: string(m.Status), Kind: string(m.Kind), Similarity: round3(m.Similarity), Note: m.Note,
		From: newDiffBlobDoc(m.From), To: newDiffBlobDoc(m.To), JSON: m.JSON, Tensors: m.Tensors, Text: newTextDoc(m.Text),
	}
	if m.Err != nil {
		doc.Error = &diffErrorDoc{m.Err.Error(), code}
	}
	return doc
}

func newDiffBlobDoc(m *store.DiffModel) *diffBlobDoc {
	if m == nil {
		return nil
	}
	doc := &diffBlobDoc{Path: m.Path, ID: m.Blob.String(), Size: m.Size, Kind: string(m.Kind)}
	if m.Expired != nil {
		doc.Expired = newExpiredDoc(m.Expired)
	}
	return doc
}

func newTextDoc(r *textdiff.Result) *textDoc {
	if r == nil {
		return nil
	}
	return &textDoc{r.FromLines, r.ToLines, r.Added, r.Removed, r.TooLarge, string(r.Hunks)}
}
