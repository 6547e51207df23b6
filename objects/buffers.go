package objects

import "sync"

// buffers keeps byte slices for reuse: touching fresh memory costs more than
// copying. The zero value is ready.
type buffers struct {
	classes [bufferClasses]sync.Pool // by capacity, in steps
}

const (
	bufferStep    = 256 << 10
	bufferClasses = 20 // beyond the largest piece and its record
	// bufferWaste is how many steps a slice may be larger than what is asked for.
	bufferWaste = 2
)

// get returns an empty slice with room for n bytes.
func (p *buffers) get(n int) []byte {
	class := (n + bufferStep - 1) / bufferStep
	for c := class; c < min(class+bufferWaste+1, bufferClasses); c++ {
		if b, ok := p.classes[c].Get().(*[]byte); ok && cap(*b) >= n {
			return (*b)[:0]
		}
	}
	return make([]byte, 0, class*bufferStep)
}

// put gives a slice back, which nobody may use any more.
func (p *buffers) put(b []byte) {
	if class := cap(b) / bufferStep; class > 0 && class < bufferClasses {
		p.classes[class].Put(&b)
	}
}
