package jsonmerge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
)

// Whatever the documents hold, a merge is refused with a place, or ends in a conflict, or
// writes a document.
func FuzzMerge(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[1,2,3]}`), []byte(`{"b":[1,3],"a":1.0}`), []byte(`{"a":2}`), 0, int64(1))
	f.Add([]byte(`[{"id":1,"w":2},{"id":2}]`), []byte(`[{"id":2},{"id":1,"w":3},{"id":4}]`), []byte(`[]`), 1, int64(0))
	f.Add([]byte(`[1,2,3]`), []byte(`[ 1, 4, 2 ]`), []byte("[\n1,\n5,2]\n"), 2, int64(1))
	f.Add([]byte(`{}`), []byte(`{"a":[NaN]}`), []byte(`{ "b":"\ud800" }`), 0, int64(64))
	f.Add([]byte(`{"a":1,"a":2}`), []byte(`"é"`), []byte("\xff"), 0, int64(1))
	f.Fuzz(func(t *testing.T, base, ours, theirs []byte, prefer int, memory int64) {
		o := Options{Prefer: Prefer(uint(prefer) % 3), Memory: memory, Preview: 20}
		var out bytes.Buffer
		r, err := Merge(context.Background(), &out, bytes.NewReader(base), bytes.NewReader(ours), bytes.NewReader(theirs), o)
		var se *SyntaxError
		switch {
		case errors.As(err, &se):
			if se.Line < 1 || se.Column < 1 || se.Side == "" || out.Len() > 0 {
				t.Fatal(err)
			}
			return
		case errors.Is(err, ErrConflict):
			if r.Total == 0 || len(r.Conflicts) == 0 || out.Len() > 0 || o.Prefer != None {
				t.Fatalf("%+v", r)
			}
			return
		case err != nil:
			t.Fatal(err)
		}
		if json.Valid(base) && json.Valid(ours) && json.Valid(theirs) && !json.Valid(out.Bytes()) {
			t.Fatalf("wrote %s", out.Bytes())
		}
		// What was written merges with itself to itself, and needs no patch: it is read again.
		var again bytes.Buffer
		if _, err := Merge(context.Background(), &again, bytes.NewReader(base), bytes.NewReader(out.Bytes()), bytes.NewReader(out.Bytes()), o); err != nil || !bytes.Equal(again.Bytes(), out.Bytes()) {
			t.Fatalf("%v: %s became %s", err, out.Bytes(), again.Bytes())
		}
	})
}
