package tensordiff

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// compareOpaque counts the bytes that changed. What one side has beyond the
// other's end changed.
func (w *worker) compareOpaque(p *pair, u *unit) error {
	a, b := reader{data: p.a}, reader{data: p.b}
	defer a.close()
	defer b.close()
	both := min(p.a.entry.Bytes, p.b.entry.Bytes)
	for lo := u.lo; lo < u.hi; {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		n := min(blockSize, u.hi-lo)
		if lo >= both {
			u.sums.bytes += n
			u.differs = true
			lo += n
			continue
		}
		n = min(n, both-lo)
		if !w.same(p, lo, n) {
			x, y := w.bufA[:n], w.bufB[:n]
			if err := a.read(x, lo); err != nil {
				return err
			}
			if err := b.read(y, lo); err != nil {
				return err
			}
			if !bytes.Equal(x, y) {
				u.differs = true
				u.sums.bytes += unequal(x, y, 1)
			}
		}
		lo += n
	}
	return nil
}

// unequal counts the numbers of width bytes in which two slices of one length,
// whole numbers, differ.
func unequal(x, y []byte, width int) (n int64) {
	high := uint64(1) << (8*width - 1) // the highest bit of each number
	for k := width; k < 8; k *= 2 {
		high |= high << (8 * k)
	}
	low := ^high
	for len(x) >= 8 && len(y) >= 8 {
		d := binary.LittleEndian.Uint64(x) ^ binary.LittleEndian.Uint64(y)
		n += int64(bits.OnesCount64((d&low + low | d) & high)) // one for each that is not 0
		x, y = x[8:], y[8:]
	}
	for ; len(x) >= width; x, y = x[width:], y[width:] {
		if !bytes.Equal(x[:width], y[:width]) {
			n++
		}
	}
	return n
}
