package index

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/mstore/mstore/objects"
)

var testPaths = []string{"a", "a.json", "a/b", "a/b/c", "a/bc", "a!", "b/x", "b/y", "é/ü", "z"}

func drawValue(t *rapid.T) any {
	switch rapid.IntRange(0, 4).Draw(t, "type") {
	case 0:
		return int64(rapid.IntRange(-3, 3).Draw(t, "int"))
	case 1:
		return rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, 1.5, -2, math.Inf(1), math.NaN()}).Draw(t, "float")
	case 2:
		return rapid.SampledFrom([]string{"", "x", "adam", strings.Repeat("long", 100)}).Draw(t, "string")
	case 3:
		return rapid.Bool().Draw(t, "bool")
	}
	return rapid.Float64().Draw(t, "any float")
}

func drawRecord(t *rapid.T, entry uint64) Record {
	if rapid.IntRange(0, 5).Draw(t, "none") == 0 {
		return Record{Entry: entry}
	}
	v := &objects.Version{
		Seq:     rapid.Uint64Range(1, 9).Draw(t, "seq"),
		Time:    time.Unix(rapid.Int64Range(-5e9, 5e9).Draw(t, "sec"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC(),
		Author:  rapid.SampledFrom([]string{"ann", "bob", ""}).Draw(t, "author"),
		Source:  rapid.SampledFrom([]string{"s", "t", ""}).Draw(t, "source"),
		Message: rapid.SampledFrom([]string{"", "one", "two\nlines"}).Draw(t, "message"),
		Params:  map[string]any{}, Metrics: map[string]any{}, Meta: map[string]any{},
		Models: rapid.IntRange(0, 3).Draw(t, "models"), Bytes: rapid.Int64Range(0, 1<<40).Draw(t, "bytes"),
		Quality: objects.Quality{Errors: rapid.IntRange(0, 2).Draw(t, "errors")},
	}
	if rapid.Bool().Draw(t, "git") {
		v.Meta["git.dirty"] = rapid.Bool().Draw(t, "dirty")
	}
	for _, k := range []string{"p", "q q"} {
		if rapid.Bool().Draw(t, "has") {
			v.Params[k] = drawValue(t)
		}
		if rapid.Bool().Draw(t, "has") {
			v.Metrics[k] = drawValue(t)
		}
	}
	paths := rapid.SliceOfNDistinct(rapid.SampledFrom(testPaths), 0, 4, rapid.ID).Draw(t, "paths")
	slices.Sort(paths)
	for _, p := range paths {
		v.Changes = append(v.Changes, objects.Change{
			Path: p, Status: rapid.SampledFrom([]objects.Status{objects.Added, objects.Changed, objects.Removed}).Draw(t, "status"),
			Blob: drawBlob(t), Kind: rapid.SampledFrom([]string{"", "", "json", "oracle"}).Draw(t, "kind"),
		})
	}
	v.Added = len(paths)
	if len(paths) == 0 && rapid.Bool().Draw(t, "elided") {
		v.Added = objects.MaxChanges + 1
	}
	r := Record{Entry: entry, Branch: rapid.SampledFrom([]string{"main", "exp"}).Draw(t, "branch"),
		Line: rapid.Uint64Range(0, 3).Draw(t, "line"), Version: v}
	binary.BigEndian.PutUint64(r.ID[:], entry)
	return r
}

func drawBlob(t *rapid.T) (id objects.BlobID) {
	id[rapid.SampledFrom([]int{3, 31}).Draw(t, "at")] = byte(rapid.IntRange(1, 3).Draw(t, "blob"))
	return id
}

func whole(id objects.BlobID) *BlobPrefix { return &BlobPrefix{id, 2 * objects.IDSize} }

// drawExpr returns the source of an expression.
func drawExpr(t *rapid.T, depth int) string {
	if depth > 0 && rapid.Bool().Draw(t, "leaf") {
		a, b := drawExpr(t, depth-1), drawExpr(t, depth-1)
		return rapid.SampledFrom([]string{"(" + a + ") and (" + b + ")", "(" + a + ") or (" + b + ")", "not (" + a + ")"}).Draw(t, "op")
	}
	return rapid.SampledFrom([]string{
		"params.p = 1", "params.p != 1.5", "params.p > -2", "params.p <= 0", "params.p in (1, 'x', 2.5)", "params.p like '*a*'", "params.p",
		`metrics."q q" < 1`, `metrics."q q" >= -1.5`, `metrics."q q" != 0`, `metrics."q q" = 'x'`, "params.none = 1", "metrics.none",
		"author = 'ann'", "source like 's*'", "source = ''", "branch != 'main'", "message ~ '^two'", "message ~ 'o'",
		"version > 4", "version = v2", "time < 2001-09-09", "time = 2001-09-09", "age > 30d", "models >= 2", "size > 1000", "quality.errors = 1",
		"git.dirty", "git.dirty = false", "meta.git.dirty", "tag = 'gold'", "tag like '*l*'", "not alias = 'prod'",
		"path like 'a/*'", "path ~ 'b'", "path != 'a'", "kind = 'json'", "not kind = 'oracle'", "kind != 'json'", "expired", "expired = false",
	}).Draw(t, "expression")
}

func drawWhere(t *rapid.T, entries uint64) (w Where) {
	if rapid.Bool().Draw(t, "by path") {
		w.Paths = rapid.SliceOfN(rapid.SampledFrom(append(testPaths, "b", "é", "none", "a/b/c/d", ".")), 1, 2).Draw(t, "paths")
	}
	if rapid.IntRange(0, 2).Draw(t, "by blob") == 0 {
		w.Blob = &BlobPrefix{drawBlob(t), rapid.SampledFrom([]int{1, 7, 8, 9, 63, 64}).Draw(t, "digits")}
	}
	if rapid.IntRange(0, 3).Draw(t, "since") == 0 {
		w.Since = time.Unix(rapid.Int64Range(-5e9, 5e9).Draw(t, "since"), 0)
	}
	if rapid.IntRange(0, 3).Draw(t, "until") == 0 {
		w.Until = time.Unix(rapid.Int64Range(-5e9, 5e9).Draw(t, "until"), 0)
	}
	if rapid.IntRange(0, 3).Draw(t, "where") > 0 {
		w.Expr = mustParse(drawExpr(t, 3))
	}
	if rapid.IntRange(0, 3).Draw(t, "lines") == 0 {
		w.Lines = map[uint64]uint64{1: rapid.Uint64Range(0, 9).Draw(t, "up to"), 2: 5}
	}
	w.Facts = Facts{Now: day, Tags: map[uint64][]string{}, Aliases: map[uint64][]string{}}
	for range rapid.IntRange(0, 3).Draw(t, "names") {
		at := rapid.Uint64Range(1, entries+1).Draw(t, "named")
		w.Facts.Tags[at] = []string{"silver", "gold"}
		w.Facts.Aliases[at/2+1] = []string{"prod"}
	}
	if rapid.Bool().Draw(t, "expired") {
		w.Facts.Expired = func(id objects.BlobID) (bool, error) { return id[31] == 1, nil }
	}
	w.Facts.Changes = func(entry uint64) ([]objects.Change, error) {
		return []objects.Change{
			{Path: "a/b", Status: objects.Removed, Blob: objects.BlobID{3: 1}},
			{Path: fmt.Sprint("b/", entry), Status: objects.Added, Blob: objects.BlobID{31: byte(entry%3) + 1}, Kind: "json"},
		}, nil
	}
	return w
}

// answers asks everything that can be asked with w.
func answers(q *Query, w Where) (string, [][]Hit, error) {
	var all [][]Hit
	collect := func(list []Hit, err error) error {
		all = append(all, list)
		return err
	}
	var found []Hit
	for h, err := range q.Find(w) {
		if err != nil {
			return "find", nil, err
		}
		found = append(found, h)
	}
	all = append(all, found)
	for i, field := range []string{"params.p", "metrics.q q", "branch", "time", "version", "source"} {
		if err := collect(q.Sorted(field, i%2 == 0, 3*(i%3), w)); err != nil {
			return field, nil, err
		}
	}
	for _, field := range []string{"metrics.q q", "time", "size"} {
		var list []Hit
		for h, err := range q.Values(field, w) {
			if err != nil {
				return field, nil, err
			}
			h.Time = time.Unix(h.Time.Unix(), int64(h.Time.Nanosecond())).UTC()
			list = append(list, h)
		}
		all = append(all, list)
	}
	types, err := q.Fields()
	if err != nil {
		return "fields", nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		all = append(all, []Hit{{Path: name, Value: int64(types[name])}})
	}
	return "", all, nil
}

// sameAnswers demands that the index answers as a walk does.
func sameAnswers(t interface{ Fatalf(string, ...any) }, ix *Index, src Source, questions ...Where) {
	ctx := context.Background()
	for _, w := range questions {
		var got, want [][]Hit
		err := ix.With(ctx, src, func(q *Query) (err error) {
			_, got, err = answers(q, w)
			return err
		})
		if err != nil {
			t.Fatalf("With: %v", err)
		}
		err = Walk(ctx, src, func(q *Query) (err error) {
			_, want, err = answers(q, w)
			return err
		})
		if err != nil {
			t.Fatalf("Walk: %v", err)
		}
		if slices.EqualFunc(got, want, func(a, b []Hit) bool { return slices.EqualFunc(a, b, sameHit) }) {
			continue
		}
		if d := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%+v: index differs from walk (-walk +index):\n%s", w, d)
		}
	}
}

func sameHit(a, b Hit) bool {
	x, isNaN := a.Value.(float64)
	y, alsoNaN := b.Value.(float64)
	if isNaN && alsoNaN && x != x && y != y {
		a.Value, b.Value = nil, nil
	}
	return a == b
}

func TestSameAsWalk(t *testing.T) {
	dirs := 0
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dirs++
		ix := Open(fmt.Sprintf("%s/%d", base, dirs), Options{Batch: rapid.Uint64Range(1, 12).Draw(t, "batch"), Session: rapid.SampledFrom([]int{0, 1, 2000}).Draw(t, "session")})
		h := &history{}
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			for range rapid.IntRange(0, 15).Draw(t, "entries") {
				h.entries = append(h.entries, drawRecord(t, uint64(len(h.entries)+1)))
			}
			sameAnswers(t, ix, h, drawWhere(t, uint64(len(h.entries))), drawWhere(t, uint64(len(h.entries))))
		}
		// An older snapshot.
		sameAnswers(t, ix, h.upTo(rapid.IntRange(0, len(h.entries)).Draw(t, "old")), drawWhere(t, uint64(len(h.entries))))
	})
}

// someQuestions are for histories of makeHistory.
func someQuestions(h *history) []Where {
	last := h.entries[len(h.entries)-1]
	mid := h.entries[len(h.entries)/2-1]
	return []Where{
		{},
		{Paths: []string{"models/group-03"}},
		{Paths: []string{mid.Changes[0].Path}},
		{Blob: whole(last.Changes[0].Blob)},
		{Since: day.Add(time.Hour), Until: day.Add(3 * time.Hour), Expr: mustParse("params.param1 < 0.05")},
		{Expr: mustParse("message ~ '7$' or metrics.metric0 > 0.9")},
	}
}
