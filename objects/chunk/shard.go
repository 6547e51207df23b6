package chunk

import "math"

const (
	shardPart = 1 << 20 // the length of a shard's pieces, in bytes
	lanes     = 8       // the longest element, in bytes
	// shardRun bytes are sampled shardRuns times, each time from the first byte
	// of an element on, if that is what they are.
	shardRun  = 16 << 10
	shardRuns = 4
	minShard  = 4 << 10
)

// shardLayout is one tensor without end, whose pieces stand at the same places
// in every version.
func shardLayout(head []byte) layout {
	e := sampleElem(head)
	return newList([]tensor{{end: math.MaxInt64 / 2, elem: e, label: then(hashOf([]byte("shard")), uint64(e.Size))}}, 0)
}

// sampleElem tells the type of the numbers that head consists of; Size is 0 when
// it does not look like numbers of one type. Floating-point numbers of one
// magnitude have few exponents and any mantissa: the entropy of their last byte
// is low, that of the others high, and everywhere in the same place.
func sampleElem(head []byte) Elem {
	run := min(shardRun, len(head)/shardRuns/lanes*lanes)
	if len(head) < minShard {
		return Elem{}
	}
	step := (len(head) - run) / (shardRuns - 1) / lanes * lanes
	var found Elem
	for i := range shardRuns {
		h, ok := entropies(head[i*step : i*step+run])
		if !ok {
			continue
		}
		e := numbersOf(h)
		if e.Size == 0 || found.Size != 0 && e != found {
			return Elem{}
		}
		found = e
	}
	return found
}

// entropies returns that of each byte position modulo lanes, in bits. Zeros
// of either sign do not count, as many models have been made sparse; ok is false
// where there is little else.
func entropies(b []byte) (h [lanes]float64, ok bool) {
	var count [lanes][256]int32
	pairs := 0
	for i := 0; i+1 < len(b); i += 2 {
		if b[i]|b[i+1]&0x7f != 0 {
			count[i%lanes][b[i]]++
			count[i%lanes+1][b[i+1]]++
			pairs++
		}
	}
	for i := range count {
		total, sum := 0, 0.0
		for _, n := range count[i] {
			if n > 0 {
				total += int(n)
				sum += float64(n) * math.Log2(float64(n))
			}
		}
		if total > 0 {
			h[i] = math.Log2(float64(total)) - sum/float64(total)
		}
	}
	return h, pairs >= len(b)/16
}

// numbersOf reads a type from the entropies of byte positions. A sample of some
// hundred bytes has at most about 7 bits.
func numbersOf(h [lanes]float64) Elem {
	const low, high, gap, short = 6.4, 6.2, 1.2, 4
	for _, size := range []int{2, 4, 8} {
		fits := true
		for i, x := range h {
			switch top := size - 1; i % size {
			case top:
				fits = fits && x > 0 && x < low && x < h[i-1]-gap
			case top - 1: // the mantissa's highest bits, and the exponent's lowest
				fits = fits && x > high-float64(size/8)
			default: // few bits where numbers were made from shorter ones
				fits = fits && (x > high || x < short)
			}
		}
		if fits {
			return Elem{Size: uint8(size), Float: true}
		}
	}
	return Elem{}
}
