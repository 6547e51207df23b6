package codec

import "fmt"

// print puts the text together; it fills out exactly.
func (d *numbersDecoder) print(out []byte) error {
	tab := powers()
	var buf [maxPrinted]byte
	pos := 0
	var last uint32
	var c *columnReader
	if k := d.gaps[0].column; k >= 0 {
		c = &d.columns[k]
	}
	fresh := uint64(0)
	run, runs, misses := -1, d.runs, d.misses
	for range d.numbers {
		if run < 0 {
			var ok bool
			if run, runs, ok = nextRun(runs); !ok {
				return errTruncated
			}
		}
		var g uint32
		if run > 0 {
			g = d.gaps[last].next
			d.gaps[last].unlike = false
			run--
		} else {
			if len(misses) == 0 {
				return errTruncated
			}
			m := misses[0]
			misses = misses[1:]
			if m == 0 {
				fresh++
				m = fresh
			}
			if m >= uint64(len(d.gaps)) {
				return fmt.Errorf("%w: gap %d", ErrCorrupt, m)
			}
			g = uint32(m)
			p := &d.gaps[last]
			p.next, p.unlike = expect(p.next, p.unlike, g)
			run = -1
		}
		last = g
		e := &d.gaps[g]
		n := int(e.len)
		roomy := len(out)-pos >= n+dictMargin+maxPrinted
		if roomy {
			if n <= dictMargin {
				copy(out[pos:pos+dictMargin], d.dict[e.at:e.at+dictMargin])
			} else {
				copy(out[pos:], d.dict[e.at:int(e.at)+n])
			}
		} else {
			if len(out)-pos < n {
				return errTooLong
			}
			copy(out[pos:], d.dict[e.at:int(e.at)+n])
		}
		pos += n
		if e.column >= 0 {
			c = &d.columns[e.column]
		} else if c != nil {
			c = c.then
		}
		if c == nil {
			return fmt.Errorf("%w: no column", ErrCorrupt)
		}
		p, v := c.pop()
		if p == nil {
			return fmt.Errorf("%w: more numbers than values", ErrCorrupt)
		}
		b := buf[:]
		if roomy {
			b = out[pos : pos+maxPrinted]
		}
		switch p.typ {
		case typeInt:
			n = putInt(b, int64(v))
		case typeNarrow:
			n = putFloat(b, tab, widen(uint32(v)), d.layout)
		case typeFloat:
			n = putFloat(b, tab, v, d.layout)
		case typeC:
			n = putFloat(b, tab, v, &layouts[layoutC])
		case typeScience:
			n = putScience(b, tab, v)
		case typeDecimal:
			n = putScaled(b, int64(v), int(p.scale), d.layout)
		case typeFixed:
			n = putFixed(b, int64(v), int(p.scale))
		case typePadded:
			put16(b, v%tens[p.scale]*tens[maxScale-p.scale])
			n = int(p.scale)
		case typeVerbatim:
			if v > uint64(len(d.verbatim)) {
				return errTooLong
			}
			text := d.verbatim[:v]
			d.verbatim = d.verbatim[v:]
			if len(text) > len(out)-pos {
				return errTooLong
			}
			pos += copy(out[pos:], text)
			continue
		}
		if !roomy {
			if n > len(out)-pos {
				return errTooLong
			}
			copy(out[pos:], b[:n])
		}
		pos += n
	}
	if len(out)-pos != len(d.tail) {
		return fmt.Errorf("%w: wrong length", ErrCorrupt)
	}
	copy(out[pos:], d.tail)
	return nil
}

var errTooLong = fmt.Errorf("%w: text is too long", ErrCorrupt)

// nextRun reads how many expected gaps come before the next miss.
func nextRun(runs []byte) (run int, rest []byte, ok bool) {
	for i, b := range runs {
		run += int(b)
		if b < 255 {
			return run, runs[i+1:], true
		}
	}
	return 0, nil, false
}
