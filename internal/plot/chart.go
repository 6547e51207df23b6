package plot

import "math"

// MaxSeries is how many series a Chart can tell apart.
const MaxSeries = 8

// Series is one line of a chart: its points by x, gaps among them.
type Series struct {
	Label  string
	Points []Point
}

// Chart is what is to be drawn: at most MaxSeries series of which at least one
// has a value. All values are finite and, where Log is set, above 0. Title and
// labels are drawn as they are, but for what SVG needs escaped: control
// characters are the caller's to remove.
type Chart struct {
	Title  string
	Series []Series
	Log    bool // the y axis is logarithmic

	XLabel func(x, lo, hi int64) string // names a place on an axis from lo to hi
	YLabel func(v, step float64) string // names a value, well enough for multiples of step
}

// frame is the part of the plane that a chart shows.
type frame struct {
	x0, x1 int64
	y0, y1 float64
}

func (c *Chart) frame() frame {
	f := frame{math.MaxInt64, math.MinInt64, math.Inf(1), math.Inf(-1)}
	for _, s := range c.Series {
		for _, p := range s.Points {
			if !p.Gap() {
				f.x0, f.x1 = min(f.x0, p.X), max(f.x1, p.X)
				f.y0, f.y1 = min(f.y0, p.Y), max(f.y1, p.Y)
			}
		}
	}
	return f
}

// at is where x lies, from 0 to 1; in the middle where there is only one place.
func (f frame) at(x int64) float64 {
	if f.x0 == f.x1 {
		return 0.5
	}
	return float64(x-f.x0) / float64(f.x1-f.x0)
}

// xTicks are at most n ticks at equal distances.
func (c *Chart) xTicks(f frame, n int) []Tick {
	if f.x0 == f.x1 {
		return []Tick{{0.5, c.XLabel(f.x0, f.x0, f.x1)}}
	}
	n = int(min(int64(max(n, 2)), f.x1-f.x0+1))
	ticks := make([]Tick, n)
	for i := range ticks {
		at := float64(i) / float64(n-1)
		ticks[i] = Tick{at, c.XLabel(f.x0+int64(math.Round(at*float64(f.x1-f.x0))), f.x0, f.x1)}
	}
	return ticks
}

// runs thins points out to what can be seen where x has n places, and takes them
// apart at gaps: what lies at one place is one cell, and no gap is seen in it.
func (f frame) runs(points []Point, n int) [][]placed {
	var all [][]placed
	var run []placed
	gap := false
	for _, p := range points {
		if p.Gap() {
			gap = true
			continue
		}
		at := min(int(f.at(p.X)*float64(n)), n-1)
		if len(run) > 0 && run[len(run)-1].place == at {
			run[len(run)-1].join(&cell{p, p, p, p, 1})
		} else {
			if gap && len(run) > 0 {
				all, run = append(all, run), nil
			}
			run = append(run, placed{at, cell{p, p, p, p, 1}})
		}
		gap = false
	}
	if len(run) > 0 {
		all = append(all, run)
	}
	return all
}

// placed is what there is at one place.
type placed struct {
	place int
	cell
}
