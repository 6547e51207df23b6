package plot

import (
	"math"
	"strings"

	"github.com/guptarohit/asciigraph"
	"github.com/rivo/uniseg"
)

// marks are what lines are drawn with where there are no colours, after the
// first, which has lines.
var marks = [MaxSeries]string{"─", "*", "o", "+", "x", "#", "@", "%"}

var colors = [MaxSeries]asciigraph.AnsiColor{
	asciigraph.Blue, asciigraph.Red, asciigraph.Green, asciigraph.Yellow,
	asciigraph.Fuchsia, asciigraph.Cyan, asciigraph.Gray, asciigraph.Orange,
}

// Text draws the chart with characters, about width cells wide and with about
// height rows of values; in colours, or else each line in characters of its own.
func (c *Chart) Text(width, height int, colored bool) string {
	f := c.frame()
	y := newYAxis(f.y0, f.y1, max(height/3, 1), c.Log, c.YLabel)
	if steps := len(y.ticks) - 1; !c.Log {
		height = steps * max(height/steps, 1)
	}
	rows := make([]string, height+1)
	left := 0
	for _, t := range y.ticks {
		rows[int(math.Round(t.At*float64(height)))] = t.Label
		left = max(left, uniseg.StringWidth(t.Label))
	}
	left += 3 // as asciigraph has it

	widest := 0
	for _, t := range c.xTicks(f, 10) {
		widest = max(widest, uniseg.StringWidth(t.Label))
	}
	cols := max((width-left-widest/2)&^1, 10)
	ticks := c.xTicks(f, min(cols/(widest+4), 10))

	options := []asciigraph.Option{
		asciigraph.Height(height), asciigraph.LowerBound(0), asciigraph.UpperBound(float64(height)),
		asciigraph.YAxisValueFormatter(func(v float64) string { return rows[int(math.Round(v))] }),
		asciigraph.XAxisRange(0, 1), asciigraph.XAxisTickCount(xCount(ticks)),
		asciigraph.XAxisValueFormatter(func(at float64) string {
			for _, t := range ticks {
				if math.Abs(t.At-at) < 1e-6 {
					return t.Label
				}
			}
			return ""
		}),
	}
	if colored {
		options = append(options, asciigraph.SeriesColors(colors[:]...))
	} else {
		sets := []asciigraph.CharSet{asciigraph.DefaultCharSet}
		for _, m := range marks[1:] {
			sets = append(sets, asciigraph.CreateCharSet(m))
		}
		options = append(options, asciigraph.SeriesChars(sets...))
	}
	data := make([][]float64, len(c.Series))
	for i, s := range c.Series {
		data[i] = columns(f, s.Points, cols, func(v float64) float64 { return y.at(v) * float64(height) })
	}
	indent := strings.Repeat(" ", left)
	text := asciigraph.PlotMany(data, options...) + "\n" + c.legend(indent, width, colored)
	if c.Title != "" {
		text = indent + fit(c.Title, width-left) + "\n" + text
	}
	return text
}

// xCount is how many ticks asciigraph has to draw: of three one is in the middle,
// where a single one belongs.
func xCount(ticks []Tick) int {
	if len(ticks) == 1 {
		return 3
	}
	return len(ticks)
}

// columns gives each of n (even) columns a height, NaN where there is none. Two
// columns show the smallest and the largest of what lies in them, in their order;
// between neighbours the line is straight.
func columns(f frame, points []Point, n int, height func(float64) float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	for _, run := range f.runs(points, n/2) {
		last, leave := -1, 0.0
		// put draws one column, which a line enters and leaves at other heights.
		put := func(col int, enter, y, exit float64) {
			for k := last + 1; last >= 0 && k < col; k++ {
				out[k] = leave + (height(enter)-leave)*float64(k-last)/float64(col-last)
			}
			out[col], last, leave = height(y), col, height(exit)
		}
		for _, p := range run {
			a, b := p.min, p.max
			if b.X < a.X {
				a, b = b, a
			}
			if p.values == 1 {
				put(min(int(f.at(a.X)*float64(n)), n-1), a.Y, a.Y, a.Y)
			} else {
				put(2*p.place, p.first.Y, a.Y, a.Y)
				put(2*p.place+1, b.Y, b.Y, p.last.Y)
			}
		}
	}
	return out
}

// legend names the lines where there are several.
func (c *Chart) legend(indent string, width int, colored bool) string {
	if len(c.Series) < 2 {
		return ""
	}
	var b strings.Builder
	used := width
	for i, s := range c.Series {
		label := fit(s.Label, max(width-len(indent)-4, 8))
		need := 4 + uniseg.StringWidth(label)
		if used+3+need > width {
			if i > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(indent)
			used = len(indent)
		} else {
			b.WriteString("   ")
			used += 3
		}
		used += need
		line := strings.Repeat(marks[i%MaxSeries], 3)
		if colored {
			line = colors[i%MaxSeries].String() + "───" + asciigraph.Default.String()
		}
		b.WriteString(line + " " + label)
	}
	b.WriteByte('\n')
	return b.String()
}

// fit shortens text to a number of cells.
func fit(s string, width int) string {
	if uniseg.StringWidth(s) <= width {
		return s
	}
	var b strings.Builder
	for used, rest, state := 0, s, -1; rest != ""; {
		var one string
		var n int
		one, rest, n, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used += n; used >= width {
			break
		}
		b.WriteString(one)
	}
	return b.String() + "…"
}
