package codec

import (
	"fmt"
	"math/bits"
	"sync"
)

// Words are stored as u8 width, the number of low bytes that are not 0 in all of
// them, and so many byte planes, the lowest one first, each as a stream. Their
// count stands elsewhere.

// planes are reused: one for each byte of a word.
type planeBuffer struct{ planes [8][]byte }

var planeBuffers = sync.Pool{New: func() any { return new(planeBuffer) }}

func appendWords(dst []byte, words []uint64, mode streamMode, l Level) []byte {
	var all uint64
	for _, w := range words {
		all |= w
	}
	width := (bits.Len64(all) + 7) / 8
	dst = append(dst, byte(width))
	if width == 0 {
		return dst
	}
	pb := planeBuffers.Get().(*planeBuffer)
	defer planeBuffers.Put(pb)
	p := pb.planes[:width]
	for i := range p {
		p[i] = sized(p[i], len(words))
	}
	split(p, words)
	for _, b := range p {
		dst = appendStream(dst, b, mode, l)
	}
	return dst
}

// sized returns b with length n, contents undefined.
func sized[E any](b []E, n int) []E {
	if cap(b) < n {
		return make([]E, n, n+n/4)
	}
	return b[:n]
}

func split(p [][]byte, words []uint64) {
	n := len(words)
	k := 0
	for ; len(p)-k >= 4; k += 4 {
		p0, p1, p2, p3 := p[k][:n], p[k+1][:n], p[k+2][:n], p[k+3][:n]
		for i, w := range words {
			w >>= 8 * uint(k)
			p0[i], p1[i], p2[i], p3[i] = byte(w), byte(w>>8), byte(w>>16), byte(w>>24)
		}
	}
	for ; k < len(p); k++ {
		b := p[k][:n]
		for i, w := range words {
			b[i] = byte(w >> (8 * uint(k)))
		}
	}
}

// readWords fills words and returns what follows.
func readWords(words []uint64, src []byte) ([]byte, error) {
	if len(src) == 0 {
		return nil, errTruncated
	}
	width := int(src[0])
	src = src[1:]
	if width > 8 {
		return nil, fmt.Errorf("%w: words of %d bytes", ErrCorrupt, width)
	}
	clear(words)
	if width == 0 || len(words) == 0 {
		if width != 0 {
			return nil, fmt.Errorf("%w: %d planes of no words", ErrCorrupt, width)
		}
		return src, nil
	}
	pb := planeBuffers.Get().(*planeBuffer)
	defer planeBuffers.Put(pb)
	p := pb.planes[:width]
	for i := range p {
		// Decoders want all the room at once; a stream of fewer bytes is an error.
		b, rest, err := readStream(sized(p[i], len(words))[:0], src, len(words))
		if err != nil {
			return nil, err
		}
		if len(b) != len(words) {
			return nil, fmt.Errorf("%w: plane of %d bytes, want %d", ErrCorrupt, len(b), len(words))
		}
		p[i], src = b, rest
	}
	join(words, p)
	return src, nil
}

func join(words []uint64, p [][]byte) {
	n := len(words)
	k := 0
	for ; len(p)-k >= 4; k += 4 {
		p0, p1, p2, p3 := p[k][:n], p[k+1][:n], p[k+2][:n], p[k+3][:n]
		for i := range words {
			words[i] |= uint64(uint32(p0[i])|uint32(p1[i])<<8|uint32(p2[i])<<16|uint32(p3[i])<<24) << (8 * uint(k))
		}
	}
	for ; k < len(p); k++ {
		b := p[k][:n]
		for i := range words {
			words[i] |= uint64(b[i]) << (8 * uint(k))
		}
	}
}

func zigzag(v uint64) uint64   { return v<<1 ^ uint64(int64(v)>>63) }
func unzigzag(v uint64) uint64 { return v>>1 ^ -(v & 1) }
