package objects

import "sync"

// buffers keeps byte slices for reuse: touching fresh memory costs more than
// copying. The zero value is ready.
type buffers struct{ small, large sync.Pool }

// largeBuffer is the capacity in bytes from which a slice is a large one: a
// small piece should not take, and a large one not throw away, what fits the
// other.
const largeBuffer = 1 << 20

func (p *buffers) pool(n int) *sync.Pool {
	if n >= largeBuffer {
		return &p.large
	}
	return &p.small
}

// get returns an empty slice with room for n bytes.
func (p *buffers) get(n int) []byte {
	if b, ok := p.pool(n).Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:0]
	}
	const step = 256 << 10
	return make([]byte, 0, (n+step-1)/step*step)
}

// put gives a slice back, which nobody may use any more.
func (p *buffers) put(b []byte) {
	if cap(b) > 0 {
		p.pool(cap(b)).Put(&b)
	}
}
