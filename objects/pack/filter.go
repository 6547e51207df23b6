package pack

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Filter tells which keys a pack's index surely has no row for, without reading it: the
// first two bytes of every key, sorted, each once. Of a random key that is not there it
// says so but for one time in 65,536 for each row. An empty Filter knows nothing.
type Filter []byte

// filterRows is how many rows a pack may have at most to get a Filter. One with more is
// worth to be asked.
const filterRows = 512

// Filter returns the Filter of what was added so far; nil when that is too much.
func (w *Writer) Filter() Filter {
	if len(w.rows) > filterRows {
		return nil
	}
	heads := make([]uint16, len(w.rows))
	for i := range w.rows {
		heads[i] = binary.BigEndian.Uint16(w.rows[i].Key[:])
	}
	return filterOf(heads)
}

// Filter is Writer.Filter of a pack that is there. Errors are those of Rows.
func (x *Index) Filter() (Filter, error) {
	if x.Len() > filterRows {
		return nil, nil
	}
	var heads []uint16
	for r, err := range x.Rows() {
		if err != nil {
			return nil, err
		}
		heads = append(heads, binary.BigEndian.Uint16(r.Key[:]))
	}
	return filterOf(heads), nil
}

func filterOf(heads []uint16) (f Filter) {
	slices.Sort(heads)
	for _, h := range slices.Compact(heads) {
		f = binary.BigEndian.AppendUint16(f, h)
	}
	return f
}

// Valid tells whether f is what Writer.Filter makes.
func (f Filter) Valid() bool {
	if len(f)%2 != 0 || len(f) > 2*filterRows {
		return false
	}
	for i := 2; i < len(f); i += 2 {
		if bytes.Compare(f[i-2:i], f[i:i+2]) >= 0 {
			return false
		}
	}
	return true
}

// May tells whether the pack may have a row with that key.
func (f Filter) May(key Key) bool {
	lo, hi := 0, len(f)/2
	if hi == 0 {
		return true
	}
	for lo < hi {
		mid := (lo + hi) / 2
		switch c := bytes.Compare(f[2*mid:2*mid+2], key[:2]); {
		case c == 0:
			return true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return false
}
