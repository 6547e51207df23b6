package codec

import "fmt"

// decodeDiff appends the size bytes that encodeDiff was given; bases[0] must have
// as many.
func decodeDiff(dst, stored []byte, size int, bases [][]byte) ([]byte, error) {
	if len(bases) == 0 || len(bases[0]) != size {
		return nil, fmt.Errorf("%w: no base of %d bytes", ErrCorrupt, size)
	}
	a, dst, src, err := readLayout(dst, stored, size)
	if err != nil {
		return nil, err
	}
	runs, src, err := readBytes(src)
	if err != nil {
		return nil, err
	}
	s := diffs.Get().(*diffScratch)
	defer diffs.Put(s)
	var d decoding
	if src, err = d.read(src, a.n, s); err != nil {
		return nil, err
	}
	raws, src, err := readBytes(src)
	if err != nil {
		return nil, err
	}
	if len(src) != a.tail {
		return nil, fmt.Errorf("%w: %d bytes at the end, want %d", ErrCorrupt, len(src), a.tail)
	}
	s.bits = append(append(s.bits[:0], raws...), make([]byte, spare)...)
	d.raw.buf = s.bits
	y := a.body(bases[0])
	at := len(dst)
	dst = extended(dst, len(y))
	if err = d.run(a.elem.residual(), runs, dst[at:], y); err != nil {
		return nil, err
	}
	return append(dst, src...), nil
}

// decoding is the state of one decodeDiff.
type decoding struct {
	m       [256]uint8
	symbols []byte // of all contexts, one after the other
	at, end [maxContexts]int
	raw     bitReader
}

// read reads the contexts of up to n elements.
func (d *decoding) read(src []byte, n int, s *diffScratch) (rest []byte, err error) {
	count, src, err := readLength(src, maxContexts)
	if err != nil {
		return nil, err
	}
	if count == 0 || len(src) < count-1 {
		return nil, errTruncated
	}
	ends := src[:count-1]
	for i := 1; i < len(ends); i++ {
		if ends[i] <= ends[i-1] {
			return nil, fmt.Errorf("%w: contexts do not rise", ErrCorrupt)
		}
	}
	d.m = contextsOf(ends)
	src = src[count-1:]
	d.symbols = grown(&s.symbols[0], n+chunk)[:0]
	for c := range count {
		d.at[c] = len(d.symbols)
		if d.symbols, src, err = readStream(d.symbols, src, n-len(d.symbols)); err != nil {
			return nil, err
		}
		d.end[c] = len(d.symbols)
	}
	d.symbols = extended(d.symbols, chunk) // so that a chunk needs no checks
	return src, nil
}

// run decodes into x against y.
func (d *decoding) run(r *residual, runs, x, y []byte) error {
	var syms, tops [chunk]byte
	done, at, symbols, m := 0, d.at, d.symbols, &d.m
	err := eachCoded(runs, len(x), group*r.size, func(from, to int) (err error) {
		copy(x[done:from], y[done:from])
		done = to
		for ; from < to; from += chunk * r.size {
			end := min(from+chunk*r.size, to)
			r.tops(&tops, y[from:end])
			for i, top := range tops[:(end-from)/r.size] {
				c := m[top] & (maxContexts - 1)
				syms[i] = symbols[at[c]]
				at[c]++
			}
			for c, k := range at {
				if k > d.end[c] {
					return fmt.Errorf("%w: too few symbols", ErrCorrupt)
				}
			}
			if err = r.decode(x[from:end], y[from:end], &syms, &d.raw); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	copy(x[done:], y[done:])
	if at != d.end || (d.raw.at+7)/8 != len(d.raw.buf)-spare {
		return fmt.Errorf("%w: more symbols or bits than elements", ErrCorrupt)
	}
	return nil
}
