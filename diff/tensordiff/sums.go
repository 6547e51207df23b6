package tensordiff

import "math"

// moments add up the values of one side.
type moments struct {
	n, nan, inf int64 // n finite ones
	sum, sq     float64
}

func (m *moments) plus(o *moments) {
	m.n += o.n
	m.nan += o.nan
	m.inf += o.inf
	m.sum += o.sum
	m.sq += o.sq
}

// nothing is a standard deviation, relative to the mean, that rounding makes of
// values that are all the same.
const nothing = 1e-6

func (m *moments) result() Moments {
	r := Moments{NaN: m.nan, Inf: m.inf}
	n := float64(m.n) // 0 makes both NaN
	mean := m.sum / n
	std := math.Sqrt(max(m.sq/n-mean*mean, 0))
	if std < nothing*math.Abs(mean) {
		std = 0
	}
	r.Mean, r.Std = Number(mean), Number(std)
	return r
}

// sums add up what two sides have. The products are of the elements that are
// finite on both.
type sums struct {
	a, b           moments
	aa, bb, ab, dd float64
	changed        int64
	max            uint64  // the bits of the largest |b-a|, which order as the numbers do
	square         float64 // of that number
	at             int64   // where that is; it is somewhere if max > 0
	bytes          int64   // that changed, of opaque data
}

// plus adds sums of what follows.
func (s *sums) plus(o *sums) {
	s.a.plus(&o.a)
	s.b.plus(&o.b)
	s.aa += o.aa
	s.bb += o.bb
	s.ab += o.ab
	s.dd += o.dd
	s.changed += o.changed
	s.bytes += o.bytes
	s.raise(o.max, o.at)
}

// raise takes a difference of which these are the bits, if it is the largest.
func (s *sums) raise(bits uint64, at int64) {
	if bits > s.max {
		d := math.Float64frombits(bits)
		s.max, s.square, s.at = bits, d*d, at
	}
}

// equal adds values that both sides have.
func (s *sums) equal(m *moments) {
	s.a.plus(m)
	s.b.plus(m)
	s.aa += m.sq
	s.bb += m.sq
	s.ab += m.sq
}

// values is the result, of a tensor of that shape.
func (s *sums) values(shape []int64, fortran bool) *Values {
	v := &Values{ElementsChanged: s.changed, Before: s.a.result(), After: s.b.result()}
	v.L2, v.L2Before = Number(math.Sqrt(s.dd)), Number(math.Sqrt(s.aa))
	v.RelativeL2 = ratio(s.dd, s.aa)
	v.MaxAbs = Number(math.Float64frombits(s.max))
	if s.max > 0 {
		v.MaxAbsIndex = index(s.at, shape, fortran)
	}
	v.Cosine = Number(math.NaN())
	if s.aa > 0 && s.bb > 0 {
		v.Cosine = Number(min(max(s.ab/math.Sqrt(s.aa)/math.Sqrt(s.bb), -1), 1))
	}
	return v
}

// ratio is that of two norms, given their squares; NaN if the second is 0 and
// the first is not.
func ratio(dd, aa float64) Number {
	switch {
	case dd == 0:
		return 0
	case aa == 0:
		return Number(math.NaN())
	}
	return Number(math.Sqrt(dd) / math.Sqrt(aa))
}

// index is the place of an element in an array.
func index(at int64, shape []int64, fortran bool) []int64 {
	x := make([]int64, len(shape))
	for k := range shape {
		if !fortran {
			k = len(shape) - 1 - k
		}
		x[k] = at % shape[k]
		at /= shape[k]
	}
	return x
}

const (
	magnitude = 1<<63 - 1 // the bits of a float64 without its sign
	chunk     = 1024      // elements that are added up at once
)

// one adds up values.
func (m *moments) one(x []float64) {
	var s0, s1, q0, q1 float64
	y := x
	for len(y) >= 4 {
		v := (*[4]float64)(y)
		s0 += v[0] + v[1]
		s1 += v[2] + v[3]
		q0 += v[0]*v[0] + v[1]*v[1]
		q1 += v[2]*v[2] + v[3]*v[3]
		y = y[4:]
	}
	for _, v := range y {
		s0 += v
		q0 += v * v
	}
	if q := q0 + q1; q <= math.MaxFloat64 {
		m.n += int64(len(x))
		m.sum += s0 + s1
		m.sq += q
		return
	}
	for _, v := range x {
		m.any(v)
	}
}

