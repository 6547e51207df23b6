// Package codec turns the raw bytes of a piece into what is stored, and back.
// Every codec is exactly reversible and has a number in the format; a number is
// never reused. Which codec is taken is decided by Encode, from samples; nothing
// above this package knows why.
//
// Two codecs need bases: other pieces, which Decode must be given in the same
// order. Who stores a piece says which ones they are.
package codec

import (
	"errors"
	"fmt"
)

// ID is a codec's number in the format.
type ID uint8

// The codecs of this format.
const (
	Raw     ID = 0 // the bytes themselves
	Zstd    ID = 1 // one Zstandard frame, without checksum
	Planes  ID = 2 // elements of 1, 2, 4 or 8 bytes, cut into byte planes
	Numbers ID = 3 // text whose numbers are kept in typed columns
	Delta   ID = 4 // copies from up to MaxBases bases, and what is new
	Diff    ID = 5 // elements as ordered integer differences to one base of the same length
)

// MaxPiece bounds the raw length of what is decoded in one piece, in bytes: a
// recipe of this length describes a blob of some terabytes.
const MaxPiece = 64 << 20

// MaxBases is the number of bases that one piece may have.
const MaxBases = 32

var (
	// ErrCorrupt: stored bytes that no encoder writes.
	ErrCorrupt = errors.New("encoded bytes are corrupt")
	// ErrUnknown: a codec of a newer format.
	ErrUnknown = errors.New("unknown codec")
)

var names = [...]string{Raw: "raw", Zstd: "zstd", Planes: "planes", Numbers: "numbers", Delta: "delta", Diff: "diff"}

func (id ID) String() string {
	if int(id) < len(names) {
		return names[id]
	}
	return fmt.Sprintf("codec %d", uint8(id))
}

// HasBases tells whether pieces of this codec are decoded with bases.
func (id ID) HasBases() bool { return id == Delta || id == Diff }

// Work is what decoding a byte costs, in units of copying one: measured, and
// rounded. The bases of a piece come on top.
func (id ID) Work() int {
	switch id {
	case Zstd, Planes:
		return 4
	case Numbers:
		return 12
	case Diff:
		return 6
	}
	return 1
}

// Elem is the type of a tensor's elements as far as coding cares: how many
// bytes (0: not known; 1, 2, 4, 8), and whether they are IEEE floats (sign,
// exponent, mantissa from the top, little-endian).
type Elem struct {
	Size  uint8
	Float bool
}

// Decode appends the raw bytes to dst, exactly size of them. bases are the raw
// bytes of the pieces that the encoder was given and has used. Memory is bounded
// by a few times size. Errors wrap ErrCorrupt or ErrUnknown.
func Decode(dst []byte, id ID, stored []byte, size int, bases [][]byte) ([]byte, error) {
	if size < 0 || size > MaxPiece {
		return nil, fmt.Errorf("%w: raw size %d", ErrCorrupt, size)
	}
	n := len(dst)
	if cap(dst)-n < size {
		dst = append(make([]byte, 0, n+size), dst...)
	}
	var out []byte
	var err error
	switch id {
	case Raw:
		out = append(dst, stored...)
	case Zstd:
		out, err = decodeZstd(dst, stored, size)
	case Planes:
		out, err = decodePlanes(dst, stored, size)
	case Numbers:
		out, err = decodeNumbers(dst, stored, size)
	case Delta:
		out, err = decodeDelta(dst, stored, size, bases)
	case Diff:
		out, err = decodeDiff(dst, stored, size, bases)
	default:
		return nil, fmt.Errorf("%w %d", ErrUnknown, uint8(id))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	if len(out)-n != size {
		return nil, fmt.Errorf("%s: %w: %d bytes, want %d", id, ErrCorrupt, len(out)-n, size)
	}
	return out, nil
}
