package schema

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// tensors makes a safetensors file.
func tensors(header string, data int) string {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return string(b) + header + strings.Repeat("x", data)
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name, content string
		finding       string // part of it; "" for none
	}{
		{"a.json", `{"a": [1, 2.5e-3, true, null, "x\u00e9"], "b": {}}`, ""},
		{"a.json", " \n[]\n ", ""},
		{"a.JSON", `1`, ""},
		{"a.json", `123456789012345678901234567890.5e999`, ""},
		{"a.json", strings.Repeat("[", 9000) + strings.Repeat("]", 9000), ""},
		{"a.json", ``, "empty"},
		{"a.json", " \n", "empty"},
		{"a.json", `{"a": 1`, "not well-formed"},
		{"a.json", `{"a": 1}}`, "not well-formed"},
		{"a.json", `{"a": 1,}`, "not well-formed"},
		{"a.json", `[1,]`, "not well-formed"},
		{"a.json", `[1 2]`, "not well-formed"},
		{"a.json", `{1: 2}`, "not well-formed"},
		{"a.json", `{"a" 2}`, "not well-formed"},
		{"a.json", `[NaN]`, "not well-formed"},
		{"a.json", `[01]`, "not well-formed"},
		{"a.json", `"x`, "not well-formed"},
		{"a.json", `'x'`, "not well-formed"},
		{"a.json", "\xef\xbb\xbf{}", "not well-formed"},
		{"a.json", "[1]\x00", "not well-formed"},
		{"a.json", `{} {}`, "more than one"},
		{"a.json", "1\n2\n", "more than one"},

		{"dir/m.safetensors", tensors(`{}`, 0), ""},
		{"m.SafeTensors", tensors(`{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}} `, 8), ""},
		{"m.safetensors", "", "no safetensors header"},
		{"m.safetensors", "1234567", "no safetensors header"},
		{"m.safetensors", "\xff\xff\xff\xff\xff\xff\xff\x7f{}", "header of"},
		{"m.safetensors", "\x00\x00\x00\x10\x00\x00\x00\x00{}", "header of"},
		{"m.safetensors", tensors(`{"a":`, 0), "safetensors header"},
		{"m.safetensors", tensors(`[]`, 0), "safetensors header"},
		{"m.safetensors", tensors(``, 0), "safetensors header"},
		{"m.safetensors", tensors(`{"a":{"dtype":"F32","data_offsets":[0,8]}}`, 0)[:30], "cut off"},
		{"m.safetensors", tensors(`{"a":{"dtype":"F32","data_offsets":[0,8]}}`, 7), `"a"`},
		{"m.safetensors", tensors(`{"a":{"dtype":"F32","data_offsets":[8,0]}}`, 8), `"a"`},
		{"m.safetensors", tensors(`{"a":{"dtype":"F32","data_offsets":[0]}}`, 8), `"a"`},
		{"m.safetensors", tensors(`{"a":{"dtype":"F32"}}`, 8), `"a"`},
		{"m.safetensors", tensors(`{"a":{"dtype":"F32","data_offsets":[-1,8]}}`, 8), "safetensors header"},
		{"m.safetensors", tensors(`{"b":{"data_offsets":[0,99]},"a":{"data_offsets":[0,98]}}`, 8), `"a"`},

		{"a.bin", "anything", ""},
		{"json", "{", ""},
		{"a.json.gz", "{", ""},
	} {
		got, err := Check(c.name, strings.NewReader(c.content))
		if err != nil || (got == "") != (c.finding == "") || !strings.Contains(got, c.finding) {
			t.Errorf("%s %.40q: %q, %v, want %q", c.name, c.content, got, err, c.finding)
		}
		again, err := Check(c.name, iotest.OneByteReader(strings.NewReader(c.content)))
		if err != nil || again != got {
			t.Errorf("%s %.40q, byte by byte: %q, %v, want %q", c.name, c.content, again, err, got)
		}
	}
}

// An error of reading is not a finding.
func TestCheckReadError(t *testing.T) {
	broken := errors.New("broken")
	for name, content := range map[string]string{
		"a.json":        `{"a": [1, 2`,
		"b.json":        ``,
		"c.json":        `{} `,
		"a.safetensors": "12345",
		"b.safetensors": tensors(`{"a":{}}`, 0)[:12],
		"c.safetensors": tensors(`{}`, 5),
	} {
		finding, err := Check(name, io.MultiReader(strings.NewReader(content), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || finding != "" {
			t.Errorf("%s: %q, %v", name, finding, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(true, []byte(`{"a": [1, 2.5e-3, true, null]}`))
	f.Add(false, []byte(tensors(`{"a":{"dtype":"F32","data_offsets":[0,8]}}`, 8)))
	f.Fuzz(func(t *testing.T, json bool, b []byte) {
		name := "m.safetensors"
		if json {
			name = "m.json"
		}
		if _, err := Check(name, bytes.NewReader(b)); err != nil {
			t.Fatal(fmt.Errorf("reading memory: %w", err))
		}
	})
}
