package jsondoc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func open(doc string, memory int64) (*Doc, error) {
	return Open(context.Background(), strings.NewReader(doc), "a", memory)
}

// memories are ways of holding a document: all of it, or a few bytes at a time.
var memories = []int64{0, 1, 2000}

func TestSyntaxErrors(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth+1)
	for _, c := range []struct {
		doc, want string
		err       error
	}{
		{"", "a:1:1: not well-formed JSON: the file is empty", ErrEmpty},
		{" \n ", "a:2:2: not well-formed JSON: the file is empty", ErrEmpty},
		{"{\"a\": [1,\n 2", "a:2:3: not well-formed JSON: the file ends in the middle of the document", ErrTruncated},
		{`{"a": "xé`, "a:1:10: not well-formed JSON: the file ends in the middle of the document", ErrTruncated},
		{`{"a": tr`, "a:1:9: not well-formed JSON: the file ends in the middle of the document", ErrTruncated},
		{`[-`, "a:1:3: not well-formed JSON: the file ends in the middle of the document", ErrTruncated},
		{`[1.`, "a:1:4: not well-formed JSON: the file ends in the middle of the document", ErrTruncated},
		{`[-Infi`, "a:1:7: not well-formed JSON: the file ends in the middle of the document", ErrTruncated},
		{"{\"é\": 1,\n\"a\": 2, \"a\": 3}", "a:2:9: not well-formed JSON: the name \"a\" occurs twice in one object", ErrDuplicate},
		{`{"a": 2, "\u0061": 3}`, "a:1:10: not well-formed JSON: the name \"\\u0061\" occurs twice in one object", ErrDuplicate},
		{"[\"é\xff\"]", "a:1:4: not well-formed JSON: invalid UTF-8", ErrUTF8},
		{"{\"\xc3\": 1}", "a:1:3: not well-formed JSON: invalid UTF-8", ErrUTF8},
		{deep, "a:1:10001: not well-formed JSON: nested deeper than 10000 levels", ErrDepth},
		{"[1 2]", "a:1:4: not well-formed JSON: unexpected '2' behind an element, where a comma or ] is expected", nil},
		{`{"a" 1}`, "a:1:6: not well-formed JSON: unexpected '1' behind a member's name, where a colon is expected", nil},
		{`{"a": 1 "b"}`, "a:1:9: not well-formed JSON: unexpected '\"' behind a member, where a comma or } is expected", nil},
		{`{a: 1}`, "a:1:2: not well-formed JSON: unexpected 'a' where a member's name is expected", nil},
		{`{"a": 1,}`, "a:1:9: not well-formed JSON: unexpected '}' where a member's name is expected", nil},
		{"[1,]", "a:1:4: not well-formed JSON: unexpected ']' where a value is expected", nil},
		{"[01]", "a:1:2: not well-formed JSON: \"01\" is no number", nil},
		{"[1.e5]", "a:1:2: not well-formed JSON: \"1.e5\" is no number", nil},
		{"[+1]", "a:1:2: not well-formed JSON: unexpected '+' where a value is expected", nil},
		{"[1x]", "a:1:3: not well-formed JSON: unexpected 'x' in a number", nil},
		{"[trux]", "a:1:2: not well-formed JSON: unexpected 't' where a value is expected", nil},
		{"[nulll]", "a:1:2: not well-formed JSON: unexpected 'n' where a value is expected", nil},
		{"[\x01]", "a:1:2: not well-formed JSON: unexpected byte 0x01 where a value is expected", nil},
		{"[\"a\tb\"]", "a:1:4: not well-formed JSON: a control character, 0x09, in a string", nil},
		{`["a\qb"]`, "a:1:4: not well-formed JSON: \"\\\\qb\" is no escape", nil},
		{`["\u12g4"]`, "a:1:3: not well-formed JSON: \"\\\\u12g4\" is no escape", nil},
		{"[] []", "a:1:4: not well-formed JSON: there is more than one document", nil},
		{"\xef\xbb\xbf{}", "a:1:1: not well-formed JSON: it begins with a byte order mark", nil},
		{"{\"" + strings.Repeat("n", MaxName+1) + "\":1}", "a:1:2: not well-formed JSON: a name of more than 1048576 bytes is larger than can be compared", ErrTooLarge},
		{"[" + strings.Repeat("1", maxNumber+1000), "a:1:2: not well-formed JSON: a number of more than 65536 digits is larger than can be compared", ErrTooLarge},
	} {
		for _, memory := range memories {
			_, err := open(c.doc, memory)
			var se *SyntaxError
			if !errors.As(err, &se) {
				t.Errorf("%.40q: %v", c.doc, err)
				continue
			}
			if got := err.Error(); got != c.want {
				// Of a word in a window of a few bytes less is seen.
				t.Errorf("%.40q, memory %d:\n got %s\nwant %s", c.doc, memory, got, c.want)
			}
			if c.err != nil && !errors.Is(err, c.err) || c.err == nil && se.Err != nil {
				t.Errorf("%.40q: wraps %v", c.doc, se.Err)
			}
		}
	}
}

func TestAccepted(t *testing.T) {
	for _, doc := range []string{
		"0", "-0", "1e5", "1E+05", "-1.5e-300", "NaN", "Infinity", "-Infinity", "[NaN,Infinity]", `"\ud800"`, `"\udc00\ud800x"`, `""`, `{"":{}}`,
		" \t\r\n[ ] ", strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), "[true,false,null]",
	} {
		for _, memory := range memories {
			d, err := open(doc, memory)
			if err != nil {
				t.Errorf("%.40q: %v", doc, err)
				continue
			}
			if strings.ContainsAny(doc, "NI") != (d.Word >= 0) {
				t.Errorf("%.40q: NaN or Infinity at %d", doc, d.Word)
			}
		}
	}
}

// What a reader fails with is no error of the document.
func TestReadErrors(t *testing.T) {
	boom := errors.New("boom")
	_, err := Open(context.Background(), failing{strings.NewReader(strings.Repeat(" ", 5000) + "[]"), boom}, "b", 1)
	var se *SyntaxError
	if !errors.Is(err, boom) || errors.As(err, &se) || !strings.HasPrefix(err.Error(), "document b: ") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, strings.NewReader("[]"), "a", 0); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := Open(context.Background(), short{strings.NewReader("[1,2]")}, "a", 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// failing fails beyond the first thousand bytes.
type failing struct {
	*strings.Reader
	err error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off > 1000 {
		return 0, f.err
	}
	return f.Reader.ReadAt(p, off)
}

// short says that it is longer than it is.
type short struct{ *strings.Reader }

func (s short) Size() int64 { return s.Reader.Size() + 10 }

func TestMembersOfManyNames(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, `,"n%d":{"n%d":%d}`, i, i, i)
	}
	doc := "{" + b.String()[1:]
	if _, err := open(doc+"}", 0); err != nil {
		t.Error(err)
	}
	for _, again := range []string{"n0", "n11", "n12", "n13", "n4999"} {
		if _, err := open(doc+`,"`+again+`":1}`, 0); !errors.Is(err, ErrDuplicate) {
			t.Errorf("%s twice: %v", again, err)
		}
	}
}
