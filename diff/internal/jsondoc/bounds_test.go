package jsondoc

import (
	"fmt"
	"strings"
	"testing"
)

// What is held of a document is bounded, whatever it is made of.
func TestBounds(t *testing.T) {
	var members strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&members, `"n%d": {"a": [%d, "xyz"], "b": null},`, i, i)
	}
	for name, doc := range map[string]string{
		"brackets":     "[" + strings.Repeat("[[],{}],", 200_000) + "0]",
		"members":      "{" + members.String() + `"end":0}`,
		"one string":   `["` + strings.Repeat(`xyz\n\u00e9`, 200_000) + `"]`,
		"white space":  "[" + strings.Repeat(" \n", 1_000_000) + "]",
		"deep":         strings.Repeat(strings.Repeat(`{"a":[`, 4000)+"1"+strings.Repeat("]}", 4000)+"\n", 1),
		"large leaves": "[" + strings.Repeat(`{"a":"`+strings.Repeat("x", 2000)+`"},`, 1000) + "0]",
	} {
		t.Run(name, func(t *testing.T) {
			const memory = 64 << 10
			d := mustOpen(t, doc, memory)
			for it := d.Children(d.Root); ; {
				ok, err := it.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
			}
			if n := cap(d.w.buf); n > memory {
				t.Errorf("holds %d bytes of text", n)
			}
			if n := len(d.nodes); n > max(d.most, MaxDepth) {
				t.Errorf("indexes %d containers", n)
			}
			if n := cap(d.scratch); n > memory {
				t.Errorf("decodes %d bytes at once", n)
			}
		})
	}
}

// By default documents of some size are read once, as a whole.
func TestReadOnce(t *testing.T) {
	src := &counting{Reader: strings.NewReader("[" + strings.Repeat(`{"a":[1,2,3]},`, 100_000) + "0]")}
	d, err := Open(t.Context(), src, "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Elements(d.Root); err != nil {
		t.Fatal(err)
	}
	if src.n != src.Size() {
		t.Errorf("read %d of %d bytes", src.n, src.Size())
	}
}

type counting struct {
	*strings.Reader
	n int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}
