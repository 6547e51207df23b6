package chunk

// The wire types of Protocol Buffers that are in use.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// maxField is how many bytes the head of a field has at most: two varints.
const maxField = 20

// protoField is the head of a field of a message.
type protoField struct {
	num, value uint64
	wire       uint8
	head       int   // length of what stands before the bytes
	size       int64 // length of all
}

func readField(b []byte) (f protoField, ok bool) {
	tag, n := uvarint(b)
	if n == 0 || tag>>3 == 0 {
		return f, false
	}
	f.num, f.wire, f.head = tag>>3, uint8(tag&7), n
	switch f.wire {
	case wireVarint, wireBytes:
		v, k := uvarint(b[n:])
		if k == 0 || v >= 1<<62 && f.wire == wireBytes {
			return f, false
		}
		f.value, f.head = v, n+k
		f.size = int64(f.head)
		if f.wire == wireBytes {
			f.size += int64(v)
		}
	case wire64:
		f.size = int64(n) + 8
	case wire32:
		f.size = int64(n) + 4
	default: // groups are of another age
		return f, false
	}
	return f, true
}

// uvarint reads a varint; n is 0 when b holds none.
func uvarint(b []byte) (v uint64, n int) {
	for i, c := range b[:min(len(b), 10)] {
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}