// any adds a value that need not be finite, and tells whether it is.
func (m *moments) any(v float64) bool {
	switch {
	case v != v:
		m.nan++
		return false
	case math.IsInf(v, 0):
		m.inf++
		return false
	}
	m.n++
	m.sum += v
	m.sq += v * v
	return true
}

// two adds up the values of both sides, of which the first is element at. A
// change counts if it is larger than the number with the bits tolerance.
func (s *sums) two(x, y []float64, at int64, tolerance uint64) {
	p := partial{max: s.max}
	p.float64s(x, y, tolerance)
	if !(p.aa+p.bb+p.dd <= math.MaxFloat64) {
		s.slow(x, y, at, tolerance)
		return
	}
	s.fold(&p, len(x))
	s.changed += int64(p.changed)
	s.raise(p.max, at+int64(p.at))
}

// partial is what a loop over a chunk adds up. It is of no use if there was a
// number that is not finite: then aa or bb is none either.
type partial struct {
	a, b, aa, bb, ab, dd float64
	changed              uint64
	max                  uint64  // the bits of the largest difference, or
	square               float64 // its square; a loop raises one of them
	at                   int     // in the chunk; it is somewhere if that became larger
}

// fold adds a chunk of n elements that are all finite.
func (s *sums) fold(p *partial, n int) {
	s.a.n += int64(n)
	s.b.n += int64(n)
	s.a.sum += p.a
	s.b.sum += p.b
	s.a.sq += p.aa
	s.b.sq += p.bb
	s.aa += p.aa
	s.bb += p.bb
	s.ab += p.ab
	s.dd += p.dd
}

// slow adds up what need not be finite. NaN is as good as NaN.
func (s *sums) slow(x, y []float64, at int64, tolerance uint64) {
	for i, a := range x {
		b := y[i]
		okA, okB := s.a.any(a), s.b.any(b)
		switch {
		case !okA || !okB:
			if a != b && (a == a || b == b) {
				s.changed++
			}
			continue
		}
		d := b - a
		s.aa += a * a
		s.bb += b * b
		s.ab += a * b
		s.dd += d * d
		u := math.Float64bits(d) & magnitude
		if u > tolerance {
			s.changed++
		}
		s.raise(u, at+int64(i))
	}
}

// float64s adds up a chunk.
func (p *partial) float64s(x, y []float64, tolerance uint64) {
	y = y[:len(x)]
	var a0, a1, b0, b1, aa0, aa1, bb0, bb1, ab0, ab1, dd0, dd1 float64
	var changed uint64
	most, at := p.max, 0
	i := 0
	for ; i+2 <= len(x); i += 2 {
		u, v := x[i], x[i+1]
		w, z := y[i], y[i+1]
		d, e := w-u, z-v
		a0 += u
		a1 += v
		b0 += w
		b1 += z
		aa0 += u * u
		aa1 += v * v
		bb0 += w * w
		bb1 += z * z
		ab0 += u * w
		ab1 += v * z
		dd0 += d * d
		dd1 += e * e
		m, n := math.Float64bits(d)&magnitude, math.Float64bits(e)&magnitude
		changed += (tolerance-m)>>63 + (tolerance-n)>>63
		if m > most {
			most, at = m, i
		}
		if n > most {
			most, at = n, i+1
		}
	}
	for ; i < len(x); i++ {
		u, w := x[i], y[i]
		d := w - u
		a0 += u
		b0 += w
		aa0 += u * u
		bb0 += w * w
		ab0 += u * w
		dd0 += d * d
		m := math.Float64bits(d) & magnitude
		changed += (tolerance - m) >> 63
		if m > most {
			most, at = m, i
		}
	}
	p.a, p.b, p.aa, p.bb, p.ab, p.dd = a0+a1, b0+b1, aa0+aa1, bb0+bb1, ab0+ab1, dd0+dd1
	p.changed, p.max, p.at = changed, most, at
}
