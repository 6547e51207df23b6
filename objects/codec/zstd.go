package codec

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// encodeZstd appends one frame. Level Fastest is better than Default on JSON
// full of 17-digit floats, in size and in speed; without entropy coding of all
// literals float weights would be stored raw.
func encodeZstd(dst, raw []byte, l Level) []byte {
	if l == Thorough && len(raw) < worthThorough {
		l = Default
	}
	switch l {
	case Fast:
		return zstdFast().EncodeAll(raw, dst)
	case Thorough:
		return zstdThorough().EncodeAll(raw, dst)
	}
	return zstdEncoder().EncodeAll(raw, dst)
}

// worthThorough is the length in bytes from which the tables of the thorough
// encoder, of some megabytes, are worth their being cleared.
const worthThorough = 48 << 10

// decodeZstd appends exactly size bytes, or fails.
func decodeZstd(dst, stored []byte, size int) ([]byte, error) {
	n := len(dst)
	if cap(dst)-n < size {
		dst = append(make([]byte, 0, n+size), dst...)
	}
	out, err := zstdDecoder().DecodeAll(stored, dst[:n:n+size])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return dst[:len(out)], nil // the same bytes, as the capacity is a limit, with dst's capacity
}

var zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
	return newEncoder(zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithAllLitEntropyCompression(true))
})

var zstdFast = sync.OnceValue(func() *zstd.Encoder { return newEncoder(zstd.WithEncoderLevel(zstd.SpeedFastest)) })

var zstdThorough = sync.OnceValue(func() *zstd.Encoder {
	return newEncoder(zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithAllLitEntropyCompression(true))
})

func newEncoder(o ...zstd.EOption) *zstd.Encoder {
	e, err := zstd.NewWriter(nil, append(o, zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(2), zstd.WithLowerEncoderMem(true))...)
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
