package jsonmerge

import (
	"io"

	"github.com/mstore/mstore/diff/internal/jsondoc"
)

// piece is a run of bytes of one document, or of the literals.
type piece struct {
	from       int
	start, end int64
}

// literals is what containers may need that no document has.
const (
	literals = theirs + 1
	text     = ",{}[]"
)

// pieces is what the merged document is put together from, in order.
type pieces []piece

// add appends a run; one that goes on where the last ended makes it longer.
func (p *pieces) add(from int, start, end int64) {
	if start >= end {
		return
	}
	if n := len(*p); n > 0 {
		if l := &(*p)[n-1]; l.from == from && l.end == start && from != literals {
			l.end = end
			return
		}
	}
	*p = append(*p, piece{from, start, end})
}

func (p *pieces) comma() { p.add(literals, 0, 1) }

// empty appends an empty container.
func (p *pieces) empty(k jsondoc.Kind) {
	if k == jsondoc.Object {
		p.add(literals, 1, 3)
	} else {
		p.add(literals, 3, 5)
	}
}

func (p pieces) write(w io.Writer, docs [3]*jsondoc.Doc) error {
	for _, x := range p {
		var err error
		if x.from == literals {
			_, err = io.WriteString(w, text[x.start:x.end])
		} else {
			err = docs[x.from].Copy(w, x.start, x.end)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
