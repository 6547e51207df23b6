package plot

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v, step float64
		want    string
	}{
		{0, 1, "0"}, {1e-20, 1, "0"}, {-3, 1, "-3"}, {0.5, 0.5, "0.5"}, {1, 0.5, "1.0"}, {0.30000000000000004, 0.1, "0.3"},
		{0.25, 0.25, "0.25"}, {1.5, 0.25, "1.50"}, {120000, 20000, "120000"}, {2.5e8, 5e7, "2.5e+08"}, {1e-5, 1e-5, "1e-05"},
		{3 * 1e-6, 1e-6, "3e-06"}, {1e300, 2e299, "1e+300"}, {12345678.5, 0.5, "1.23456785e+07"}, {0.001, 0.001, "0.001"},
	} {
		if got := Number(c.v, c.step); got != c.want {
			t.Errorf("Number(%v, %v) = %q, want %q", c.v, c.step, got, c.want)
		}
	}
}

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		v, step float64
		want    string
	}{
		{0, 1, "0 B"}, {500, 500, "500 B"}, {1000, 500, "1.0 kB"}, {1500, 500, "1.5 kB"}, {2e6, 1e6, "2 MB"},
		{2e6, 2.5e5, "2.00 MB"}, {5e9, 5e9, "5 GB"}, {3e21, 1e21, "3000 EB"}, {-1500, 500, "-1.5 kB"},
	} {
		if got := Bytes(c.v, c.step); got != c.want {
			t.Errorf("Bytes(%v, %v) = %q, want %q", c.v, c.step, got, c.want)
		}
	}
}

func TestTimeLabel(t *testing.T) {
	const sec, day = int64(1e6), int64(86400e6)
	const t0 = 1764000000 * sec // 2025-11-24 16:00:00
	for _, c := range []struct {
		span int64
		want string
	}{
		{0, "2025-11-24 16:00:00"}, {2 * sec, "16:00:00.000"}, {600 * sec, "16:00:00"}, {7200 * sec, "16:00"},
		{3 * day, "11-24 16:00"}, {30 * day, "2025-11-24"}, {9000 * 365 * day, "2025-11-24"},
	} {
		if got := TimeLabel(t0, t0, t0+c.span); got != c.want {
			t.Errorf("over %d s: %q, want %q", c.span/sec, got, c.want)
		}
	}
	if got := VersionLabel(12, 1, 20); got != "v12" {
		t.Errorf("VersionLabel: %q", got)
	}
}

// Any range has an axis with few ticks that ascend, and every value lies on it.
func TestYAxis(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := rapid.Bool().Draw(t, "log")
		y := rapid.OneOf(rapid.Float64Range(-10, 10), rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64),
			rapid.SampledFrom([]float64{0, math.MaxFloat64, -math.MaxFloat64, 5e-324, 1e15, 1e15 + 1, 1, math.Nextafter(1, 2)}))
		if log {
			y = rapid.OneOf(rapid.Float64Range(0.001, 10), rapid.Float64Range(5e-324, math.MaxFloat64))
		}
		a, b := y.Draw(t, "a"), y.Draw(t, "b")
		if log && (a <= 0 || b <= 0) {
			t.Skip()
		}
		lo, hi := min(a, b), max(a, b)
		n := rapid.IntRange(1, 30).Draw(t, "n")
		axis := newYAxis(lo, hi, n, log, Number)
		if len(axis.ticks) < 2 || len(axis.ticks) > 3*n+4 {
			t.Errorf("%d ticks for %d steps", len(axis.ticks), n)
		}
		last := -1.0
		for _, tick := range axis.ticks {
			if tick.At < -1e-6 || tick.At > 1+1e-6 || math.IsNaN(tick.At) || tick.At < last || tick.Label == "" {
				t.Errorf("tick %+v after %v", tick, last)
			}
			last = tick.At
		}
		for _, v := range []float64{lo, hi} {
			if at := axis.at(v); !(at >= -1e-6 && at <= 1+1e-6) {
				t.Errorf("%v lies at %v", v, at)
			}
		}
		if lo < hi && axis.at(lo) > axis.at(hi) {
			t.Errorf("%v lies above %v", lo, hi)
		}
	})
}
