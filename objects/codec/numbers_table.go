package codec

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync"
)

// Values that come back, as thresholds of trees do, are stored as
//
//	uvarint number of different values
//	words: of each value 0 when it is new, else 1 + the zigzag difference of its
//	    number to the one after that of the value before
//	words: the different values, folded, in the order of first use
//
// so that a run of values that comes back costs nearly nothing.

const hashFactor = 0x9e3779b97f4a7c15

// A valueTable finds the number of a value.
type valueTable struct {
	slots  []uint32 // number + 1
	values []uint64 // in the order of first use
}

var valueTables = sync.Pool{New: func() any { return new(valueTable) }}

// repeated estimates how many of 256 values have been there before. The values
// that it looks at are chosen by their hash, so that it sees them come back.
func repeated(v []uint64) int {
	const one = 8 // of so many values, by hash
	var table [1 << 10]uint64
	seen, hits := 0, 0
	for _, v := range v {
		h := v * hashFactor
		if h>>61 != 0 {
			continue
		}
		slot := &table[h>>51&(1<<10-1)]
		if *slot == v {
			hits++
		}
		*slot = v
		seen++
	}
	if seen < 256/one { // too few different values to tell, or too few at all
		if len(v) < 256 {
			return 0
		}
		return repeatedNear(v)
	}
	return hits * 256 / seen
}

// repeatedNear is repeated for a few different values, by the first ones.
func repeatedNear(v []uint64) int {
	var table [1 << 8]uint64
	v = v[:256]
	hits := 0
	for _, v := range v {
		slot := &table[v*hashFactor>>56]
		if *slot == v {
			hits++
		}
		*slot = v
	}
	return hits
}

// tableBits estimates the bits for each of n values of which of 256 so many come
// back, and the others take cost bits.
func tableBits(n, of256, cost int) int {
	fresh := 256 - of256
	return (fresh*(cost+1) + of256*(bits.Len(uint(n*fresh/256))+2)) / 256
}

// appendTable appends values in this form; words are overwritten.
func appendTable(dst []byte, values, words []uint64, fold func([]uint64), l Level) []byte {
	t := valueTables.Get().(*valueTable)
	defer valueTables.Put(t)
	shift := 64 - bits.Len(uint(2*len(values)))
	t.slots = sized(t.slots, 1<<(64-shift))
	clear(t.slots)
	t.values = t.values[:0]
	next := uint64(0)
	for i, v := range values {
		h := v * hashFactor >> shift
		for t.slots[h] != 0 && t.values[t.slots[h]-1] != v {
			h = (h + 1) & uint64(len(t.slots)-1)
		}
		if k := uint64(t.slots[h]); k != 0 {
			words[i] = 1 + zigzag(k-1-next)
			next = k
			continue
		}
		words[i] = 0
		t.values = append(t.values, v)
		next = uint64(len(t.values))
		t.slots[h] = uint32(next)
	}
	dst = binary.AppendUvarint(dst, uint64(len(t.values)))
	dst = appendWords(dst, words, repeats, l)
	fold(t.values)
	return appendWords(dst, t.values, order0, l)
}

// readTable fills values.
func readTable(values []uint64, unfold func([]uint64), src []byte) ([]byte, error) {
	n, src, err := readLength(src, len(values))
	if err != nil {
		return nil, err
	}
	if src, err = readWords(values, src); err != nil {
		return nil, err
	}
	different := make([]uint64, n)
	if src, err = readWords(different, src); err != nil {
		return nil, err
	}
	unfold(different)
	fresh, next := uint64(0), uint64(0)
	for i, w := range values {
		k := fresh
		if w == 0 {
			fresh++
		} else {
			k = next + unzigzag(w-1)
		}
		if k >= uint64(n) {
			return nil, fmt.Errorf("%w: value %d of %d", ErrCorrupt, k, n)
		}
		values[i] = different[k]
		next = k + 1
	}
	return src, nil
}
