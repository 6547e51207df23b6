package codec

import "math"

const (
	guessWindows = 6
	guessWindow  = 8 << 10
	// guessGain is what a larger element must save, in bits per byte: the
	// entropy of a small sample comes out too low by about a tenth of that.
	guessGain = 0.12
)

// guessElem finds the elements in raw from a few samples: of the sizes 1, 2, 4
// and 8 the smallest whose byte positions, each by itself, have nearly the
// lowest order-0 entropy. lead is the number of bytes before the first whole
// element. Size is 1 when nothing larger is better.
func guessElem(raw []byte) (e Elem, lead int) {
	var counts [8][256]uint32 // by position modulo 8
	var words []byte          // the samples, each beginning at a multiple of 8
	forWindows(len(raw)&^7, guessWindow, guessWindows, func(from, to int) {
		words = append(words, raw[from:to]...)
	})
	if len(words) < 256 {
		return Elem{Size: 1}, 0
	}
	for i, c := range words {
		counts[i&7][c]++
	}
	size, best := 1, math.Inf(1)
	var entropies [8]float64
	for s := 1; s <= 8; s *= 2 {
		var sum float64
		var h [8]float64
		for p := range s {
			var joint [256]uint32
			for q := p; q < 8; q += s {
				for c, k := range counts[q] {
					joint[c] += k
				}
			}
			h[p] = entropy(&joint)
			sum += h[p]
		}
		if mean := sum / float64(s); mean < best-guessGain {
			size, best, entropies = s, mean, h
		}
	}
	if size == 1 {
		return Elem{Size: 1}, 0
	}
	// An element begins where a byte that hardly varies, the last of the one
	// before, meets one that does.
	jump := math.Inf(-1)
	for p := range size {
		if up := entropies[p] - entropies[(p+size-1)%size]; up > jump {
			jump, lead = up, p
		}
	}
	// Of floats the rotation makes the planes smaller. Another lead must be
	// clearly better, as this hardly depends on it.
	margin := 0.04 / float64(size)
	whole, at := best, lead
	for k := range size {
		p := (lead + k) % size
		if h := rotatedEntropy(words[p:], size); h < whole-margin {
			whole, at, e.Float = h, p, true
		}
	}
	e.Size = uint8(size)
	return e, at
}

// rotatedEntropy is the mean entropy, in bits per byte, of the planes that
// floats of this size are cut into.
func rotatedEntropy(b []byte, size int) (h float64) {
	e := Elem{Size: uint8(size), Float: true}
	n := len(b) / size
	planes := make([]byte, n*size)
	splitPlanes(planes, b[:n*size], e)
	for p := range size {
		var counts [256]uint32
		for _, c := range planes[p*n : (p+1)*n] {
			counts[c]++
		}
		h += entropy(&counts) / float64(size)
	}
	return h
}

// entropy is the order-0 entropy in bits per symbol.
func entropy(counts *[256]uint32) float64 {
	var n uint32
	var sum float64
	for _, c := range counts {
		n += c
		sum += xlog2(c)
	}
	if n == 0 {
		return 0
	}
	return (xlog2(n) - sum) / float64(n)
}

// xlog2 is x·log₂x.
func xlog2(x uint32) float64 {
	if x < uint32(len(xlog2s)) {
		return xlog2s[x]
	}
	return float64(x) * math.Log2(float64(x))
}

var xlog2s = func() (t [1024]float64) {
	for x := 2; x < len(t); x++ {
		t[x] = float64(x) * math.Log2(float64(x))
	}
	return t
}()

// forWindows calls f for up to count windows of size, spread evenly over n, or
// for all of n at once when that is no more. The windows begin at multiples of 8.
func forWindows(n, size, count int, f func(from, to int)) {
	if n <= size*count {
		f(0, n)
		return
	}
	for i := range count {
		from := (n - size) / (count - 1) * i &^ 7
		f(from, from+size)
	}
}
