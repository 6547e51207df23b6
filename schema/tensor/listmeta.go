package tensor

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// meta lists an entry of the metadata, of which the value is at hand.
func (l *Listing) meta(key, value string) {
	p := Pair{Key: clean(key), Value: clean(value)}
	if len(value) > maxName {
		p.Sum = sha256.Sum256([]byte(value))
	}
	l.Metadata = append(l.Metadata, p)
}

func clean(s string) string { return strings.ToValidUTF8(clip(s), "\uFFFD") }

// metaLong lists the value of a key of GGUF, which goes from byte at to where g
// is, unless it was listed since there were so many.
func (g *ggufReader) metaLong(key string, typ uint32, at int64, listed int) {
	if g.over || len(g.list.Metadata) > listed {
		return
	}
	p := Pair{Key: clean(key)}
	switch b := g.view(at, int(min(g.at-at, 12)), int(min(g.at-at, 8+maxName))); {
	case b == nil:
		return
	case typ == ggufString:
		p.Value = clean(string(b[8:])) + "…"
	case typ == ggufArray:
		p.Value = fmt.Sprintf("array of %d", binary.LittleEndian.Uint64(b[4:]))
	}
	p.Sum = g.digest(at, g.at)
	g.list.Metadata = append(g.list.Metadata, p)
}

// digest hashes a part of the file.
func (f *file) digest(from, to int64) (sum [sha256.Size]byte) {
	h := sha256.New()
	for from < to {
		b := f.view(from, 1, int(min(to-from, bufSize)))
		if b == nil {
			return sum
		}
		h.Write(b)
		from += int64(len(b))
	}
	h.Sum(sum[:0])
	return sum
}

// array lists an array of NumPy, whose numbers begin at off.
func (l *Listing) array(h *npyHeader, name string, off int64) {
	t := *h.dtype.elem
	t.bits = 8 * h.dtype.size // text and structures have their length from the file
	l.add(Entry{Name: name, Shape: h.shape, Elements: int64(h.elements), Off: off, Bytes: int64(h.size), BigEndian: h.dtype.swap, Fortran: h.fortran && len(h.shape) > 1}, &t)
}

// member lists an array of an archive; base is where the member begins, -1 if
// it is compressed.
func (l *Listing) member(h *npyHeader, name string, base int64, f *zip.File) {
	if base >= 0 {
		l.array(h, name, base+h.length)
		return
	}
	l.array(h, name, -1)
	e := &l.Tensors[len(l.Tensors)-1]
	e.member, e.header = f, h.length
}

// outside lists a tensor whose data is in another file, if its place is valid.
func (l *Listing) outside(t *onnxTensor, e *elem, elements, size uint64) {
	if t.location == nil || *t.location == "" || badPath(*t.location) != "" {
		return
	}
	off, err := strconv.ParseInt(t.offset, 10, 64)
	if t.offset != "" && (err != nil || off < 0) {
		return
	}
	if n, err := strconv.ParseUint(t.length, 10, 63); t.length != "" && (err != nil || n != size) {
		return
	}
	file := strings.ReplaceAll(*t.location, `\`, "/")
	l.add(Entry{Name: t.name, Shape: t.dims, Elements: int64(elements), Files: []string{file}, Off: off, Bytes: int64(size)}, e)
}
