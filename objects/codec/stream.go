package codec

import (
	"encoding/binary"
	"fmt"
)

// A stream is how codecs store a run of bytes, self-delimiting:
//
//	uvarint n, the raw length; nothing follows when it is 0
//	u8 0, then blocks (see stream_block.go) of blockSize raw bytes, the last of fewer
//	or u8 1, then uvarint length and one zstd frame
const (
	streamBlocks = 0
	streamZstd   = 1

	// blockSize is what one table is made for: smaller blocks follow the data
	// more closely, larger ones cost fewer tables.
	blockSize = 128 << 10
)

// streamMode tells what to try for a stream.
type streamMode uint8

const (
	order0  streamMode = iota // symbols without repetitions: huff0 and FSE
	repeats                   // repetitions too: zstd, when a sample says that it pays
)

// appendStream appends b as a stream.
func appendStream(dst, b []byte, mode streamMode, l Level) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	if len(b) == 0 {
		return dst
	}
	start := len(dst)
	dst = append(dst, streamBlocks)
	for rest := b; len(rest) > 0; {
		k := min(len(rest), blockSize)
		dst = appendBlock(dst, rest[:k], false, l)
		rest = rest[k:]
	}
	if mode != repeats || len(b) < 16 || len(dst)-start < 16 {
		return dst
	}
	if l != Thorough && len(b) > 1<<20 { // an eighth tells whether repetitions pay
		probe := b[len(b)/2 : len(b)/2+len(b)/8]
		if z := encodeZstd(nil, probe, l); len(z) > (len(dst)-start)/8*11/10 {
			return dst
		}
	}
	z := encodeZstd(nil, b, l)
	if len(z)+binary.MaxVarintLen32 >= len(dst)-start {
		return dst
	}
	dst = append(dst[:start], streamZstd)
	dst = binary.AppendUvarint(dst, uint64(len(z)))
	return append(dst, z...)
}

// readStream decodes the stream at the beginning of src, of at most most raw
// bytes, appends it to dst, and returns what follows it.
func readStream(dst, src []byte, most int) (out, rest []byte, err error) {
	n, src, err := readLength(src, most)
	if err != nil || n == 0 {
		return dst, src, err
	}
	if len(src) == 0 {
		return nil, nil, errTruncated
	}
	kind := src[0]
	src = src[1:]
	start := len(dst)
	switch kind {
	case streamBlocks:
		for len(dst)-start < n {
			if dst, src, err = readBlock(dst, src, min(blockSize, n-(len(dst)-start)), false); err != nil {
				return nil, nil, err
			}
		}
		return dst, src, nil
	case streamZstd:
		var k int
		if k, src, err = readLength(src, len(src)); err != nil {
			return nil, nil, err
		}
		if k > len(src) {
			return nil, nil, errTruncated
		}
		if dst, err = decodeZstd(dst, src[:k], n); err != nil {
			return nil, nil, err
		}
		if len(dst)-start != n {
			return nil, nil, fmt.Errorf("%w: stream of %d bytes, want %d", ErrCorrupt, len(dst)-start, n)
		}
		return dst, src[k:], nil
	}
	return nil, nil, fmt.Errorf("%w: stream of kind %d", ErrCorrupt, kind)
}

var errTruncated = fmt.Errorf("%w: truncated", ErrCorrupt)

// readLength reads a uvarint of at most most.
func readLength(src []byte, most int) (int, []byte, error) {
	v, k := binary.Uvarint(src)
	if k <= 0 || v > uint64(most) {
		return 0, nil, fmt.Errorf("%w: length", ErrCorrupt)
	}
	return int(v), src[k:], nil
}

// readBytes reads a uvarint length and as many bytes, which stay part of src.
func readBytes(src []byte) (b, rest []byte, err error) {
	n, src, err := readLength(src, len(src))
	if err != nil {
		return nil, nil, err
	}
	if n > len(src) {
		return nil, nil, errTruncated
	}
	return src[:n], src[n:], nil
}
