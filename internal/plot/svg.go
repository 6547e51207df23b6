package plot

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"

	"github.com/rivo/uniseg"
)

// strokes are told apart also by those who do not see all colours (Okabe and
// Ito), and on white.
var strokes = [MaxSeries]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#808080"}

const (
	charWidth = 7  // of 12 px text, about
	fewPoints = 60 // up to so many are marked one by one
)

// SVG writes the chart as a document of its own, width by height pixels. Its
// errors are those of w.
func (c *Chart) SVG(w io.Writer, width, height int) error {
	d := &drawing{Writer: bufio.NewWriter(w), f: c.frame()}
	d.y = newYAxis(d.f.y0, d.f.y1, max(height/70, 2), c.Log, c.YLabel)
	d.left, d.right, d.top, d.bottom = 24, float64(width)-24, 20, float64(height)-36
	for _, t := range d.y.ticks {
		d.left = max(d.left, float64(16+charWidth*uniseg.StringWidth(t.Label)))
	}
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" font-family="system-ui, sans-serif" font-size="12" fill="#333">`+"\n", width, height)
	d.printf(`<rect width="100%%" height="100%%" fill="#fff"/>` + "\n")
	if c.Title != "" {
		d.printf("<title>%s</title>\n", escape(c.Title))
		d.printf(`<text x="%s" y="26" font-size="16">%s</text>`+"\n", px(d.left), escape(fit(c.Title, int(d.right-d.left)/9)))
		d.top += 24
	}
	c.svgLegend(d)
	c.svgAxes(d, c.xTicks(d.f, min(max(int(d.right-d.left)/110, 2), 10)))
	for i, s := range c.Series {
		d.line(s.Points, strokes[i%MaxSeries])
	}
	d.printf("</svg>\n")
	return d.Flush()
}

// drawing is an SVG under way. After an error nothing more is written.
type drawing struct {
	*bufio.Writer
	f                        frame
	y                        *yAxis
	left, right, top, bottom float64
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(d, format, args...) }

func (d *drawing) at(p Point) string {
	return px(d.left+d.f.at(p.X)*(d.right-d.left)) + " " + px(d.bottom-d.y.at(p.Y)*(d.bottom-d.top))
}

func px(v float64) string { return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") }

// escape makes text content of XML, without the two characters that XML cannot hold
// and that are no control characters.
func escape(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r == '\ufffe' || r == '\uffff' || r < ' ' {
			return '\ufffd'
		}
		return r
	}, s))
}

func (c *Chart) svgLegend(d *drawing) {
	if len(c.Series) < 2 {
		return
	}
	x := d.left
	for i, s := range c.Series {
		label := fit(s.Label, int(d.right-d.left)/charWidth-6)
		need := float64(charWidth*uniseg.StringWidth(label) + 44)
		if x+need > d.right && i > 0 {
			x = d.left
			d.top += 18
		}
		d.printf(`<path d="M%s %sh20" stroke="%s" stroke-width="3"/><text x="%s" y="%s">%s</text>`+"\n",
			px(x), px(d.top), strokes[i%MaxSeries], px(x+26), px(d.top+4), escape(label))
		x += need
	}
	d.top += 20
}

func (c *Chart) svgAxes(d *drawing, x []Tick) {
	d.printf(`<g stroke="#e4e4e4">` + "\n")
	for _, t := range d.y.ticks {
		d.printf(`<path d="M%s %sH%s"/>`+"\n", px(d.left), px(d.bottom-t.At*(d.bottom-d.top)), px(d.right))
	}
	d.printf("</g>\n" + `<g text-anchor="end">` + "\n")
	for _, t := range d.y.ticks {
		d.printf(`<text x="%s" y="%s">%s</text>`+"\n", px(d.left-8), px(d.bottom-t.At*(d.bottom-d.top)+4), escape(t.Label))
	}
	d.printf("</g>\n" + `<g stroke="#888" fill="none">` + "\n")
	d.printf(`<path d="M%s %sV%sH%s"/>`+"\n", px(d.left), px(d.top), px(d.bottom), px(d.right))
	for _, t := range x {
		d.printf(`<path d="M%s %sv5"/>`+"\n", px(d.left+t.At*(d.right-d.left)), px(d.bottom))
	}
	d.printf("</g>\n")
	for _, t := range x {
		anchor := "middle"
		if t.At == 1 && len(t.Label) > 5 {
			anchor = "end"
		}
		d.printf(`<text x="%s" y="%s" text-anchor="%s">%s</text>`+"\n", px(d.left+t.At*(d.right-d.left)), px(d.bottom+20), anchor, escape(t.Label))
	}
}

// line draws what is to be seen of a series in each column of pixels.
func (d *drawing) line(points []Point, stroke string) {
	var path, dots strings.Builder
	for _, run := range d.f.runs(points, max(int(d.right-d.left), 1)) {
		var list []Point
		for i := range run {
			list = run[i].appendTo(list)
		}
		for i, p := range list {
			move := "L"
			if i == 0 {
				move = "M"
			}
			path.WriteString(move + d.at(p))
			if len(points) <= fewPoints || len(list) == 1 {
				dots.WriteString("M" + d.at(p) + "h0")
			}
		}
	}
	d.printf(`<path d="%s" fill="none" stroke="%s" stroke-width="1.5" stroke-linejoin="round"/>`+"\n", path.String(), stroke)
	if dots.Len() > 0 {
		d.printf(`<path d="%s" stroke="%s" stroke-width="6" stroke-linecap="round"/>`+"\n", dots.String(), stroke)
	}
}
