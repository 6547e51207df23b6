package jsondiff

// enter begins the summary of a long array of numbers, unless one is under way.
func (c *collector) enter(a, b value) error {
	if c.summary == nil && a.Numeric() && b.Numeric() && max(a.Numbers, b.Numbers) >= uniformLength {
		c.summary = &Summary{NumbersA: a.Numbers, NumbersB: b.Numbers}
		c.depth = len(c.w.path)
	}
	return nil
}

// leave ends the summary, if it is that of this array.
func (c *collector) leave(a, b value) error {
	s := c.summary
	if s == nil || c.depth != len(c.w.path) {
		return nil
	}
	c.summary = nil
	n := s.Changed + s.Added + s.Removed + s.Other
	if n == 0 { // all within the tolerance, or respelled
		return nil
	}
	c.totals.Arrays++
	c.totals.InArrays += s.Changed + s.Added + s.Removed
	if s.finite > 0 {
		s.MeanChange = s.sum / float64(s.finite)
		if !finite(s.MeanChange) {
			s.MeanChange = s.MaxChange
		}
	}
	weight := relative(s.sum, s.magnitude)
	if s.Added+s.Removed+s.Other > 0 {
		weight = 2
	}
	return c.keep(Change{Sort: Array, Summary: s}, a, b, numeric, weight)
}

// element takes a change of one number into the summary.
func (c *collector) element(s *Summary, delta, scale float64) {
	s.Changed++
	c.place(s)
	if !finite(delta) {
		s.NotFinite++
		return
	}
	s.finite++
	s.sum += delta
	s.magnitude += scale
	if r := relative(delta, scale); r > s.MaxRelative {
		s.MaxRelative = r
	}
	if delta > s.MaxChange || s.MaxAt == nil {
		s.MaxChange = delta
		s.MaxAt = c.indices(s.MaxAt[:0])
	}
}

// place notes that something is at hand that changed.
func (c *collector) place(s *Summary) {
	s.Last = c.indices(s.Last[:0])
	if s.First == nil {
		s.First = append([]int64(nil), s.Last...)
	}
}

func (c *collector) indices(dst []int64) []int64 {
	for _, s := range c.w.path[c.depth:] {
		dst = append(dst, s.B)
	}
	return dst
}
