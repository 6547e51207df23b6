package jsonmerge

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/mstore/mstore/diff/internal/jsondoctest"
)

// merged merges, and returns what was written.
func merged(t rapid.TB, base, ours, theirs []byte, prefer Prefer, memory int64) (string, *Result) {
	t.Helper()
	var out bytes.Buffer
	r, err := Merge(context.Background(), &out, bytes.NewReader(base), bytes.NewReader(ours), bytes.NewReader(theirs), Options{Prefer: prefer, Memory: memory})
	switch {
	case errors.Is(err, ErrConflict):
		if prefer != None || r.Total == 0 || out.Len() > 0 {
			t.Fatalf("conflict with preference %d, %d conflicts, %d bytes", prefer, r.Total, out.Len())
		}
	case err != nil:
		t.Fatalf("%v merging\n%s\n%s\n%s", err, base, ours, theirs)
	case r.Total > 0 && prefer == None:
		t.Fatal("conflicts, but no error")
	default:
		jsondoctest.Canonical(out.Bytes()) // valid
	}
	return out.String(), r
}

// memory is how much of a document is held: all, or little of it.
func memory(t *rapid.T) int64 {
	return int64(rapid.SampledFrom([]int{0, 1, 64 * 40}).Draw(t, "memory"))
}

func three(t *rapid.T) (base, ours, theirs []byte) {
	x := jsondoctest.Value(t, 4)
	return jsondoctest.Encode(t, x), jsondoctest.Encode(t, jsondoctest.Change(t, x)), jsondoctest.Encode(t, jsondoctest.Change(t, x))
}

// Where only one side changed, or both in the same way, that side is the outcome.
func TestOneSide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, x, _ := three(t)
		for _, docs := range [][3][]byte{{b, b, x}, {b, x, b}, {b, x, x}, {x, b, b}} {
			got, r := merged(t, docs[0], docs[1], docs[2], None, memory(t))
			want := x
			if &docs[0][0] == &x[0] {
				want = b
			}
			if got != string(want) || r.Total != 0 {
				t.Fatalf("base %s\nours %s\ntheirs %s\nbecame %s", docs[0], docs[1], docs[2], got)
			}
		}
	})
}

// A side that is only written otherwise changed nothing.
func TestOneSideRewritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := jsondoctest.Value(t, 4)
		y := jsondoctest.Change(t, x)
		b, again, changed := jsondoctest.Encode(t, x), jsondoctest.Encode(t, x), jsondoctest.Encode(t, y)
		for _, docs := range [][3][]byte{{b, again, changed}, {b, changed, again}} {
			got, r := merged(t, docs[0], docs[1], docs[2], None, memory(t))
			if r.Total != 0 || jsondoctest.Canonical([]byte(got)) != jsondoctest.Canonical(changed) {
				t.Fatalf("base %s\nours %s\ntheirs %s\nbecame %s", docs[0], docs[1], docs[2], got)
			}
		}
	})
}

// Both sides meet the same conflicts, whichever is ours; and preferences mirror.
func TestSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, x, y := three(t)
		_, r := merged(t, b, x, y, None, memory(t))
		_, s := merged(t, b, y, x, None, memory(t))
		if r.Total != s.Total {
			t.Fatalf("%d conflicts, but %d the other way\n%s\n%s\n%s", r.Total, s.Total, b, x, y)
		}
		_, r = merged(t, b, x, y, Ours, memory(t))
		_, s = merged(t, b, y, x, Theirs, memory(t))
		if r.Total != s.Total {
			t.Fatalf("%d conflicts preferring ours, but %d the other way\n%s\n%s\n%s", r.Total, s.Total, b, x, y)
		}
	})
}
