package codec

import "encoding/binary"

// A block of method pairs holds symbols that are nearly all below escape, two in
// a byte, the first in the lower half: half as many symbols to code, and a whole
// bit for each pair is less to waste. An escape stands for a symbol in a list.
//
//	uvarint length and the list; then a block of the pairs, itself not of pairs.
//	An odd symbol at the end is paired with 0.
const escape = 15

const (
	halves = 0x0f0f0f0f0f0f0f0f
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
)

// packPairs packs b into packed, of (len(b)+1)/2 bytes, and appends to list
// the symbols that were escaped.
func packPairs(packed, list, b []byte) []byte {
	for len(b) >= 8 && len(packed) >= 4 {
		v := binary.LittleEndian.Uint64(b)
		if (v&^highs+(0x80-escape)*ones|v)&highs != 0 {
			for i := range 8 {
				if c := byte(v >> (8 * i)); c >= escape {
					list = append(list, c)
					v = v&^(0xff<<(8*i)) | escape<<(8*i)
				}
			}
		}
		binary.LittleEndian.PutUint32(packed, uint32(pack8(v|v>>4)))
		b, packed = b[8:], packed[4:]
	}
	clear(packed)
	for i, c := range b {
		if c >= escape {
			list = append(list, c)
			c = escape
		}
		packed[i/2] |= c << (i & 1 * 4)
	}
	return list
}

// unpackPairs is the inverse of packPairs, for all of dst. It gives what is left of
// the list, and ok if that was long enough.
func unpackPairs(dst, packed, list []byte) (rest []byte, ok bool) {
	for len(dst) >= 8 && len(packed) >= 4 {
		v := spread8(uint64(binary.LittleEndian.Uint32(packed)))
		v = (v | v<<4) & halves
		if w := v ^ halves; (w-ones)&^w&highs != 0 {
			for i := range 8 {
				if byte(v>>(8*i)) == escape {
					if len(list) == 0 {
						return nil, false
					}
					v = v&^(0xff<<(8*i)) | uint64(list[0])<<(8*i)
					list = list[1:]
				}
			}
		}
		binary.LittleEndian.PutUint64(dst, v)
		dst, packed = dst[8:], packed[4:]
	}
	for i := range dst {
		c := packed[i/2] >> (i & 1 * 4) & 15
		if c == escape {
			if len(list) == 0 {
				return nil, false
			}
			c, list = list[0], list[1:]
		}
		dst[i] = c
	}
	return list, true
}
