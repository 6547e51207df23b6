package tensor

import (
	"cmp"
	"slices"
)

// span is a tensor's place in the file.
type span struct {
	name     string
	off, end int64
	elements int64
	elem     *elem   // nil: it is not valid otherwise, and not looked at
	shape    []int64 // if it is to be listed
}

// layout reports the tensors that the file ends before, and those that overlap,
// and looks at the values of the others. Each byte belongs to one tensor that is
// read, whatever the file says. from and to bound the tensors' data; if dense,
// there must be no holes between them.
func (c *checker) layout(all []span, from, to int64, dense bool, field string) {
	slices.SortStableFunc(all, func(a, b span) int { return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.end, b.end)) })
	at, last := from, ""
	for _, s := range all {
		cut := s.end > c.size
		if cut {
			c.cut(s.name, "tensor "+quote(s.name), s.off, s.end)
		}
		switch {
		case s.off < at && (dense || s.end > s.off):
			c.problem(s.name, s.off, field, "it begins at byte %d, tensor %s before it ends at %d", s.off, quote(last), at)
		case s.off > at && dense:
			c.problem(s.name, s.off, field, "bytes %d to %d before it belong to no tensor", at, s.off)
			fallthrough
		default:
			if !cut {
				c.scan(s, false)
				if c.list != nil && s.elem != nil {
					c.list.add(Entry{Name: s.name, Shape: s.shape, Elements: s.elements, Off: s.off, Bytes: s.end - s.off}, s.elem)
				}
			}
		}
		if s.end > at {
			at, last = s.end, s.name
		}
		if c.err != nil {
			return
		}
	}
	if dense && at < to {
		c.problem("", at, field, "bytes %d to %d at the end belong to no tensor", at, to)
	}
}

// scan looks at the values of a tensor that is within the file. big tells that
// its numbers begin with their high byte.
func (c *checker) scan(s span, big bool) {
	if c.o.NoValues || s.elem == nil || s.elem.look == nil {
		return
	}
	v := values{look: s.elem.look}
	for unit := int64(v.unit()); s.off < s.end; {
		left := s.end - s.off
		b := c.view(s.off, int(min(unit, left)), int(min(left, bufSize)))
		if b == nil {
			return
		}
		if n := int64(len(b)); n < left {
			b = b[:n/unit*unit]
		}
		if big {
			swap(b, v.width)
			c.buf = nil // it is not what the file has
		}
		v.add(b)
		s.off += int64(len(b))
	}
	c.note(s.name, s.elements, &v)
}
