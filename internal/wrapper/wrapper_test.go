package wrapper

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func TestInspect(t *testing.T) {
	for _, c := range []struct {
		doc        string
		meta, data string // "" when it is no wrapper
	}{
		{`{"metadata":{},"data":[]}`, `{}`, `[]`},
		{"\n{ \"data\" : [1, 2] ,\n \"metadata\" : { \"a\" : 1 } }\n\n", `{ "a" : 1 }`, `[1, 2]`},
		{"{\n  \"metadata\": {\n    \"v\": \"2.0\"\n  },\n  \"data\": {\n    \"x\": 1\n  }\n}", "{\n    \"v\": \"2.0\"\n  }", "{\n    \"x\": 1\n  }"},
		{`{"metadata":{},"data":null}`, `{}`, `null`},
		{`{"metadata":{},"data":-1.5e+3}`, `{}`, `-1.5e+3`},
		{`{"metadata":{},"data":{"metadata":{},"data":1,"data":2}}`, `{}`, `{"metadata":{},"data":1,"data":2}`},
		{`{"\u006d\u0065\u0074\u0061\u0064\u0061\u0074\u0061":{},"d\u0061ta":7}`, `{}`, `7`},
		{"{\"metadata\":{\"a\":\"\xff\",\"a\":\"\\ud800\"},\"data\": \"\xfe\" }", "{\"a\":\"\xff\",\"a\":\"\\ud800\"}", "\"\xfe\""},
		// data_size tells which white space belongs to the data
		{`{"metadata":{"data_size":3},"data": 1 }`, `{"data_size":3}`, ` 1 `},
		{`{"data":	1 ,"metadata":{"x":[1],"data_size":3}}`, `{"x":[1],"data_size":3}`, `	1 `},
		{`{"metadata":{"data_size":1},"data": 1 }`, `{"data_size":1}`, `1`},
		{`{"metadata":{"data_size":2},"data": 1 }`, `{"data_size":2}`, `1`},
		{`{"metadata":{"data_size":"3"},"data": 1 }`, `{"data_size":"3"}`, `1`},
		{`{"metadata":{"data_size":3.0},"data": 1 }`, `{"data_size":3.0}`, `1`},
		{`{"metadata":{"a":{"data_size":3}},"data": 1 }`, `{"a":{"data_size":3}}`, `1`},
		// none
		{doc: `{}`}, {doc: ` [ ] `}, {doc: `0`}, {doc: `"metadata"`}, {doc: `null`}, {doc: `[{"metadata":{},"data":1}]`},
		{doc: `{"metadata":{}}`}, {doc: `{"data":{}}`}, {doc: `{"metadata":1}`},
		{doc: `{"metadata":{},"data":1,"version":2}`},
		{doc: `{"version":2,"metadata":3,"data":1}`},
		{doc: `{"metadata":{},"data":1,"data":1}`},
		{doc: `{"metadata":{},"metadata":{},"data":1}`},
		{doc: `{"metadata":{},"Data":1}`},
		{doc: `{"metadata":{},"data":1,"` + strings.Repeat("x", 2*bufferSize) + `":1}`},
	} {
		for name, r := range readers(c.doc) {
			info, err := Inspect(r)
			if err != nil {
				t.Errorf("%.60q, %s: %v", c.doc, name, err)
				continue
			}
			if info.Wrapped != (c.data != "") {
				t.Errorf("%.60q, %s: wrapped %v", c.doc, name, info.Wrapped)
				continue
			}
			data := c.doc[info.DataOff:][:info.DataLen]
			if string(info.Meta) != c.meta || data != c.data {
				t.Errorf("%.60q, %s: metadata %q, data %q; want %q, %q", c.doc, name, info.Meta, data, c.meta, c.data)
			}
		}
	}
}

// readers are ways in which a document may arrive.
func readers(doc string) map[string]io.Reader {
	return map[string]io.Reader{
		"whole":             strings.NewReader(doc),
		"by bytes":          iotest.OneByteReader(strings.NewReader(doc)),
		"by halves":         iotest.HalfReader(strings.NewReader(doc)),
		"data with the end": iotest.DataErrReader(strings.NewReader(doc)),
	}
}

