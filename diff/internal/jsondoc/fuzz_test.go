package jsondoc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
)

// A document is taken or refused whatever the windows are, with the same hashes or the same
// place; and what is taken is what encoding/json takes, but for what the package says.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.50,-0,1e5],"b":{"c":"x\u00e9\ud834\udd1e"}}`, `[NaN,-Infinity]`, `{"a":1,"a":2}`, "[1,\n", "\"\xff\"", "01", `"\ud800"`, "[[],{},[[]]]"} {
		f.Add([]byte(s), int64(1))
	}
	f.Fuzz(func(t *testing.T, doc []byte, memory int64) {
		x, err := Open(context.Background(), bytes.NewReader(doc), "a", 0)
		y, err2 := Open(context.Background(), bytes.NewReader(doc), "a", memory)
		if err != nil {
			var a, b *SyntaxError
			if !errors.As(err, &a) || !errors.As(err2, &b) {
				t.Fatalf("%v, in windows %v", err, err2)
			}
			// In windows it may be seen that a string is wrong before it is seen not to end.
			if a.Off < 0 || a.Off > int64(len(doc)) || a.Err != nil && a.Err != b.Err && a.Err != ErrTruncated {
				t.Fatalf("%v, in windows %v", err, err2)
			}
			if a.Err == nil && json.Valid(doc) {
				t.Fatalf("%v, but it is valid", err)
			}
			return
		}
		if err2 != nil || x.Root != y.Root || x.Word != y.Word {
			t.Fatalf("%+v, in windows %+v, %v", x.Root, y.Root, err2)
		}
		if (x.Word < 0) != json.Valid(doc) {
			t.Fatalf("valid is %v", json.Valid(doc))
		}
	})
}
