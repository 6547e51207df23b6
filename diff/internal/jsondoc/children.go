package jsondoc

// Children goes through the members of an object or the elements of an array:
//
//	for it := d.Children(v); ; {
//		ok, err := it.Next()
//		...
//	}
//
// Several may be under way on one Doc; each finds its place again.
type Children struct {
	Value Value // the child
	Name  Name  // its name, in an object
	Index int64 // which child it is, from 0

	d    *Doc
	kind Kind
	off  int64 // behind the last child
	near int
}

// Name is the name of a member, by its place.
type Name struct {
	Hash       uint64 // of the decoded name
	Start, End int64  // with its quotation marks
}

// Children returns the children of a container of d, before the first.
func (d *Doc) Children(v Value) Children {
	near, _ := d.find(v.Start, 0)
	return Children{d: d, kind: v.Kind, off: v.Start + 1, near: near, Index: -1}
}

// Next goes on to the next child, and tells whether there is one.
func (c *Children) Next() (bool, error) {
	d := c.d
	d.w.seek(c.off)
	b, err := d.space()
	if err != nil {
		return false, err
	}
	if b == byte(c.kind)+2 {
		return false, nil
	}
	if b == ',' {
		d.w.pos++
		if b, err = d.space(); err != nil {
			return false, err
		}
	}
	if c.kind == Object {
		start := d.w.off()
		s, err := d.name()
		if err != nil {
			return false, err
		}
		c.Name = Name{Hash: s.hash, Start: start, End: s.end}
		if b, err = d.space(); err != nil {
			return false, err
		}
	}
	c.Index++
	switch b {
	case '{', '[':
		at := d.w.off()
		i, ok := d.find(at, c.near)
		c.near = i
		if ok {
			c.Value = d.nodes[i]
			break
		}
		c.Value, err = d.scan()
	default:
		c.Value, err = d.scalar(b)
	}
	c.off = c.Value.End
	return err == nil, err
}

// Text is the decoded text of a string or name that lies between two offsets, with its
// quotation marks; it is the caller's. Lone surrogates are three bytes each.
func (d *Doc) Text(start, end int64) (string, error) {
	b, err := d.w.bytes(start+1, end-1)
	if err != nil {
		return "", err
	}
	out, _ := unescape(nil, b)
	return string(out), nil
}

// Member reads the member whose name begins at an offset.
func (d *Doc) Member(start int64) (Name, Value, error) {
	c := Children{d: d, kind: Object, off: start, Index: -1}
	c.near, _ = d.find(start, 0)
	_, err := c.Next()
	return c.Name, c.Value, err
}

// Span is where a child lies, its name included.
type Span struct{ Start, End int64 }

// Span is where the child lies.
func (c *Children) Span() Span {
	if c.kind == Object {
		return Span{c.Name.Start, c.Value.End}
	}
	return Span{c.Value.Start, c.Value.End}
}

// SpaceBefore is where the white space before an offset begins.
func (d *Doc) SpaceBefore(off int64) (int64, error) {
	for off > 0 {
		from := max(0, off-64)
		b, err := d.w.bytes(from, off)
		if err != nil {
			return 0, err
		}
		for i := len(b); i > 0; i-- {
			if c := b[i-1]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				return from + int64(i), nil
			}
		}
		off = from
	}
	return 0, nil
}
