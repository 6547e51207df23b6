package jsondiff

import (
	"bytes"

	"context"
	"encoding/json"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"pgregory.net/rapid"

	"github.com/mstore/mstore/diff/internal/jsondoctest"
)

// pair makes a document and a changed one, as bytes.
func pair(t *rapid.T) (a, b []byte) {
	x := jsondoctest.Value(t, 4)
	y := jsondoctest.Change(t, x)
	if rapid.IntRange(0, 9).Draw(t, "unrelated") == 0 {
		y = jsondoctest.Value(t, 3)
	}
	return jsondoctest.Encode(t, x), jsondoctest.Encode(t, y)
}

// memory is how much of a document is held: all, or little of it.
func memory(t *rapid.T) int64 {
	return int64(rapid.SampledFrom([]int{0, 1, 64 * 40}).Draw(t, "memory"))
}

// A patch, applied by another's library, makes b of a.
func TestPatchApplies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := pair(t)
		var out bytes.Buffer
		if err := Patch(context.Background(), &out, bytes.NewReader(a), bytes.NewReader(b), Options{Memory: memory(t)}); err != nil {
			t.Fatal(err)
		}
		p, err := jsonpatch.DecodePatch(out.Bytes())
		if err != nil {
			t.Fatalf("%v in %s", err, out.Bytes())
		}
		// The library knows no documents other than objects and arrays.
		for _, op := range p {
			if path, _ := op.Path(); path != "" {
				path = "/d" + path
				op["path"] = raw(path)
			} else {
				op["path"] = raw("/d")
			}
			if from, err := op.From(); err == nil {
				op["from"] = raw("/d" + from)
			}
		}
		got, err := p.Apply([]byte(`{"d":` + string(a) + `}`))
		if err != nil {
			t.Fatalf("%v\napplying %s\nto %s", err, out.Bytes(), a)
		}
		want := jsondoctest.Canonical([]byte(`{"d":` + string(b) + `}`))
		if have := jsondoctest.Canonical(got); have != want {
			t.Fatalf("patch\n%s\nturns %s\ninto %s\nnot %s", out.Bytes(), a, got, b)
		}
	})
}

// Documents differ for Diff exactly when they do.
func TestDiffIsRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := pair(t)
		r, err := Diff(context.Background(), bytes.NewReader(a), bytes.NewReader(b), Options{Memory: memory(t), Limit: rapid.IntRange(-1, 3).Draw(t, "limit")})
		if err != nil {
			t.Fatal(err)
		}
		if same := jsondoctest.Canonical(a) == jsondoctest.Canonical(b); r.Equal != same {
			t.Fatalf("equal: %v, but %s\n%s", r.Equal, a, b)
		}
		if int64(len(r.Changes))+r.Omitted != r.Totals.Count() {
			t.Fatalf("%d changes and %d omitted make %d", len(r.Changes), r.Omitted, r.Totals.Count())
		}
	})
}

func raw(s string) *json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	m := json.RawMessage(b)
	return &m
}
