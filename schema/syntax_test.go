package schema

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// damaged demands that a document is none, and returns why.
func damaged(t *testing.T, r *Registry, name, doc string) Finding {
	t.Helper()
	rep := checkWith(t, r, name, doc, Options{})
	if !rep.Damaged || rep.Valid() || rep.Format != FormatJSON || rep.Wrapped || rep.Stats != nil || rep.Params != nil || rep.Metadata != nil {
		t.Fatalf("%.60q: %+v", doc, rep)
	}
	f := only(t, rep)
	lines := strings.Split(doc, "\n")
	if f.Rule != "json" || f.Severity != Error || f.Line < 1 || f.Line > len(lines) || f.Column < 1 || f.Column > len([]rune(lines[f.Line-1]))+1 {
		t.Fatalf("%.60q: %+v", doc, f)
	}
	return f
}

func TestSyntaxErrors(t *testing.T) {
	const python = " is no JSON (Python's json.dump writes it unless allow_nan=False)"
	for _, w := range []struct{ about, doc, want string }{
		{"empty", "", "1:1: the file is empty"},
		{"white space", " \n\t\r\n  ", "1:1: the file is empty"},
		{"cut off", `{"a":[1,`, "1:9: the file ends in the middle of the document"},
		{"cut off in a string", "{\"a\":\n\"xy", "2:4: the file ends in the middle of the document"},
		{"cut off before a value", `{"a":`, "1:6: the file ends in the middle of the document"},
		{"trailing garbage", `{"a":1} x`, "1:9: invalid character 'x'"},
		{"trailing brace", `{"a":1}}`, "1:8: "},
		{"trailing comma", `[1,2,]`, "1:5: "},
		{"no comma", "[1\n 2]", "2:2: "},
		{"two documents", "{\"a\":1}\n {\"a\":2}", "2:2: there is more than one document"},
		{"two numbers", "1 2", "1:3: there is more than one document"},
		{"NaN", `{"a":NaN}`, "1:6: NaN" + python},
		{"NaN in a list", `{"a":[1.5, NaN, 2]}`, "1:12: NaN" + python},
		{"NaN in what is not looked at", `{"x":{"y":[1, NaN]}}`, "1:15: NaN" + python},
		{"NaN alone", `NaN`, "1:1: NaN" + python},
		{"Infinity", `{"a": Infinity}`, "1:7: Infinity" + python},
		{"-Infinity", "[\n-Infinity]", "2:"},
		{"nan", `[nan]`, "1:"},
		{"Python's None", `{"a":None}`, "1:6: "},
		{"single quotes", `{'a':1}`, "1:2: "},
		{"a name without quotes", `{a:1}`, "1:2: "},
		{"a number for a name", `{1:1}`, "1:2: "},
		{"a comment", "// x\n{}", "1:"},
		{"byte order mark", "\uFEFF{}", "1:1: "},
		{"a zero in front", `[01]`, "1:3: "},
		{"a control character", "[\"a\x01\"]", "1:4: "},
		{"a bad escape", `["\x"]`, "1:"},
		{"UTF-16", "{\x00}\x00", "1:2: "},
	} {
		f := damaged(t, registry(t), "x.json", w.doc)
		place, text, _ := strings.Cut(w.want, ": ")
		if got := fmt.Sprintf("%d:%d", f.Line, f.Column); !strings.HasPrefix(got, place) {
			t.Errorf("%s: at %s, want %s", w.about, got, place)
		}
		if !strings.HasPrefix(f.Message, "not well-formed JSON: "+text) {
			t.Errorf("%s: %s, want %s", w.about, f.Message, text)
		}
	}
	for _, w := range []string{"-Infinity", "NaN"} { // in a value that is read as a whole
		r := schemaRegistry(t, `{"properties":{"a":{"uniqueItems":true}}}`)
		if f := damaged(t, r, "x.json", `{"a":[1,`+w+`]}`); !strings.Contains(f.Message, ": "+w+" is no JSON") {
			t.Errorf("%s: %s", w, f.Message)
		}
	}
}

// What is cut off is never valid, and the place is where it ends at the latest.
func TestCutOffAtEveryByte(t *testing.T) {
	doc := "{\"audio_frames\" : [\n {\"timestamp\":-1.5e+3,\"é\":\"日\\u00e9\\n\",\"a\":[true,false,null,{}]},[\"\"]],\r\n\"x\":{\"y\":{\"z\":0}}}"
	whole := schemaRegistry(t, `{"properties":{"audio_frames":{"uniqueItems":true,"items":{"anyOf":[true]}}},"additionalProperties":{"required":["y"]}}`)
	for _, r := range []*Registry{registry(t), whole} {
		for n := range len(doc) {
			f := damaged(t, r, "x.json", doc[:n])
			if f.off > int64(n) {
				t.Errorf("%d bytes: %+v", n, f)
			}
			if rep := checkWith(t, r, "x.bin", doc[:n], Options{}); rep.Damaged || len(rep.Findings) > 0 {
				t.Errorf("%d bytes under another name: %+v", n, rep)
			}
			if n > 0 && strings.HasSuffix(f.Message, "is empty") {
				t.Errorf("%d bytes: %s", n, f.Message)
			}
		}
		if rep := checkWith(t, r, "x.json", doc, Options{}); rep.Damaged {
			t.Errorf("%+v", rep)
		}
	}
}

