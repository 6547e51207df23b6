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
				u.sums.bytes += unequal(x, y)
			}
		}
		lo += n
	}
	return nil
}

// unequal counts the bytes in which two slices of one length differ.
func unequal(x, y []byte) (n int64) {
	const low = 0x7f7f7f7f7f7f7f7f
	for len(x) >= 8 && len(y) >= 8 {
		d := binary.LittleEndian.Uint64(x) ^ binary.LittleEndian.Uint64(y)
		n += int64(bits.OnesCount64((d&low + low | d) &^ low)) // the high bit of each byte that is not 0
		x, y = x[8:], y[8:]
	}
	for i := range x {
		if x[i] != y[i] {
			n++
		}
	}
	return n
}