// Wherever reading fails, that is the error, and none of syntax.
func TestInspectReadError(t *testing.T) {
	broken := errors.New("broken")
	doc := `{"metadata":{"a":[true,-1.5e1]},"data": {"b\u00e4\n":[NaN` // the reader fails before NaN is complete
	for n := range len(doc) {
		_, err := Inspect(io.MultiReader(strings.NewReader(doc[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %q: %v", doc[:n], err)
		}
	}
	for _, doc := range []string{`1`, `[]`, `{}`, `"a" `} {
		if _, err := Inspect(io.MultiReader(strings.NewReader(doc), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("after %q: %v", doc, err)
		}
	}
	if _, err := Inspect(iotest.ErrReader(nil)); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("reader without progress: %v", err)
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		meta map[string]any
		body string
		want string
	}{
		{nil, `1`, `{"metadata":{"data_size":1},"data":1}`},
		{map[string]any{"z": "<&\u2028ä>", "a": map[string]any{"y": 1, "b": []int{1}}}, " [ ]\n",
			"{\"metadata\":{\"a\":{\"b\":[1],\"y\":1},\"data_size\":5,\"z\":\"<&\u2028ä>\"},\"data\": [ ]\n}"},
		{map[string]any{"data_size": "many", "big": int64(1<<53 + 1), "f": 0.1, "n": json.Number("1.50"), "raw": json.RawMessage("{ \"b\":1,\n\"a\":2}")}, `"a"`,
			`{"metadata":{"big":9007199254740993,"data_size":3,"f":0.1,"n":1.50,"raw":{"a":2,"b":1}},"data":"a"}`},
		{map[string]any{"t": time.Date(2025, 11, 13, 0, 0, 0, 0, time.UTC)}, `{"a":1,"a":1}`,
			`{"metadata":{"data_size":13,"t":"2025-11-13T00:00:00Z"},"data":{"a":1,"a":1}}`},
	} {
		n := len(c.meta)
		var b bytes.Buffer
		if err := Wrap(&b, c.meta, strings.NewReader(c.body), int64(len(c.body))); err != nil {
			t.Errorf("%q: %v", c.body, err)
		} else if b.String() != c.want {
			t.Errorf("%q: %s; want %s", c.body, b.String(), c.want)
		}
		if len(c.meta) != n || c.meta["data_size"] != nil && c.meta["data_size"] != "many" {
			t.Errorf("%q: the metadata given were changed: %v", c.body, c.meta)
		}
	}
}

func TestWrapErrors(t *testing.T) {
	broken := errors.New("broken")
	wrap := func(meta map[string]any, body string, size int64) error {
		return Wrap(io.Discard, meta, strings.NewReader(body), size)
	}
	var syntax *SyntaxError
	for body, off := range map[string]int64{``: 0, ` `: 1, `{`: 1, `[1]x`: 3, `[NaN]`: 1} {
		if err := wrap(nil, body, int64(len(body))); !errors.Is(err, ErrNotJSON) || !errors.As(err, &syntax) || syntax.Off != off {
			t.Errorf("%q: %v", body, err)
		}
	}
	for _, size := range []int64{-1, 0, 2, 4, 100} {
		if err := wrap(nil, `[1]`, size); !errors.Is(err, ErrSize) {
			t.Errorf("size %d in place of 3: %v", size, err)
		}
	}
	if err := wrap(nil, `[1, 2`, 7); !errors.Is(err, ErrSize) {
		t.Errorf("a body cut short: %v", err)
	}
	var meta *MetadataError
	if err := wrap(map[string]any{"a": strings.Repeat("x", MaxMetadata)}, `1`, 1); !errors.As(err, &meta) {
		t.Errorf("large metadata: %v", err)
	}
	for _, v := range []any{math.NaN(), func() {}, json.RawMessage(`{"a":1,"a":2}`), jsontext.Value(`{`)} {
		if err := wrap(map[string]any{"a": v}, `1`, 1); err == nil {
			t.Errorf("metadata %v: no error", v)
		}
	}
	if err := Wrap(io.Discard, nil, iotest.ErrReader(broken), 1); !errors.Is(err, broken) {
		t.Errorf("reader's error: %v", err)
	}
	body := strings.Repeat(" ", 3*bufferSize) + "1"
	for _, n := range []int{0, 10, bufferSize, 2*bufferSize + 100, 3*bufferSize + 1 + len(`{"metadata":{"data_size":196609},"data":`)} {
		if err := Wrap(&limited{n}, nil, strings.NewReader(body), int64(len(body))); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("writer's error after %d bytes: %v", n, err)
		}
	}
}

type limited struct{ n int }

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.n {
		return 0, io.ErrShortWrite
	}
	l.n -= len(p)
	return len(p), nil
}

func TestUnwrapErrors(t *testing.T) {
	if err := Unwrap(io.Discard, strings.NewReader(`{}`), Info{}); !errors.Is(err, ErrNotWrapped) {
		t.Errorf("no wrapper: %v", err)
	}
	doc := `{"metadata":{},"data":[1,2,3]}`
	info, err := Inspect(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	if err := Unwrap(io.Discard, strings.NewReader(doc[:len(doc)-3]), info); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("file cut short since: %v", err)
	}
	if err := Unwrap(&limited{3}, strings.NewReader(doc), info); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("writer's error: %v", err)
	}
}