// A name that decides tells the kind of what is damaged as well.
func TestKindOfDamaged(t *testing.T) {
	for name, kind := range map[string]string{"x_rhythm_oracle.json": "rhythm_oracle", "x_correlation.json": "correlation", "x.json": ""} {
		if rep := check(t, name, `{"audio_frames":[`); rep.Kind != kind || !rep.Damaged {
			t.Errorf("%s: %+v", name, rep)
		}
	}
}

func TestDeepNesting(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	schemas := []string{`{"items":{"$ref":"#"},"type":"array"}`, `{}`, `{"not":{"type":"string"}}`, `{"anyOf":[{"items":{"$ref":"#"}}]}`}
	for _, schema := range schemas {
		r := schemaRegistry(t, schema)
		if rep := checkWith(t, r, "x.json", nested(9999), Options{}); !rep.Valid() {
			t.Errorf("%s: %v", schema, rep.Findings)
		}
		f := damaged(t, r, "x.json", nested(10_001))
		if !strings.Contains(f.Message, "exceeded max depth") || f.Line != 1 || f.Column < 9999 {
			t.Errorf("%s: %+v", schema, f)
		}
	}
	rep := checkWith(t, schemaRegistry(t, `{"items":{"$ref":"#"},"type":"array"}`), "x.json", strings.Replace(nested(5000), "[]", "[5]", 1), Options{})
	if f := only(t, rep); f.Path != "$"+strings.Repeat("[0]", 5000) || f.Column != 5001 {
		t.Errorf("%d:%d, %d characters of path", f.Line, f.Column, len(f.Path))
	}
}

func TestInvalidUTF8IsRead(t *testing.T) {
	r := schemaRegistry(t, `{"additionalProperties":{"type":"string"}}`)
	for doc, errs := range map[string]int{"{\"a\xff\":\"\xff\"}": 0, "{\"a\xff\":5}": 1, `{"\ud800":5}`: 1} {
		if rep := checkWith(t, r, "x.json", doc, Options{}); rep.Damaged || rep.Errors != errs {
			t.Errorf("%q: %+v", doc, rep)
		}
	}
}

// Errors of reading are no findings.
func TestReadingErrors(t *testing.T) {
	good := `{"audio_frames":[` + strings.Repeat(`{"timestamp":1,"features":[0.5,0.25]},`, 9000) + `{}]}`
	for _, name := range []string{"x.json", "x", "x_correlation.json"} {
		for from := int64(0); from < int64(len(good)); from += 29_999 {
			rep, err := registry(t).Check(context.Background(), Input{Name: name, Size: int64(len(good)), At: &broken{good, from}}, Options{})
			if !isBroken(err) || rep != nil {
				t.Errorf("%s, broken from %d: %+v, %v", name, from, rep, err)
			}
		}
	}
	// Of a content that ends too early, the reader knows more than the parser.
	for _, err := range []error{io.ErrUnexpectedEOF, fmt.Errorf("unpacking: %w", io.ErrUnexpectedEOF)} {
		for _, n := range []int{0, 5, 100, 65_536, 100_000} {
			in := input("x.json", good)
			in.At = readerAtFunc(func(p []byte, off int64) (int, error) {
				k, short := strings.NewReader(good[:n]).ReadAt(p, off)
				if short != nil {
					short = err
				}
				return k, short
			})
			if rep, got := registry(t).Check(context.Background(), in, Options{}); !errors.Is(got, err) || rep != nil {
				t.Errorf("after %d bytes: %+v, %v", n, rep, got)
			}
		}
	}
	// Only what is read a second time, for the lines, is broken.
	in, n := input("x.json", good), 0
	in.At = readerAtFunc(func(p []byte, off int64) (int, error) {
		if off == 0 {
			n++
		}
		if n == 3 {
			return 0, errBroken
		}
		return strings.NewReader(good).ReadAt(p, off)
	})
	if _, err := registry(t).Check(context.Background(), in, Options{}); !isBroken(err) || n != 3 {
		t.Error(err, n)
	}
}

func TestCancelled(t *testing.T) {
	good := `{"audio_frames":[` + strings.Repeat(`{"timestamp":1,"features":[0.5,0.25]},`, 90_000) + `{}]}`
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reads := 0
	in := Input{Name: "x.json", Size: int64(len(good)), At: readerAtFunc(func(p []byte, off int64) (int, error) {
		if reads++; reads == 5 {
			cancel()
		}
		return strings.NewReader(good).ReadAt(p, off)
	})}
	rep, err := registry(t).Check(ctx, in, Options{})
	if rep != nil || !errors.Is(err, context.Canceled) || reads > 5 {
		t.Errorf("%+v, %v, %d reads", rep, err, reads)
	}
	if _, err := registry(t).Check(ctx, input("x.json", `{}`), Options{}); !errors.Is(err, context.Canceled) {
		t.Error("a small one was checked all the same")
	}
}

type readerAtFunc func(p []byte, off int64) (int, error)

func (f readerAtFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }
