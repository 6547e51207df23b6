package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: -want +got:\n%s", name, diff)
	}
}

// decay is a falling line with a gap at every 13th place.
func decay(label string, from, to int64, start float64) Series {
	s := Series{Label: label}
	for x := from; x <= to; x++ {
		p := Point{x, start*math.Exp(-float64(x-from)/12) + 0.05*math.Sin(float64(x))}
		if x%13 == 0 {
			p.Y = math.NaN()
		}
		s.Points = append(s.Points, p)
	}
	return s
}

func TestGolden(t *testing.T) {
	hours := decay("a", 1, 30, 900e3)
	for i := range hours.Points {
		hours.Points[i].X = 1764000000e6 + hours.Points[i].X*3600e6
	}
	wave := NewSampler(1 << 12)
	for x := range int64(1_000_000) {
		y := math.Sin(float64(x) / 1e5)
		switch x {
		case 333_333:
			y = 3
		case 666_666:
			y = -3
		}
		wave.Add(x+1, y)
	}
	for name, c := range map[string]*Chart{
		"one":     {Title: "metrics.loss of m.json on main", Series: []Series{decay("main", 1, 40, 2)}},
		"several": {Title: "metrics.loss", Series: []Series{decay("main", 1, 40, 2), decay("exp", 20, 55, 1), decay("über <&>", 10, 30, 1.5)}},
		"log":     {Title: "metrics.loss", Series: []Series{decay("main", 1, 25, 100)}, Log: true},
		"point":   {Title: "metrics.loss", Series: []Series{{Points: []Point{{7, 0.25}}}}},
		"flat":    {Title: "params.lr", Series: []Series{{Points: []Point{{1, 1e-3}, {2, 1e-3}, {3, 1e-3}}}}},
		"time":    {Title: "size", Series: []Series{hours}, XLabel: TimeLabel, YLabel: Bytes},
		"million": {Title: "a wave with two spikes", Series: []Series{{Points: wave.Points()}}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.XLabel == nil {
				c.XLabel = VersionLabel
			}
			if c.YLabel == nil {
				c.YLabel = Number
			}
			golden(t, name+".txt", []byte(c.Text(80, 15, false)))
			var svg bytes.Buffer
			if err := c.SVG(&svg, 640, 320); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".svg", svg.Bytes())
			wellFormed(t, svg.Bytes())
			if name == "several" {
				golden(t, name+".color.txt", []byte(c.Text(80, 15, true)))
			}
		})
	}
}

func wellFormed(t interface{ Fatalf(string, ...any) }, doc []byte) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("the SVG is not well-formed: %v\n%s", err, doc)
		}
	}
}

// Any series can be drawn, in any size, and with any label.
func TestDrawAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &Chart{Title: rapid.String().Draw(t, "title"), XLabel: VersionLabel, YLabel: Number, Log: rapid.Bool().Draw(t, "log")}
		if rapid.Bool().Draw(t, "time") {
			c.XLabel = TimeLabel
		}
		for range rapid.IntRange(1, MaxSeries).Draw(t, "series") {
			s := NewSampler(64)
			s.Add(1, 1)
			for _, p := range drawPoints(t, false) {
				p.X >>= 6 // times are less than this
				if c.Log && p.Y <= 0 {
					p.Y = math.NaN()
				}
				fill(s, []Point{p})
			}
			c.Series = append(c.Series, Series{rapid.String().Draw(t, "label"), s.Points()})
		}
		width, height := rapid.IntRange(60, 300).Draw(t, "width"), rapid.IntRange(2, 60).Draw(t, "height")
		text := c.Text(width, height, false)
		for _, line := range strings.Split(text, "\n")[1:] {
			if n := uniseg.StringWidth(line); n > width && !strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
				t.Errorf("a line of %d cells, %d are allowed:\n%s", n, width, text)
			}
		}
		var svg bytes.Buffer
		if err := c.SVG(&svg, 4*width, 20*height+100); err != nil {
			t.Fatal(err)
		}
		wellFormed(t, svg.Bytes())
		if strings.Contains(svg.String(), "NaN") && !strings.Contains(text, "NaN") {
			t.Errorf("a place is not a number:\n%s", svg.String())
		}
	})
}

// The columns of a terminal show every extreme; neighbours are joined, and no line
// is drawn across a gap.
func TestColumns(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		points []Point
		want   []float64
	}{
		{"joined", []Point{{0, 0}, {9, 9}}, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"one", []Point{{5, 4}}, []float64{nan, nan, nan, nan, nan, 4, nan, nan, nan, nan}},
		{"gap", []Point{{0, 1}, {1, 1}, {5, nan}, {8, 2}, {9, 2}}, []float64{1, 1, nan, nan, nan, nan, nan, nan, 2, 2}},
		{"gaps at the ends", []Point{{-5, nan}, {0, 1}, {9, 1}, {12, nan}}, []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{"spikes", []Point{{0, 0}, {40, 0}, {41, 7}, {42, 0}, {43, -7}, {44, 0}, {99, 0}}, []float64{0, 0, 0, 0, 7, -7, 0, 0, 0, 0}},
	} {
		f := (&Chart{Series: []Series{{Points: c.points}}}).frame()
		got := columns(f, c.points, 10, func(y float64) float64 { return y })
		if len(got) != len(c.want) {
			t.Fatalf("%s: %v", c.name, got)
		}
		for i := range got {
			if math.IsNaN(got[i]) != math.IsNaN(c.want[i]) || math.Abs(got[i]-c.want[i]) > 1e-9 {
				t.Errorf("%s: column %d is %v, want %v: %v", c.name, i, got[i], c.want[i], got)
			}
		}
	}
}

func TestFit(t *testing.T) {
	for in, want := range map[string]string{"": "", "abcde": "abcde", "abcdef": "abcd…", "日本語": "日本…", "éééééé": "éééé…"} {
		if got := fit(in, 5); got != want {
			t.Errorf("fit(%q) = %q, want %q", in, got, want)
		}
	}
}

// failing is a writer without room.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestSVGError(t *testing.T) {
	c := &Chart{Series: []Series{{Points: []Point{{1, 1}}}}, XLabel: VersionLabel, YLabel: Number}
	if err := c.SVG(failing{}, 300, 200); err == nil {
		t.Error("no error of the writer")
	}
}
