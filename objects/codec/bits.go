package codec

import "encoding/binary"

// bitWriter appends numbers of bits, the lowest first. It never checks for room:
// reserve makes enough for a chunk of elements.
type bitWriter struct {
	buf []byte
	at  int
	acc uint64
	n   uint // bits in acc
}

// spare is how many bytes more than the bits fill the loops may touch.
const spare = 8

func (w *bitWriter) reset() { *w = bitWriter{buf: w.buf} }

func (w *bitWriter) reserve() {
	if need := w.at + chunk*8 + spare; need > len(w.buf) {
		w.buf = append(w.buf, make([]byte, need+len(w.buf)/2)...)
	}
}

// put appends n ≤ 56 bits. Afterwards fewer than 8 are waiting.
func (w *bitWriter) put(v uint64, n uint) {
	w.acc |= v << (w.n & 63)
	w.n += n
	w.flush()
}

func (w *bitWriter) flush() {
	binary.LittleEndian.PutUint64(w.buf[w.at:], w.acc)
	w.at += int(w.n >> 3)
	w.acc >>= w.n &^ 7 & 63
	w.n &= 7
}

// count is the number of bits so far.
func (w *bitWriter) count() int { return 8*w.at + int(w.n) }

// bytes is what was written, the last byte filled up with zeros. It is valid
// until the next reset.
func (w *bitWriter) bytes() []byte {
	w.reserve()
	w.buf[w.at] = byte(w.acc)
	return w.buf[:(w.count()+7)/8]
}

// bitReader reads numbers of bits. buf has spare bytes after the valid ones;
// beyond these it gives any bits, and over tells afterwards.
type bitReader struct {
	buf []byte
	at  int // bits
}

// peek is the next 57 bits or more.
func (r *bitReader) peek() uint64 {
	return binary.LittleEndian.Uint64(r.buf[min(r.at>>3, len(r.buf)-spare):]) >> (r.at & 7)
}

func (r *bitReader) over() bool { return r.at > 8*(len(r.buf)-spare) }
