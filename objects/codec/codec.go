// Package codec turns the raw bytes of a piece into what is stored, and back.
// Every codec is exactly reversible and has a number in the format; a number is
// never reused. New codecs are added to the table in this file and to Choose;
// nothing above this package knows which one was taken.
package codec

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// ID is a codec's number in the format.
type ID uint8

// The codecs of this format.
const (
	Raw  ID = 0 // the bytes themselves
	Zstd ID = 1 // one Zstandard frame, without checksum
)

// MaxPiece bounds the raw length of what is decoded in one piece, in bytes: a
// recipe of this length describes a blob of some terabytes.
const MaxPiece = 64 << 20

var (
	// ErrCorrupt: stored bytes that no encoder writes.
	ErrCorrupt = errors.New("encoded bytes are corrupt")
	// ErrUnknown: a codec of a newer format.
	ErrUnknown = errors.New("unknown codec")
)

func (id ID) String() string {
	switch id {
	case Raw:
		return "raw"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("codec %d", uint8(id))
}

// Encode chooses a codec for raw and appends the encoded bytes to dst. With
// fast it spends as little time as it can. The result may alias neither.
func Encode(dst, raw []byte, fast bool) ([]byte, ID) {
	enc := zstdEncoder()
	if fast {
		enc = zstdFast()
	}
	n := len(dst)
	out := enc.EncodeAll(raw, dst)
	if len(out)-n >= len(raw) {
		return append(out[:n], raw...), Raw
	}
	return out, Zstd
}

// Decode appends the raw bytes to dst, exactly size of them. Errors wrap
// ErrCorrupt or ErrUnknown.
func Decode(dst []byte, id ID, stored []byte, size int) ([]byte, error) {
	if size < 0 || size > MaxPiece {
		return nil, fmt.Errorf("%w: raw size %d", ErrCorrupt, size)
	}
	switch id {
	case Raw:
		if len(stored) != size {
			return nil, fmt.Errorf("%w: %d bytes, want %d", ErrCorrupt, len(stored), size)
		}
		return append(dst, stored...), nil
	case Zstd:
		n := len(dst)
		if cap(dst)-n < size {
			dst = append(make([]byte, 0, n+size), dst...)
		}
		out, err := zstdDecoder().DecodeAll(stored, dst[:n:n+size])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		if len(out)-n != size {
			return nil, fmt.Errorf("%w: %d bytes, want %d", ErrCorrupt, len(out)-n, size)
		}
		return out, nil
	}
	return nil, fmt.Errorf("%w %d", ErrUnknown, uint8(id))
}

// Level Fastest is better than Default on JSON full of 17-digit floats, in
// size and in speed; without entropy coding of all literals float weights would
// be stored raw.
var zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
	return newEncoder(zstd.WithAllLitEntropyCompression(true))
})

var zstdFast = sync.OnceValue(func() *zstd.Encoder { return newEncoder() })

func newEncoder(o ...zstd.EOption) *zstd.Encoder {
	e, err := zstd.NewWriter(nil, append(o, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(2), zstd.WithLowerEncoderMem(true))...)
	if err != nil {
		panic(err)
	}
	return e
}

var zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(MaxPiece), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err)
	}
	return d
})
