package tensordiff

import (
	"bytes"
	"math"
)

// worker has the buffers of one goroutine.
type worker struct {
	*comparison
	bufA, bufB []byte
	again      []byte // of what is read a second time
	x, y       [chunk]float64
	part       partial
	tolerance  uint64
}

func newWorker(c *comparison) *worker {
	return &worker{comparison: c, bufA: make([]byte, blockSize), bufB: make([]byte, blockSize), again: make([]byte, blockSize), tolerance: math.Float64bits(c.o.Tolerance) & magnitude}
}

// compare compares a unit block by block. What is equal before the first
// difference is read again if there is one, for the moments.
func (w *worker) compare(p *pair, u *unit) error {
	if p.mode.opaque {
		return w.compareOpaque(p, u)
	}
	a, b := reader{data: p.a}, reader{data: p.b}
	defer a.close()
	defer b.close()
	m := &p.mode
	_, block := m.span()
	bytewise := m.alike && m.bigA == m.bigB
	for lo := u.lo; lo < u.hi; lo += block {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		n := min(block, u.hi-lo)
		known := bytewise && w.same(p, lo*int64(m.a.width), n*int64(m.a.width))
		if known && !u.differs {
			continue
		}
		x := w.bufA[:n*int64(m.a.width)]
		if err := a.read(x, lo*int64(m.a.width)); err != nil {
			return err
		}
		if m.bigA {
			swap(x, m.a.width)
		}
		if known {
			w.moments(&u.sums, p, x)
			continue
		}
		y := w.bufB[:n*int64(m.b.width)]
		if err := b.read(y, lo*int64(m.b.width)); err != nil {
			return err
		}
		if m.bigB {
			swap(y, m.b.width)
		}
		equal := m.alike && bytes.Equal(x, y)
		if equal && !u.differs {
			continue
		}
		if !u.differs {
			u.differs = true
			if err := w.describe(p, u, u.lo, lo); err != nil {
				return err
			}
		}
		if equal {
			w.moments(&u.sums, p, x)
		} else {
			w.values(&u.sums, p, x, y, lo)
		}
	}
	return nil
}

// describe adds the moments of a part that both sides have.
func (w *worker) describe(p *pair, u *unit, lo, hi int64) error {
	a := reader{data: p.a}
	defer a.close()
	m := &p.mode
	_, block := m.span()
	for ; lo < hi; lo += block {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		n := min(block, hi-lo)
		x := w.again[:n*int64(m.a.width)]
		if err := a.read(x, lo*int64(m.a.width)); err != nil {
			return err
		}
		if m.bigA {
			swap(x, m.a.width)
		}
		w.moments(&u.sums, p, x)
	}
	return nil
}

// moments adds a block that both sides have.
func (w *worker) moments(s *sums, p *pair, x []byte) {
	var m moments
	step := chunk * p.mode.a.width
	for len(x) > 0 {
		k := min(step, len(x))
		v := w.x[:k/p.mode.a.width]
		p.mode.a.decode(v, x[:k])
		scale(p.a, v)
		m.one(v)
		x = x[k:]
	}
	s.equal(&m)
}

// values adds a block that differs, of which the first element is at.
func (w *worker) values(s *sums, p *pair, x, y []byte, at int64) {
	m := &p.mode
	for len(x) > 0 {
		n := min(chunk, len(x)/m.a.width)
		a, b := x[:n*m.a.width], y[:n*m.b.width]
		x, y = x[len(a):], y[len(b):]
		switch {
		case m.alike && bytes.Equal(a, b):
			w.moments(s, p, a)
		case !m.alike || w.tolerance > 0:
			w.decoded(s, p, a, b, at)
		default:
			changed := s.changed + unequal(a, b, m.a.width)
			if !w.fused(s, p, a, b, at) {
				w.decoded(s, p, a, b, at)
			}
			s.changed = changed
		}
		at += int64(n)
	}
}

// decoded adds a chunk by its values.
func (w *worker) decoded(s *sums, p *pair, a, b []byte, at int64) {
	m := &p.mode
	n := len(a) / m.a.width
	x, y := w.x[:n], w.y[:n]
	m.a.decode(x, a)
	m.b.decode(y, b)
	scale(p.a, x)
	scale(p.b, y)
	s.two(x, y, at, w.tolerance)
}

// fused adds a chunk by the kernel of its type, except for changed. It adds
// nothing, and returns false, if there is none or if some numbers may not be
// finite.
func (w *worker) fused(s *sums, p *pair, a, b []byte, at int64) bool {
	m, t := &p.mode, &w.part
	if m.kernel.add == nil {
		return false
	}
	*t = partial{square: s.square}
	m.kernel.add(t, a, b)
	if !(t.aa < m.kernel.limit && t.bb < m.kernel.limit) {
		return false
	}
	s.fold(t, len(a)/m.a.width)
	if t.square > s.square {
		off := t.at * m.a.width
		m.a.decode(w.x[:1], a[off:])
		m.a.decode(w.y[:1], b[off:])
		s.raise(math.Float64bits(w.y[0]-w.x[0])&magnitude, at+int64(t.at))
	}
	return true
}

// scale makes values of quantised numbers.
func scale(d *data, x []float64) {
	if k := d.entry.Scale; k != 0 {
		for i := range x {
			x[i] = x[i]*k + d.entry.Min
		}
	}
}
