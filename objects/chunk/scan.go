package chunk

// scan goes over a piece once, to find where it ends by its content, and a
// sketch of it. Both come from a gear hash (Xia et al., FastCDC, 2016): a
// function of the last 64 bytes. A position whose hash is below cutBelow is a
// boundary; those below sampleBelow are the sample of which the sketches are the
// greatest mixed hashes (Broder's min-wise sampling, with one function), so that
// two pieces have the same first sketch as probably as they share a sampled
// position, and a piece made of two others has one of each, probably.
type scan struct {
	at   int
	hash uint64
	best [sketches]uint64 // mixed hashes, the greatest first
}

const (
	cutBelow    = 1 << (64 - 20) // makes pieces of Min + 1 MiB on average
	sampleBelow = 1 << (64 - 8)  // more often would cost mispredicted branches
	gearWindow  = 64
	sketches    = 3
)

// to scans on to the end of b, a piece's first bytes, and returns the piece's
// length, or 0 when it goes on. b is of at most Max bytes.
func (s *scan) to(b []byte) int {
	s.beforeMin(b[:min(len(b), Min)])
	h, i := s.hash, s.at
	for ; i+4 <= len(b); i += 4 {
		q := b[i : i+4 : i+4]
		h = h<<1 + gear[q[0]]
		if h < sampleBelow && s.hit(h, i) {
			return i + 1
		}
		h = h<<1 + gear[q[1]]
		if h < sampleBelow && s.hit(h, i+1) {
			return i + 2
		}
		h = h<<1 + gear[q[2]]
		if h < sampleBelow && s.hit(h, i+2) {
			return i + 3
		}
		h = h<<1 + gear[q[3]]
		if h < sampleBelow && s.hit(h, i+3) {
			return i + 4
		}
	}
	// The end of b is scanned again when b has grown.
	s.hash, s.at = h, i
	for ; i < len(b); i++ {
		h = h<<1 + gear[b[i]]
		if h < sampleBelow && s.hit(h, i) {
			return i + 1
		}
	}
	if len(b) == Max {
		return Max
	}
	return 0
}

// beforeMin scans where no boundary can be, two halves at a time, as each step
// waits for the one before it.
func (s *scan) beforeMin(b []byte) {
	half := (len(b) - s.at) / 2
	if half < 1<<10 {
		return
	}
	mid := s.at + half
	h, g := s.hash, uint64(0)
	for _, x := range b[mid-gearWindow : mid] {
		g = g<<1 + gear[x]
	}
	p, q := b[s.at:mid], b[mid:mid+half]
	q = q[:len(p)]
	for i, x := range p {
		h = h<<1 + gear[x]
		g = g<<1 + gear[q[i]]
		if h < sampleBelow {
			s.hit(h, s.at+i)
		}
		if g < sampleBelow {
			s.hit(g, mid+i)
		}
	}
	s.hash, s.at = g, mid+half
}

// hit notes a sampled position, and tells whether the piece ends there.
func (s *scan) hit(h uint64, i int) bool {
	if i < gearWindow-1 { // the hash is not yet one of 64 bytes
		return false
	}
	if m := mix(h); m > s.best[sketches-1] {
		s.note(m)
	}
	return h < cutBelow && i >= Min
}

func (s *scan) note(m uint64) {
	for i, b := range s.best {
		if m == b {
			return
		}
		if m > b {
			copy(s.best[i+1:], s.best[i:])
			s.best[i] = m
			return
		}
	}
}

// labels gives the sketches: mixed once more, as the greatest of many are
// anything but uniform.
func (s *scan) labels() (first uint64, more [sketches - 1]uint64) {
	for i, b := range s.best {
		switch {
		case b == 0:
		case i == 0:
			first = mix(b)
		default:
			more[i-1] = mix(b)
		}
	}
	return first, more
}

// gear holds one random number for each byte, from splitmix64 with seed 1. It
// is part of the store's behaviour, not of its format: with another one, pieces
// that are stored already would only not be found.
var gear = func() (t [256]uint64) {
	x := uint64(1)
	for i := range t {
		x += 0x9e3779b97f4a7c15
		t[i] = mix(x)
	}
	return t
}()
