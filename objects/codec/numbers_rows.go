package codec

import "math/bits"

// Numbers of one column may be rows of a table, all of the same length: pairs, or
// lines of comma-separated values. When their places are not alike, each place
// becomes a column, followed by that of the next place.

const (
	maxRow   = 64 // numbers in a row
	minRows  = 64 // rows of a table
	rowTests = 32 // rows that are looked at

	// columnBits is what a column costs beside its numbers.
	columnBits = 60 * 8
)

// unlike tells whether the places of the rows of n numbers that c consists of
// should be kept apart.
func unlike(t *pow10Table, c column, n int) bool {
	rows := len(c.values) / max(n, 1)
	if n < 2 || n > maxRow || rows < minRows {
		return false
	}
	apart, joined, sure := 0, 0, true
	var shape uint
	step := max(1, (rows-1)/rowTests)
	for k := range n {
		var votes [shapes]int
		plain, delta, next, tests := 0, 0, 0, 0
		for row := 1; row < rows; row += step {
			i := row*n + k
			tests++
			votes[shapeOf(t, c.kinds[i], c.values[i])]++
			plain += bits.Len64(zigzag(c.values[i]))
			delta += bits.Len64(zigzag(c.values[i] - c.values[i-n]))
			next += bits.Len64(zigzag(c.values[i] - c.values[i-1]))
		}
		most := uint(0)
		for s, v := range votes {
			if v > votes[most] {
				most = uint(s)
			}
		}
		shape |= 1 << most
		sure = sure && votes[most]*8 >= tests*7
		apart += min(plain, delta)
		joined += min(plain, next)
	}
	if shape&(shape-1) != 0 {
		return sure
	}
	return shape == 1<<kindInt && apart*10 < joined*9 && (joined-apart)*step > n*columnBits
}

// Shapes are kinds, and more.
const (
	shapeNarrow = int(kindVerbatim) + 1 + iota // floats that come from a float32
	shapeFew                                   // floats of few digits
	shapes
)

// shapeOf says which numbers are stored alike.
func shapeOf(t *pow10Table, k numberKind, v uint64) int {
	switch k {
	case kindFixed:
		return shapeFew
	case kindFloat:
		v &^= 1 << 63
		if v == 0 {
			return shapeFew
		}
		if d, _ := shortest(t, v); d < 1e9 {
			return shapeFew
		}
		if _, ok := narrow(v); ok {
			return shapeNarrow
		}
	}
	return int(k)
}

// place cuts the numbers of one place out of rows of n.
func (c *column) place(dst *column, k, n int) {
	m := (len(c.values) - k + n - 1) / n
	dst.values, dst.kinds, dst.scales = sized(dst.values, m), sized(dst.kinds, m), sized(dst.scales, m)
	for i := range m {
		dst.values[i], dst.kinds[i], dst.scales[i] = c.values[i*n+k], c.kinds[i*n+k], c.scales[i*n+k]
	}
}
