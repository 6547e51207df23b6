package plot

import (
	"cmp"
	"math"
	"slices"
)

// Point is a value at a place on the x axis. A gap is a Point whose Y is NaN.
type Point struct {
	X int64 // the number of a version, or microseconds since 1970
	Y float64
}

// Gap tells whether there is no value at the point's place.
func (p Point) Gap() bool { return math.IsNaN(p.Y) }

// Sampler keeps of any number of points few enough to draw. Its zero value is
// not ready: use NewSampler. It may not be used concurrently.
type Sampler struct {
	max    int
	shift  uint // a cell is 1<<shift wide
	cells  map[uint64]*cell
	points int // with a value, that were added
}

// cell is what is kept of the points in one part of the x axis.
type cell struct {
	first, min, max, last Point
	values                int
}

// NewSampler returns a Sampler that keeps up to four points in each of at most
// cells parts of the x axis. As long as no more than that many places have a
// point all of them are kept, but for more than four at one place.
func NewSampler(cells int) *Sampler {
	return &Sampler{max: max(cells, 1), cells: map[uint64]*cell{}}
}

// Add takes a finite value; in any order of x, without an effect on the result
// other than which of two points at the same place is the first.
func (s *Sampler) Add(x int64, y float64) {
	s.points++
	p := Point{x, y}
	s.merge(&cell{p, p, p, p, 1})
}

// AddGap says that there is no value at x.
func (s *Sampler) AddGap(x int64) {
	p := Point{x, math.NaN()}
	s.merge(&cell{p, p, p, p, 0})
}

// Len is the number of values that were added.
func (s *Sampler) Len() int { return s.points }

// key is the cell that x lies in; ordered as x is, and 0 for all when shift is 64.
func (s *Sampler) key(x int64) uint64 { return (uint64(x) ^ 1<<63) >> s.shift }

func (s *Sampler) merge(c *cell) {
	key := s.key(c.first.X)
	old := s.cells[key]
	if old != nil {
		old.join(c)
		return
	}
	s.cells[key] = c
	for len(s.cells) > s.max {
		s.shift++
		all := s.cells
		s.cells = make(map[uint64]*cell, s.max)
		for key, c := range all {
			if half := s.cells[key>>1]; half != nil {
				half.join(c)
			} else {
				s.cells[key>>1] = c
			}
		}
	}
}

// join takes in what another cell has. A gap leaves no trace beside values.
func (c *cell) join(o *cell) {
	switch {
	case c.values == 0 && (o.values > 0 || o.first.X < c.first.X):
		*c = *o
		return
	case o.values == 0:
		return
	}
	if o.first.X < c.first.X {
		c.first = o.first
	}
	if o.last.X > c.last.X {
		c.last = o.last
	}
	if less(o.min, c.min) {
		c.min = o.min
	}
	if o.max.Y > c.max.Y || o.max.Y == c.max.Y && o.max.X < c.max.X {
		c.max = o.max
	}
	c.values += o.values
}

// less orders by value, then by place, so that the order of joining is of no
// account.
func less(a, b Point) bool { return a.Y < b.Y || a.Y == b.Y && a.X < b.X }

// Points returns what was kept, gaps included, by x. The slice is the caller's.
func (s *Sampler) Points() []Point {
	list := make([]Point, 0, len(s.cells))
	for _, c := range s.cells {
		list = c.appendTo(list)
	}
	slices.SortStableFunc(list, func(a, b Point) int { return cmp.Compare(a.X, b.X) })
	return list
}

// appendTo appends the cell's different points by x.
func (c *cell) appendTo(list []Point) []Point {
	if c.values == 0 {
		return append(list, c.first)
	}
	four := []Point{c.first, c.min, c.max, c.last}
	if c.max.X < c.min.X {
		four[1], four[2] = c.max, c.min
	}
	return append(list, slices.Compact(four)...)
}
