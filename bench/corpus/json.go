package corpus

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
)

// writer prints JSON as Python's json.dump does, as a stream: the caller opens
// and shuts objects and arrays. Errors stick in the buffer and come out of
// create.
type writer struct {
	w      *bufio.Writer
	indent int    // 0: all on one line, ", " between items; else json.dump(indent=N)
	first  []bool // by depth: nothing written inside yet
	keyed  bool   // a key was just written
	tmp    []byte
}

// create writes one file through fill.
func create(path string, fill func(w *bufio.Writer)) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 256<<10)
	fill(w)
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func createJSON(path string, indent int, fill func(j *writer)) error {
	return create(path, func(w *bufio.Writer) { fill(&writer{w: w, indent: indent}) })
}

func (j *writer) line() {
	if j.indent == 0 {
		return
	}
	j.w.WriteByte('\n')
	for range j.indent * len(j.first) {
		j.w.WriteByte(' ')
	}
}

// item starts the next value, or the next key of an object.
func (j *writer) item() {
	if j.keyed {
		j.keyed = false
		return
	}
	d := len(j.first) - 1
	if d < 0 {
		return
	}
	if !j.first[d] {
		j.w.WriteByte(',')
		if j.indent == 0 {
			j.w.WriteByte(' ')
		}
	}
	j.first[d] = false
	j.line()
}

func (j *writer) open(c byte) *writer {
	j.item()
	j.w.WriteByte(c)
	j.first = append(j.first, true)
	return j
}

func (j *writer) shut(c byte) *writer {
	d := len(j.first) - 1
	empty := j.first[d]
	j.first = j.first[:d]
	if !empty {
		j.line()
	}
	j.w.WriteByte(c)
	return j
}

func (j *writer) obj() *writer    { return j.open('{') }
func (j *writer) endObj() *writer { return j.shut('}') }
func (j *writer) arr() *writer    { return j.open('[') }
func (j *writer) endArr() *writer { return j.shut(']') }

func (j *writer) key(k string) *writer {
	j.item()
	j.quote(k)
	j.w.WriteString(": ")
	j.keyed = true
	return j
}

func (j *writer) keyInt(k int) *writer { return j.key(strconv.Itoa(k)) }

func (j *writer) str(s string) *writer { j.item(); j.quote(s); return j }

func (j *writer) quote(s string) {
	j.tmp = strconv.AppendQuote(j.tmp[:0], s)
	j.w.Write(j.tmp)
}

func (j *writer) int(n int) *writer {
	j.item()
	j.tmp = strconv.AppendInt(j.tmp[:0], int64(n), 10)
	j.w.Write(j.tmp)
	return j
}

func (j *writer) bool(b bool) *writer {
	j.item()
	j.w.WriteString(strconv.FormatBool(b))
	return j
}

func (j *writer) num(x float64) *writer {
	j.item()
	j.tmp = appendFloat(j.tmp[:0], x)
	j.w.Write(j.tmp)
	return j
}

func (j *writer) nums(xs []float64) *writer {
	j.arr()
	for _, x := range xs {
		j.num(x)
	}
	return j.endArr()
}

// appendFloat prints a finite x as Python's repr does: the shortest digits that
// read back as x, with an exponent below 1e-4 and from 1e16 on.
func appendFloat(b []byte, x float64) []byte {
	a := max(x, -x)
	if a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(b, x, 'e', -1, 64)
	}
	n := len(b)
	b = strconv.AppendFloat(b, x, 'f', -1, 64)
	for _, c := range b[n:] {
		if c == '.' {
			return b
		}
	}
	return append(b, ".0"...)
}
