package chunk

import "io"

// window is the part of a model that is in memory: the piece being cut, in the
// caller's buffer, and after it what was read ahead.
type window struct {
	r     io.Reader
	base  int64  // where buf stands in the model
	buf   []byte // from the beginning of the next piece on
	ahead []byte // what follows buf, from index next on
	next  int
	err   error // of the reader; there is no more after ahead
}

const (
	// readSize is how much is read at once: what is left over after a cut,
	// and copied, is about as much.
	readSize = 256 << 10
	glance   = 4 << 10 // how much is read to see whether anything follows
	// maxEmpty is how many reads may give nothing before that is an error.
	maxEmpty = 100
)

// start begins a piece in the caller's buffer.
func (w *window) start(buf []byte) { w.buf = buf[:0] }

// cut ends the piece after n bytes, and tells whether it is the last.
func (w *window) cut(n int) (piece []byte, last bool) {
	piece, rest := w.buf[:n], w.buf[n:]
	w.buf = nil
	w.base += int64(n)
	switch {
	case w.next < len(w.ahead): // rest is still there, before next
		w.next -= len(rest)
	case cap(w.ahead) > 4*readSize && len(rest) <= readSize:
		w.ahead, w.next = append(make([]byte, 0, readSize), rest...), 0 // a long header is done
	default:
		w.ahead, w.next = append(w.ahead[:0], rest...), 0
	}
	if w.next == len(w.ahead) && w.err == nil {
		w.ahead, w.next = w.read(w.ahead[:0], glance), 0
	}
	return piece, w.next == len(w.ahead) && w.err == io.EOF
}

// failed tells whether reading ended otherwise than at the model's end.
func (w *window) failed() bool { return w.err != nil && w.err != io.EOF }

// ended tells that buf goes to the model's end.
func (w *window) ended() bool { return w.err != nil && w.next == len(w.ahead) }

// lookahead returns the next n bytes, or all there are, while buf is empty.
// They stay where they are. It costs no more memory than there is to read.
func (w *window) lookahead(n int) []byte {
	for have := len(w.ahead) - w.next; have < n && w.err == nil; have = len(w.ahead) - w.next {
		w.ahead = w.read(w.ahead, min(n-have, max(have, readSize/8)))
	}
	return w.ahead[w.next:min(len(w.ahead), w.next+n)]
}

// at returns n bytes from off on, fewer where the model ends. off is not before
// base. They are valid until buf grows again.
func (w *window) at(off int64, n int) []byte {
	from := off - w.base
	if more := from + int64(n) - int64(len(w.buf)); more > 0 && !w.ended() {
		w.fill(max(int(more), readSize))
	}
	if from >= int64(len(w.buf)) {
		return nil
	}
	return w.buf[from:min(int64(len(w.buf)), from+int64(n))]
}

// fill makes buf longer by n bytes, or by all that is left.
func (w *window) fill(n int) {
	w.buf = grow(w.buf, n)
	if k := min(n, len(w.ahead)-w.next); k > 0 {
		w.buf = append(w.buf, w.ahead[w.next:w.next+k]...)
		w.next += k
		n -= k
	}
	w.buf = w.read(w.buf, n)
}

// read appends n bytes, or what comes before an error.
func (w *window) read(b []byte, n int) []byte {
	b = grow(b, n)
	end := len(b) + n
	for empty := 0; len(b) < end && w.err == nil; {
		k, err := w.r.Read(b[len(b):end])
		b = b[:len(b)+k]
		w.err = err
		if empty++; k > 0 {
			empty = 0
		} else if empty == maxEmpty && err == nil {
			w.err = io.ErrNoProgress
		}
	}
	return b
}

// grow makes room for n more bytes.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(make([]byte, 0, max(len(b)+n, min(2*cap(b), cap(b)+Max))), b...)
}
