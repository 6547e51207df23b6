package wrapper

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInspectSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		doc  string
		off  int64
		text string
	}{
		{``, 0, "the file is empty"},
		{" \n", 2, "the file holds nothing but white space"},
		{"\ufeff{}", 0, "the file begins with a byte order mark"},
		{"\x1f\x8b\x08", 0, "unexpected byte 0x1f where a value must stand"},
		{`{`, 1, "the file ends in the middle of the document"},
		{`{"a`, 3, "the file ends in the middle of a string"},
		{`{"a":[1,2`, 9, "the file ends in the middle of the document"},
		{`{"metadata":{},"data":1`, 23, "the file ends in the middle of the document"},
		{`{"metadata":{},"data":`, 22, "the file ends in the middle of the document"},
		{`{"a":NaN}`, 5, "NaN is not JSON; Python's json.dump writes it unless allow_nan=False"},
		{`[1, Infinity]`, 4, "Infinity is not JSON; Python's json.dump writes it unless allow_nan=False"},
		{`[-Infinity]`, 1, "-Infinity is not JSON; Python's json.dump writes it unless allow_nan=False"},
		{`[Nan]`, 1, `unexpected 'N' where a value must stand`},
		{`[Inf]`, 1, `unexpected 'I' where a value must stand`},
		{`[Na`, 1, `unexpected 'N' where a value must stand`},
		{`[-a]`, 2, `unexpected 'a' where a value must stand`},
		{`[None]`, 1, `unexpected 'N' where a value must stand`},
		{`{'a':1}`, 1, `unexpected '\'' where a name in "" must stand`},
		{`{"a" 1}`, 5, `unexpected '1' where a colon must stand`},
		{`{"a":1 "b":2}`, 7, `unexpected '"' where a comma or } must stand`},
		{`[1 2]`, 3, `unexpected '2' where a comma or ] must stand`},
		{`[1}`, 2, `unexpected '}' where a comma or ] must stand`},
		{`{"a":1]`, 6, `unexpected ']' where a comma or } must stand`},
		{`[1,]`, 3, `unexpected ']' where a value must stand`},
		{`{"a":1,}`, 7, `unexpected '}' where a name in "" must stand`},
		{`{"a":{"b":1,}}`, 12, `unexpected '}' where a name in "" must stand`},
		{`{,"a":1}`, 1, `unexpected ',' where a name in "" must stand`},
		{`[,1]`, 1, `unexpected ',' where a value must stand`},
		{`tru`, 3, "the file ends in the middle of true"},
		{`trux`, 3, "unexpected 'x' in the middle of true"},
		{`nul1`, 3, "unexpected '1' in the middle of null"},
		{`01`, 1, "unexpected '1' after the leading 0 of a number"},
		{`-`, 1, "the file ends in the middle of a number"},
		{`1.`, 2, "the file ends in the middle of a number"},
		{`[1.]`, 3, "unexpected ']' where a digit must stand"},
		{`[1e+]`, 4, "unexpected ']' where a digit must stand"},
		{`"\x"`, 2, `unexpected 'x' after \ in a string`},
		{`"\u12g4"`, 5, `unexpected 'g' where a hexadecimal digit of \u must stand`},
		{"\"\\u12\x134\"", 5, `unexpected byte 0x13 where a hexadecimal digit of \u must stand`},
		{"\"a\nb\"", 2, "unexpected byte 0x0a in a string, where control characters are escaped"},
		{`{} {}`, 3, "unexpected '{' after the end of the document"},
		{`1 2`, 2, "unexpected '2' after the end of the document"},
		{strings.Repeat("[", maxDepth+1), maxDepth, "nested more than 10000 deep"},
		{`{"metadata":1,"data":01}`, 22, "unexpected '1' after the leading 0 of a number"},
	} {
		for name, r := range readers(c.doc) {
			info, err := Inspect(r)
			var e *SyntaxError
			if !errors.As(err, &e) || !errors.Is(err, ErrNotJSON) {
				t.Errorf("%.40q, %s: %v", c.doc, name, err)
				continue
			}
			if e.Off != c.off || e.Text != c.text {
				t.Errorf("%.40q, %s: %v; want byte %d: %s", c.doc, name, err, c.off, c.text)
			}
			if diff := cmp.Diff(Info{}, info); diff != "" {
				t.Errorf("%.40q, %s: info beside an error: %s", c.doc, name, diff)
			}
		}
	}
}

func TestInspectMetadataErrors(t *testing.T) {
	large := `{"a":"` + strings.Repeat("x", MaxMetadata) + `"}`
	for _, c := range []struct {
		doc   string
		off   int64
		found string
	}{
		{`{"metadata":"a","data":1}`, 12, "a string"},
		{`{"metadata": 1,"data":1}`, 13, "a number"},
		{`{"data":1,"metadata":null}`, 21, "null"},
		{`{"data":1,"metadata":false}`, 21, "true or false"},
		{`{"data":1,"metadata":[{}]}`, 21, "an array"},
		{`{"metadata":` + large + `,"data":1}`, 12, "more than 16 MB"},
		{`{"metadata":"` + strings.Repeat("x", MaxMetadata) + `","data":1}`, 12, "a string"},
	} {
		_, err := Inspect(strings.NewReader(c.doc))
		var e *MetadataError
		if !errors.As(err, &e) || e.Off != c.off || e.Found != c.found {
			t.Errorf("%.40q: %v; want byte %d: %s", c.doc, err, c.off, c.found)
		}
	}
	if info, err := Inspect(strings.NewReader(`{"metadata":` + large + `,"data":1,"x":1}`)); err != nil || info.Wrapped {
		t.Errorf("large metadata of what is no wrapper: %v, %v", info.Wrapped, err)
	}
	if info, err := Inspect(strings.NewReader(`{"metadata":{"a":"` + large[len(`{"a":"`)+len(`{"a":""}`):] + `,"data":1}`)); err != nil || len(info.Meta) != MaxMetadata {
		t.Errorf("metadata as large as they may be: %d bytes, %v", len(info.Meta), err)
	}
}
