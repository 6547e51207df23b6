package wrapper

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// drawDocument draws any JSON with any white space in it.
func drawDocument(t *rapid.T) string {
	var b strings.Builder
	space := func() {
		b.WriteString(rapid.StringMatching(`[ \t\r\n]{0,3}`).Draw(t, "space"))
	}
	str := rapid.SampledFrom([]string{`""`, `"a"`, `"data"`, `"metadata"`, `"data_size"`, `"\""`, `"\\"`, `"\u00E9\ud800\n"`, `"é{[,:]}"`, "\"\xff\"", `"<&>"`})
	scalar := rapid.SampledFrom([]string{`null`, `true`, `false`, `0`, `-0`, `-12.50e-07`, `1E+400`, `123456789012345678901234567890`, `3`})
	var value func(depth int)
	value = func(depth int) {
		kind := rapid.IntRange(0, 3).Draw(t, "kind")
		if depth == 0 {
			kind %= 2
		}
		switch kind {
		case 0:
			b.WriteString(scalar.Draw(t, "scalar"))
		case 1:
			b.WriteString(str.Draw(t, "string"))
		default:
			b.WriteByte("[{"[kind-2])
			space()
			for i := range rapid.IntRange(0, 4).Draw(t, "members") {
				if i > 0 {
					b.WriteByte(',')
					space()
				}
				if kind == 3 {
					b.WriteString(str.Draw(t, "name"))
					space()
					b.WriteByte(':')
					space()
				}
				value(depth - 1)
				space()
			}
			b.WriteByte("]}"[kind-2])
		}
	}
	space()
	value(4)
	space()
	return b.String()
}

func TestRoundTrip(t *testing.T) {
	metadata := rapid.MapOfN(rapid.String(), rapid.Map(rapid.String(), func(s string) any { return s }), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		body := drawDocument(t)
		// A wrapper in a wrapper must come out as well.
		for range rapid.IntRange(1, 3).Draw(t, "times") {
			var b, back bytes.Buffer
			if err := Wrap(&b, metadata.Draw(t, "metadata"), strings.NewReader(body), int64(len(body))); err != nil {
				t.Fatalf("%q: %v", body, err)
			}
			info, err := Inspect(bytes.NewReader(b.Bytes()))
			if err != nil || !info.Wrapped {
				t.Fatalf("%q: wrapped %v, %v", b.String(), info.Wrapped, err)
			}
			if err := Unwrap(&back, bytes.NewReader(b.Bytes()), info); err != nil {
				t.Fatalf("%q: %v", b.String(), err)
			}
			if back.String() != body {
				t.Fatalf("%q came back as %q", body, back.String())
			}
			body = b.String()
		}
	})
}

func FuzzInspect(f *testing.F) {
	for _, s := range []string{
		``, ` `, `{}`, `{"metadata":{"data_size":3},"data": 1 }`, `{"data":[-1.5e+7,"\u00e9\\"],"metadata":{"a":null}}`,
		`[NaN]`, `[-Infinity`, `{"metadata":1,"data":2}`, "\xef\xbb\xbf1", `[[[[{"a":[true,false]}]]]]`, `"` + "\xf0\x9f", `01`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		info, err := Inspect(bytes.NewReader(doc))
		_, metadata := err.(*MetadataError)
		if valid := jsontext.Value(doc).IsValid(lax...); valid != (err == nil || metadata) {
			t.Fatalf("%q: valid %v, and %v", doc, valid, err)
		}
		if e, ok := err.(*SyntaxError); ok && (e.Off < 0 || e.Off > int64(len(doc))) {
			t.Fatalf("%q: %v", doc, err)
		}
		if !info.Wrapped {
			if info.Meta != nil || info.DataOff != 0 || info.DataLen != 0 {
				t.Fatalf("%q: %+v", doc, info)
			}
			return
		}
		var data bytes.Buffer
		if err := Unwrap(&data, bytes.NewReader(doc), info); err != nil {
			t.Fatal(err)
		}
		if !jsontext.Value(data.Bytes()).IsValid(lax...) || !info.Meta.IsValid(lax...) || info.Meta.Kind() != '{' {
			t.Fatalf("%q: metadata %q, data %q", doc, info.Meta, data.Bytes())
		}
	})
}

// flow is before, then n bytes of middle over and over, then after.
func flow(before, middle string, n int, after string) (r io.Reader, size int64) {
	n /= len(middle)
	return io.MultiReader(strings.NewReader(before), &repeated{text: middle, left: n * len(middle)}, strings.NewReader(after)),
		int64(len(before) + n*len(middle) + len(after))
}

type repeated struct {
	text       string
	left, done int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.left)], r.text[r.done:])
	r.done = (r.done + n) % len(r.text)
	r.left -= n
	return n, nil
}

// A long string and long white space are what decoders like to keep whole.
func TestLongStreams(t *testing.T) {
	size := 100 << 20
	if testing.Short() {
		size = 4 << 20
	}
	for name, c := range map[string][3]string{
		"numbers":     {`[0`, strings.Repeat(",\n  0.06831234567", 1000), `]`},
		"string":      {`{"weights":"`, strings.Repeat("QUJD", 5000), `"}`},
		"name":        {`{"`, strings.Repeat("QUJD", 5000), `":1}`},
		"white space": {``, strings.Repeat(" \n", 5000), `1`},
		"digits":      {`-1`, strings.Repeat("7", 5000), `.5e1`},
		"escapes":     {`["`, strings.Repeat(`\u00e9\\`, 5000), `"]`},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		body, n := flow(c[0], c[1], size, c[2])
		r, w := io.Pipe()
		go func() { w.CloseWithError(Wrap(w, map[string]any{"name": name}, body, n)) }()
		info, err := Inspect(r)
		runtime.ReadMemStats(&after)
		if err != nil || !info.Wrapped || info.DataLen != n {
			t.Errorf("%s: %+v, %v; want %d bytes", name, info, err, n)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, used)
		}
	}
}

func BenchmarkInspect(b *testing.B) {
	for name, middle := range map[string]string{
		"numbers": ",\n  0.06831234567", "compact": ",0.06831234567", "objects": `,{"tempo":120.5,"pattern_type":"sparse","meter":"4/4"}`, "strings": `,"a long string that goes on and on"`,
	} {
		doc := []byte(`[0` + strings.Repeat(middle, 8<<20/len(middle)) + `]`)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				if _, err := Inspect(bytes.NewReader(doc)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"-jsontext", func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				if err := jsontext.NewDecoder(bytes.NewReader(doc), lax...).SkipValue(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
