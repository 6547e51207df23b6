package jsondoc

import (
	"context"
	"errors"
	"fmt"
	"sort"
)

const (
	// MaxDepth is how deep documents may be nested, as in encoding/json.
	MaxDepth = 10000
	// MaxMembers bounds the members of one object: their names must be told apart.
	MaxMembers = 1 << 24
	// MaxName bounds the length of a member's name.
	MaxName = 1 << 20
)

// Doc is a document that was read through and found well formed. It holds its text, or
// windows of half a megabyte where that is larger than allowed, and an index of at most
// some 50 MB. It must not be used concurrently.
type Doc struct {
	Root Value
	// Word is where the first NaN or Infinity lies, -1 if there is none.
	Word int64

	w       window
	side    string
	nodes   []Value // containers of at least span bytes, in order of their beginning
	span    int64
	most    int // how many, before the index becomes coarser
	indexed bool
	stack   []frame
	scratch []byte
}

// Open reads a document through, holding its text if it is at most so many bytes; 0 is
// DefaultMemory. What is wrong with it is told as a *SyntaxError of that
// side; other errors are those of reading. The context holds for all later reading too.
func Open(ctx context.Context, src Source, side string, memory int64) (*Doc, error) {
	if memory <= 0 {
		memory = DefaultMemory
	}
	d := &Doc{side: side, Word: -1, w: newWindow(ctx, src, memory)}
	// With the default, 512 bytes and half a million of them.
	d.span = max(16, min(512, memory>>16))
	d.most = int(max(16, min(512<<10, memory>>6)))
	err := d.read()
	var se *SyntaxError
	if errors.As(err, &se) {
		se.Side = side
		if e := se.locate(src); e != nil {
			err = e
		}
	}
	if err != nil && !errors.As(err, &se) {
		return nil, fmt.Errorf("document %s: %w", side, err)
	}
	if err != nil {
		return nil, err
	}
	d.indexed, d.stack = true, nil
	return d, nil
}

func (d *Doc) read() error {
	c, err := d.space()
	if err != nil {
		if errors.Is(err, ErrTruncated) {
			return d.wrong(d.w.off(), ErrEmpty)
		}
		return err
	}
	if c == 0xef {
		return d.wrongText(d.w.off(), "it begins with a byte order mark", nil)
	}
	if d.Root, err = d.scan(); err != nil {
		return err
	}
	_, err = d.space()
	if err == nil {
		return d.wrongText(d.w.off(), "there is more than one document", nil)
	}
	if errors.Is(err, ErrTruncated) {
		return nil
	}
	return err
}

// Size is the length of the document's text.
func (d *Doc) Size() int64 { return d.w.size }

// Bytes is the text between two offsets, valid until the Doc is used again.
func (d *Doc) Bytes(start, end int64) ([]byte, error) { return d.w.bytes(start, end) }

// note enters a container that begins into the index, and returns its slot.
func (d *Doc) note(v Value) int {
	if d.indexed {
		return -1
	}
	if len(d.nodes) >= d.most {
		d.coarsen()
	}
	d.nodes = append(d.nodes, v)
	return len(d.nodes) - 1
}

// closed completes the entry of a container, or drops it: what lies in it is smaller
// still, and has been dropped before.
func (d *Doc) closed(slot int, v Value) {
	if v.Size() < d.span {
		d.nodes = d.nodes[:slot]
		return
	}
	d.nodes[slot] = v
}

// coarsen drops the smaller ones of the index until half of it is free, or only what is
// open is left.
func (d *Doc) coarsen() {
	for len(d.nodes) > d.most/2 && len(d.nodes) > len(d.stack) {
		d.span *= 2
		kept, open := d.nodes[:0], 0
		for _, v := range d.nodes {
			if v.End == 0 {
				d.stack[open].slot = len(kept)
				open++
			} else if v.Size() < d.span {
				continue
			}
			kept = append(kept, v)
		}
		d.nodes = kept
	}
}

// find is the index entry of the container at an offset. near is where to look first.
func (d *Doc) find(off int64, near int) (int, bool) {
	n := len(d.nodes)
	step := 1
	lo := min(max(near, 0), n)
	if lo > 0 && lo <= n && d.nodes[lo-1].Start >= off {
		lo = 0
	}
	hi := lo
	for hi < n && d.nodes[hi].Start < off {
		lo = hi + 1
		hi += step
		step *= 2
	}
	hi = min(hi, n)
	i := lo + sort.Search(hi-lo, func(i int) bool { return d.nodes[lo+i].Start >= off })
	return i, i < n && d.nodes[i].Start == off
}

// Strict is an error for a document that is JSON only in Python's eyes.
func (d *Doc) Strict() error {
	if d.Word < 0 {
		return nil
	}
	e := &SyntaxError{Side: d.side, Off: d.Word, Err: ErrNotANumber,
		Text: ErrNotANumber.Error() + " (Python's json.dump writes them unless allow_nan=False)"}
	if err := e.locate(d.w.src); err != nil {
		return fmt.Errorf("document %s: %w", d.side, err)
	}
	return e
}
