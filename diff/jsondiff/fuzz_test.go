package jsondiff

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
)

func seeds(f *testing.F) {
	for _, s := range [][2]string{
		{`{"a":1,"b":[1,2,3]}`, `{"b":[1,3],"a":1.0}`},
		{`[{"id":1,"w":2},{"id":2}]`, `[{"id":2},{"id":1,"w":3},{"id":4}]`},
		{`[1,2,3,NaN,-Infinity]`, `[Infinity, 1e5, 0.10, -0]`},
		{`{"a":{"b":[[1,2],[3,4]]}}`, `{"a":{"b":[[1,2.5],[3]]}}`},
		{`"\ud800 \u00e9 \n"`, `"é"`},
		{`{"a":1,"a":2}`, `[`},
		{"", "\xff"},
		{`[[[[[]]]]]`, `01`},
	} {
		f.Add([]byte(s[0]), []byte(s[1]), int64(1))
	}
}

// Whatever the documents hold, Diff and Patch say so, or what they say is well formed, and
// they agree with each other.
func FuzzDiff(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, a, b []byte, memory int64) {
		o := Options{Memory: memory, Preview: 20}
		r, err := Diff(context.Background(), bytes.NewReader(a), bytes.NewReader(b), o)
		var se *SyntaxError
		if err != nil {
			if !errors.As(err, &se) || se.Line < 1 || se.Column < 1 || se.Side != "a" && se.Side != "b" {
				t.Fatal(err)
			}
			if json.Valid(a) && json.Valid(b) && se.Err == nil {
				t.Fatalf("%v, but both are valid", err)
			}
			return
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = Patch(context.Background(), &out, bytes.NewReader(a), bytes.NewReader(b), o)
		if errors.Is(err, ErrNotANumber) {
			if json.Valid(a) && json.Valid(b) || out.Len() > 0 {
				t.Fatal("no JSON, though both are valid")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(a) || !json.Valid(b) {
			t.Fatal("taken for JSON, but invalid")
		}
		var ops []struct{ Op, Path, From string }
		if err := json.Unmarshal(out.Bytes(), &ops); err != nil {
			t.Fatalf("%v in %s", err, out.Bytes())
		}
		if (len(ops) == 0) != r.Equal {
			t.Fatalf("%d operations, equal: %v", len(ops), r.Equal)
		}
	})
}
