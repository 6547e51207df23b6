package index

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/objects"
)

// Walk answers the same questions as Index.With, by reading every version from
// src for each: slowly, and without touching an index. The error is fn's.
func Walk(ctx context.Context, src Source, fn func(*Query) error) error {
	last, _ := src.Last()
	return fn(&Query{finder: &walker{ctx, src, 0}, last: last})
}

type walker struct {
	ctx   context.Context
	src   Source
	after uint64 // entries up to this one are not looked at
}

func (f *walker) find(w Where, field string, elided bool, yield func(Hit) bool) error {
	// groups are the hits of a version; versions come in ascending order.
	var groups [][]Hit
	err := f.src.Versions(f.ctx, f.after, func(r Record) error {
		if hits := matchRecord(&w, field, elided, r); len(hits) > 0 {
			groups = append(groups, hits)
		}
		return f.ctx.Err()
	})
	if err != nil {
		return fmt.Errorf("reading the journal's versions: %w", err)
	}
	for i := len(groups) - 1; i >= 0; i-- {
		for _, h := range groups[i] {
			if !yield(h) {
				return nil
			}
		}
	}
	return nil
}

func matchRecord(w *Where, field string, elided bool, r Record) []Hit {
	t := r.Time.UTC()
	if !w.inTime(t) || elided && !isElided(r.Version) {
		return nil
	}
	for _, c := range w.Conds {
		if !matchCond(c, r) {
			return nil
		}
	}
	h := Hit{Entry: r.Entry, Line: r.Line, Seq: r.Seq, ID: r.ID, Time: time.Unix(t.Unix(), int64(t.Nanosecond())).UTC()}
	if field != "" {
		if h.Value = fieldOf(r, field); h.Value == nil {
			return nil
		}
	}
	byBlob := w.Blob != objects.BlobID{}
	if w.Path == "" && !byBlob {
		return []Hit{h}
	}
	var hits []Hit
	for _, c := range r.Changes {
		if !below(c.Path, w.Path) {
			continue
		}
		h.Path = c.Path
		if !byBlob {
			return []Hit{h}
		}
		if c.Blob == w.Blob && c.Status != objects.Removed {
			hits = append(hits, h)
		}
	}
	return hits
}

func matchCond(c expr.Cond, r Record) bool {
	if c.Field == "time" {
		return c.Match(r.Time.UTC())
	}
	return c.Match(fieldOf(r, c.Field))
}

// fieldOf returns nil for what the version does not have, and for values of a
// type that no version has.
func fieldOf(r Record, field string) any {
	var v any
	switch field {
	case "source":
		v = r.Source
	case "author":
		v = r.Author
	case "branch":
		v = r.Branch
	default:
		if key, ok := strings.CutPrefix(field, "params."); ok {
			v = r.Params[key]
		} else if key, ok := strings.CutPrefix(field, "metrics."); ok {
			v = r.Metrics[key]
		}
	}
	switch v.(type) {
	case string, int64, float64, bool:
		return v
	}
	return nil
}
