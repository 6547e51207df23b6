package codec

import "fmt"

// A columnReader gives back the numbers of a column.
type columnReader struct {
	parts []part
	which []byte        // nil when there is one part
	then  *columnReader // where the number after it belongs, when its gap does not say
}

// pop returns the next number; p is nil when there are no more.
func (c *columnReader) pop() (p *part, v uint64) {
	k := 0
	if c.which != nil {
		// Each number is one byte of which; the parts' lengths follow from it.
		if len(c.which) == 0 {
			return nil, 0
		}
		k = int(c.which[0])
		c.which = c.which[1:]
	}
	p = &c.parts[k]
	if p.next >= len(p.values) {
		return nil, 0
	}
	v = p.values[p.next]
	p.next++
	return p, v
}

// readColumn reads one column of at most most numbers, n of them; its parts are
// appended to all.
func readColumn(c *columnReader, all []part, src []byte, most int) (n int, parts []part, rest []byte, err error) {
	fail := func(err error) (int, []part, []byte, error) { return 0, nil, nil, err }
	n, src, err = readLength(src, most)
	if err != nil {
		return fail(err)
	}
	if len(src) == 0 {
		return fail(errTruncated)
	}
	count := int(src[0])
	src = src[1:]
	if count == 0 || count > n {
		return fail(fmt.Errorf("%w: %d parts of %d numbers", ErrCorrupt, count, n))
	}
	first := len(all)
	for range count {
		if len(src) < 2 {
			return fail(errTruncated)
		}
		p := part{typ: valueType(src[0])}
		if p.typ >= typeCount {
			return fail(fmt.Errorf("%w: numbers of type %d", ErrCorrupt, p.typ))
		}
		src = src[1:]
		if p.scaled() {
			if p.scale = src[0]; p.scale > maxScale {
				return fail(fmt.Errorf("%w: scale %d", ErrCorrupt, p.scale))
			}
			src = src[1:]
		}
		all = append(all, p)
	}
	lengths := [256]int{n}
	if count > 1 {
		if c.which, src, err = readStream(make([]byte, 0, n), src, n); err != nil {
			return fail(err)
		}
		if len(c.which) != n {
			return fail(fmt.Errorf("%w: %d parts for %d numbers", ErrCorrupt, len(c.which), n))
		}
		lengths[0] = 0
		for _, k := range c.which {
			lengths[k]++
		}
		for k, length := range lengths {
			if k >= count && length > 0 {
				return fail(fmt.Errorf("%w: number of part %d", ErrCorrupt, k))
			}
		}
	}
	for k := range count {
		p := &all[first+k]
		p.values = make([]uint64, lengths[k])
		if src, err = readPart(p, all[:first+k], src); err != nil {
			return fail(err)
		}
	}
	c.parts = all[first:len(all):len(all)]
	return n, all, src, nil
}
