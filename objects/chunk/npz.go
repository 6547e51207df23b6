package chunk

import (
	"bytes"
	"encoding/binary"
	"math"
)

// npz goes through a ZIP archive of .npy files, from one local header to the
// next. Members that are compressed are passed over; one whose length its header
// does not tell ends it.
type npz struct {
	pos int64 // of a local header
}

const (
	zipLocal     = "PK\x03\x04"
	zipLocalSize = 30
	zipMaxExtra  = 4 << 10
)

// zipMember is a local header. ok is false for what is not one, or one without
// lengths.
type zipMember struct {
	name         []byte
	stored, ok   bool
	header, size int64
}

func isNPZ(head []byte) bool {
	return bytes.HasPrefix(head, []byte(zipLocal)) && bytes.HasSuffix(zipName(head), []byte(".npy"))
}

// zipName returns the name in the local header that b begins with.
func zipName(b []byte) []byte {
	if len(b) < zipLocalSize {
		return nil
	}
	n := int(binary.LittleEndian.Uint16(b[26:]))
	return b[zipLocalSize:min(len(b), zipLocalSize+n)]
}

func parseZipLocal(b []byte) (m zipMember) {
	if len(b) < zipLocalSize || string(b[:4]) != zipLocal {
		return m
	}
	le := binary.LittleEndian
	flags, method := le.Uint16(b[6:]), le.Uint16(b[8:])
	size, raw := uint64(le.Uint32(b[18:])), uint64(le.Uint32(b[22:]))
	m.name = zipName(b)
	m.header = zipLocalSize + int64(le.Uint16(b[26:])) + int64(le.Uint16(b[28:]))
	if flags&(1<<0|1<<3) != 0 || m.header > int64(len(b)) { // encrypted; lengths follow the data
		return m
	}
	if size == math.MaxUint32 || raw == math.MaxUint32 {
		extra := b[zipLocalSize+len(m.name) : m.header]
		var ok bool
		if raw, size, ok = zip64(extra, raw, size); !ok {
			return m
		}
	}
	m.stored, m.size = method == 0 && size == raw, int64(min(size, math.MaxInt64/4))
	m.ok = true
	return m
}

// zip64 finds the lengths in an extra field: each is there only if the header
// has all bits set in its place, the raw length first.
func zip64(extra []byte, raw, size uint64) (r, s uint64, ok bool) {
	le := binary.LittleEndian
	for len(extra) >= 4 {
		id, n := le.Uint16(extra), int(le.Uint16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			return 0, 0, false
		}
		field := extra[:n]
		extra = extra[n:]
		if id != 1 {
			continue
		}
		for _, v := range []*uint64{&raw, &size} {
			if *v != math.MaxUint32 {
				continue
			}
			if len(field) < 8 {
				return 0, 0, false
			}
			*v, field = le.Uint64(field), field[8:]
		}
		return raw, size, true
	}
	return 0, 0, false
}

func (z *npz) next(w *window, limit int64) (tensor, int64, bool) {
	for z.pos <= limit {
		head := w.at(z.pos, zipLocalSize+2*zipMaxExtra)
		m := parseZipLocal(head)
		if !m.ok {
			z.pos = math.MaxInt64
			break
		}
		data := z.pos + m.header
		name := hashOf(bytes.TrimSuffix(m.name, []byte(".npy"))) // before more is read
		z.pos = data + m.size
		if !m.stored {
			continue
		}
		if h, ok := parseNPY(w.at(data, int(min(m.size, npyMax+12)))); ok {
			t := tensor{off: data + int64(h.length), elem: h.elem, label: tensorLabel(name, h.dtype, h.dims)}
			if t.end = min(t.off+int64(h.size), z.pos); t.end > t.off {
				return t, 0, true
			}
		}
	}
	return tensor{}, z.pos, false
}
