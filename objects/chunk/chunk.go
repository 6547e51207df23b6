// Package chunk cuts a model into pieces, at places that depend on its content
// alone, so that equal runs of bytes become equal pieces wherever they stand.
package chunk

import (
	"io"
)

// Lengths of pieces in bytes. The last piece of a model may be shorter than
// Min; Max bounds what one piece costs in memory.
const (
	Min = 512 << 10
	Max = 4 << 20
	// boundaryBits makes pieces of Min + 1 MiB on average.
	boundaryBits = 20
)

// Cutter reads a model and returns its pieces in order. Not for concurrent use.
type Cutter struct {
	r    io.Reader
	rest []byte // read, not yet given out
	err  error
}

// New cuts what r gives.
func New(r io.Reader) *Cutter { return &Cutter{r: r} }

// Next appends the next piece to buf[:0] and returns it, growing buf where its
// capacity is less than Max. At the end it returns io.EOF; an empty model has
// no piece. Last tells that nothing follows.
func (c *Cutter) Next(buf []byte) (piece []byte, last bool, err error) {
	buf = append(buf[:0], c.rest...)
	c.rest = c.rest[:0]
	scanned, hash := 0, uint64(0)
	for {
		var n int
		n, scanned, hash = boundary(buf, scanned, hash)
		if n > 0 {
			if n < len(buf) || c.err == nil {
				c.rest = append(c.rest, buf[n:]...)
				return c.atEnd(buf[:n])
			}
		}
		if c.err == io.EOF {
			if len(buf) == 0 {
				return nil, true, io.EOF
			}
			return buf, true, nil
		}
		if c.err != nil {
			return nil, false, c.err
		}
		buf = c.fill(buf)
	}
}

// atEnd looks ahead, to tell whether the piece is the last.
func (c *Cutter) atEnd(piece []byte) ([]byte, bool, error) {
	if len(c.rest) == 0 && c.err == nil {
		c.rest = c.fill(c.rest)
	}
	if c.err != nil && c.err != io.EOF {
		return nil, false, c.err
	}
	return piece, len(c.rest) == 0 && c.err == io.EOF, nil
}

// readSize is how much is read at once: what is left over after a cut, and
// copied, is less.
const readSize = 256 << 10

func (c *Cutter) fill(buf []byte) []byte {
	n := len(buf)
	if cap(buf)-n < readSize {
		buf = append(make([]byte, 0, max(2*cap(buf), n+readSize)), buf...)
	}
	for len(buf)-n < readSize && c.err == nil {
		var k int
		k, c.err = c.r.Read(buf[len(buf) : n+readSize])
		buf = buf[:len(buf)+k]
	}
	return buf
}

// boundary finds the end of the piece that b begins with: 0 when b holds none
// yet. It goes on where an earlier call on a shorter b stopped. The hash is a
// gear hash (Xia et al., FastCDC, 2016), a function of the last 64 bytes.
func boundary(b []byte, scanned int, hash uint64) (n, upTo int, h uint64) {
	const mask = (1<<boundaryBits - 1) << (64 - boundaryBits)
	if scanned == 0 {
		if len(b) < Min {
			return 0, 0, 0
		}
		scanned = Min - 64
	}
	end := min(len(b), Max)
	for i := scanned; i < end; i++ {
		hash = hash<<1 + gear[b[i]]
		if hash&mask == 0 && i >= Min {
			return i + 1, 0, 0
		}
	}
	if end == Max {
		return Max, 0, 0
	}
	return 0, end, hash
}

// gear holds one random number for each byte, from splitmix64 with seed 1. It
// is part of the store's behaviour, not of its format.
var gear = func() (t [256]uint64) {
	x := uint64(1)
	for i := range t {
		x += 0x9e3779b97f4a7c15
		z := x
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		t[i] = z ^ z>>31
	}
	return t
}()
