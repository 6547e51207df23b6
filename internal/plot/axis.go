package plot

import (
	"math"
	"strconv"
	"time"
)

// Tick is a place on an axis, from 0 (its beginning) to 1 (its end), with what
// stands there.
type Tick struct {
	At    float64
	Label string
}

// yAxis maps values to places from 0 (bottom) to 1 (top).
type yAxis struct {
	lo, hi float64 // logarithms where log is set
	log    bool
	ticks  []Tick
}

func (a *yAxis) at(y float64) float64 {
	if a.log {
		y = math.Log10(y)
	}
	return ratio(y, a.lo, a.hi)
}

// ratio is (y-lo)/(hi-lo), also where hi-lo is more than a float can hold.
func ratio(y, lo, hi float64) float64 { return (y/4 - lo/4) / (hi/4 - lo/4) }

// newYAxis is an axis from lo to hi, or a little more, with about n steps
// between ticks. On a logarithmic one both are above 0.
func newYAxis(lo, hi float64, n int, log bool, format func(v, step float64) string) *yAxis {
	if log {
		return newLogAxis(lo, hi, n, format)
	}
	const tiny = 1e-300 // less cannot be divided into steps
	if span := hi/4 - lo/4; span < tiny || span < 1e-14*max(math.Abs(lo), math.Abs(hi)) {
		pad := max(math.Abs(lo)/10, math.Abs(hi)/10)
		if pad < tiny {
			pad = 1
		}
		lo, hi = finite(lo-pad), finite(hi+pad)
	}
	step := niceStep(hi/float64(n) - lo/float64(n))
	from, to := math.Floor(lo/step), math.Ceil(hi/step)
	a := &yAxis{lo: finite(from * step), hi: finite(to * step)}
	for k := from; k <= to; k++ {
		v := finite(k * step)
		a.ticks = append(a.ticks, Tick{ratio(v, a.lo, a.hi), format(v, step)})
	}
	return a
}

// newLogAxis has its ticks at powers of ten, or at 1, 2 and 5 times these where
// there are few.
func newLogAxis(lo, hi float64, n int, format func(v, step float64) string) *yAxis {
	a := &yAxis{lo: math.Log10(lo), hi: math.Log10(hi), log: true}
	if a.hi-a.lo < 1e-9 {
		a.lo, a.hi = a.lo-0.5, a.hi+0.5
	}
	every, within := math.Ceil((a.hi-a.lo)/float64(n)), []float64{1}
	if a.hi-a.lo < 0.6*float64(n) {
		within = []float64{1, 2, 5}
	}
	for e := math.Floor(a.lo); e <= math.Ceil(a.hi); e++ {
		if math.Mod(e, every) != 0 {
			continue
		}
		for _, m := range within {
			l := e + math.Log10(m)
			v := math.Pow(10, l)
			if l < a.lo-1e-9 || l > a.hi+1e-9 || v == 0 {
				continue
			}
			a.ticks = append(a.ticks, Tick{ratio(l, a.lo, a.hi), format(v, v)})
		}
	}
	if len(a.ticks) < 2 { // less than a decade, between two of its ticks
		lo, hi := math.Pow(10, a.lo), math.Pow(10, a.hi)
		a.ticks = []Tick{{0, format(lo, hi-lo)}, {1, format(hi, hi-lo)}}
	}
	return a
}

func finite(v float64) float64 { return min(max(v, -math.MaxFloat64), math.MaxFloat64) }

// niceStep is the smallest of 1, 2, 2.5 and 5 times a power of ten that is not
// below x.
func niceStep(x float64) float64 {
	e := math.Floor(math.Log10(x))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if s := m * math.Pow(10, e); s >= x*(1-1e-9) {
			return finite(s)
		}
	}
	return finite(math.Pow(10, e+1))
}

// Number writes a value with as many digits as multiples of step are told apart by.
func Number(v, step float64) string {
	size := math.Abs(v)
	if size < step/1e6 {
		return "0"
	}
	if size < 1e7 && size >= 1e-4 {
		return strconv.FormatFloat(v, 'f', decimals(step), 64)
	}
	digits := min(max(int(math.Ceil(math.Log10(size/step)-1e-9)), 0), 15)
	text := strconv.FormatFloat(v, 'e', digits, 64)
	if exact := strconv.FormatFloat(v, 'e', -1, 64); len(exact) < len(text)+2 {
		return exact
	}
	return text
}

// decimals is how many digits after the point a multiple of step has.
func decimals(step float64) int {
	n := 0
	for s := step; n < 15 && math.Abs(s-math.Round(s)) > 1e-6*s; n++ {
		s *= 10
	}
	return n
}

// Bytes writes a value as a size in decimal units.
func Bytes(v, step float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	i := 0
	for ; i < len(units)-1 && math.Abs(v) >= 1000; i++ {
		v, step = v/1000, step/1000
	}
	return strconv.FormatFloat(v, 'f', min(decimals(step), 3), 64) + " " + units[i]
}

// VersionLabel names a place of an axis of versions.
func VersionLabel(x, _, _ int64) string { return "v" + strconv.FormatInt(x, 10) }

// TimeLabel names a place of an axis of microseconds since 1970 that reaches
// from lo to hi; in UTC, and no finer than is of use.
func TimeLabel(x, lo, hi int64) string {
	layout := "2006-01-02"
	switch span := hi/1e6 - lo/1e6; {
	case span < 20:
		layout = "15:04:05.000"
	case span < 3600:
		layout = "15:04:05"
	case span < 86400:
		layout = "15:04"
	case span < 10*86400:
		layout = "01-02 15:04"
	}
	if lo == hi {
		layout = "2006-01-02 15:04:05"
	}
	return time.UnixMicro(x).UTC().Format(layout)
}
