package parity

import (
	"github.com/zeebo/blake3"
)

// encoder makes the parity of a group, stripe by stripe.
type encoder struct {
	src    *columns
	code   *code
	parity [][]byte // one stripe, the last that was made
	buf    []byte
}

func newEncoder(src *columns) (*encoder, error) {
	c, err := newCode(src.k, src.m)
	if err != nil {
		return nil, err
	}
	return &encoder{src, c, stripe(src.m, src.width()), make([]byte, block)}, nil
}

// stripes is the number of stripes that there are.
func (e *encoder) stripes() int {
	if e.src.size == 0 {
		return 0
	}
	return int((e.src.size + e.src.width() - 1) / e.src.width())
}

// hashes reads all data, makes all parity, and returns the hashes of both.
// emit, unless nil, is given the parity in the order of the file.
func (e *encoder) hashes(emit func([]byte) error) (data, parity []digest, err error) {
	l := e.src.layout
	// Of a shard the segments come one after another, but the shards take turns
	// when there are several stripes.
	running := make([]*blake3.Hasher, 1)
	if e.stripes() > 1 {
		running = make([]*blake3.Hasher, l.k)
	}
	for i := range running {
		running[i] = blake3.New()
	}
	data = make([]digest, len(l.segs))
	e.src.onData = func(seg int, off int64, piece []byte) {
		s := &l.segs[seg]
		h := running[s.shard%len(running)]
		if off == 0 {
			h.Reset()
		}
		h.Write(piece)
		if off+int64(len(piece)) == s.n {
			data[seg] = finish(h)
		}
	}
	hashers := make([]*blake3.Hasher, l.m)
	for j := range hashers {
		hashers[j] = blake3.New()
	}
	part := make([][]byte, l.m)
	for from := int64(0); from < l.size; from += l.width() {
		to := min(from+l.width(), l.size)
		for j := range part {
			part[j] = e.parity[j][:to-from]
		}
		if err := e.code.run(e.src, from, to, part, e.buf); err != nil {
			return nil, nil, err
		}
		for j, p := range part {
			hashers[j].Write(p)
			if emit == nil {
				continue
			}
			if err := emit(p); err != nil {
				return nil, nil, err
			}
		}
	}
	parity = make([]digest, l.m)
	for j, h := range hashers {
		parity[j] = finish(h)
	}
	return data, parity, nil
}

func finish(h *blake3.Hasher) digest {
	var b [32]byte
	h.Sum(b[:0])
	return digest(b[:16])
}
