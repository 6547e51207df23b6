package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/fse"
	"github.com/klauspost/compress/huff0"
)

// A block is a part of a stream, of known raw length:
//
//	u8 method: 0 raw, 1 one byte repeated, 2 huff0 (four streams), 3 FSE, 4 pairs
//	the bytes; the byte; uvarint length and the coded bytes; or see stream_pairs.go
const (
	blockRaw   = 0
	blockRun   = 1
	blockHuff0 = 2
	blockFSE   = 3
	blockPairs = 4
)

// appendBlock codes one block by the cheapest method; paired says that b is
// pairs already.
func appendBlock(dst, b []byte, paired bool, l Level) []byte {
	counts := countBytes(b)
	var most uint32
	sum := xlog2(uint32(len(b)))
	for _, c := range counts {
		most = max(most, c)
		sum -= xlog2(c)
	}
	if int(most) == len(b) {
		return append(dst, blockRun, b[0])
	}
	floor := int(sum / 8) // what an ideal order-0 code takes, without its table
	if floor+16 >= len(b)*255/256 {
		return append(append(dst, blockRaw), b...)
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	// huff0 spends whole bits on symbols, FSE does not, but takes three times the
	// time.
	if floor*100 >= huffmanSize(&counts)*fseGain[l] {
		coded, _, err := huff0.Compress4X(b, &s.huff)
		return appendCoded(dst, b, blockHuff0, coded, err)
	}
	var rare uint32
	for _, c := range counts[escape:] {
		rare += c
	}
	if paired || len(b) < minPairs || int(rare) > len(b)/256 {
		coded, err := fse.Compress(b, &s.fse)
		return appendCoded(dst, b, blockFSE, coded, err)
	}
	start := len(dst)
	dst = appendPairs(dst, b, s, l)
	size := len(dst) - start
	if size*fseGain[l] <= floor*100 {
		return dst
	}
	if coded, err := fse.Compress(b, &s.fse); err == nil && len(coded)+4 < size {
		return appendCoded(dst[:start], b, blockFSE, coded, nil)
	}
	return dst
}

// appendCoded appends what a coder has made of b, or b if that is nothing good.
func appendCoded(dst, b []byte, method byte, coded []byte, err error) []byte {
	if err != nil || len(coded) >= len(b) {
		return append(append(dst, blockRaw), b...)
	}
	dst = append(dst, method)
	dst = binary.AppendUvarint(dst, uint64(len(coded)))
	return append(dst, coded...)
}

// minPairs is the length of a block in which the larger table of pairs pays.
const minPairs = 4 << 10

// appendPairs appends b as a block of pairs.
func appendPairs(dst, b []byte, s *scratch, l Level) []byte {
	packed := grown(&s.packed, (len(b)+1)/2)
	s.list = packPairs(packed, s.list[:0], b)
	dst = append(dst, blockPairs)
	dst = binary.AppendUvarint(dst, uint64(len(s.list)))
	dst = append(dst, s.list...)
	return appendBlock(dst, packed, true, l)
}

// fseGain is how small FSE must be to be taken, in percent of huff0.
var fseGain = [...]int{Default: 97, Fast: 93, Thorough: 99}

// countBytes counts in four tables, because a byte that follows itself would
// else have to wait for its own count.
func countBytes(b []byte) (counts [256]uint32) {
	var c0, c1, c2, c3 [256]uint32
	for len(b) >= 8 {
		v := binary.LittleEndian.Uint64(b)
		c0[byte(v)]++
		c1[byte(v>>8)]++
		c2[byte(v>>16)]++
		c3[byte(v>>24)]++
		c0[byte(v>>32)]++
		c1[byte(v>>40)]++
		c2[byte(v>>48)]++
		c3[byte(v>>56)]++
		b = b[8:]
	}
	for _, c := range b {
		c0[c]++
	}
	for i := range counts {
		counts[i] = c0[i] + c1[i] + c2[i] + c3[i]
	}
	return counts
}

// huffmanSize is what a Huffman code of any depth takes, in bytes, without its
// table: the sum of all inner nodes of its tree, which arise in rising order.
func huffmanSize(counts *[256]uint32) int {
	var leaves, inner [257]uint32
	n := 0
	for _, c := range counts {
		if c > 0 {
			leaves[n] = c
			n++
		}
	}
	slices.Sort(leaves[:n])
	bits, l, k := 0, 0, 0
	for made := range n - 1 {
		var sum uint32
		for range 2 {
			if l < n && (k >= made || leaves[l] <= inner[k]) {
				sum += leaves[l]
				l++
			} else {
				sum += inner[k]
				k++
			}
		}
		inner[made] = sum
		bits += int(sum)
	}
	return (bits + 7) / 8
}

// readBlock decodes one block of n raw bytes, which are pairs already if paired.
func readBlock(dst, src []byte, n int, paired bool) (out, rest []byte, err error) {
	if len(src) < 2 {
		return nil, nil, errTruncated
	}
	method := src[0]
	src = src[1:]
	switch method {
	case blockRaw:
		if len(src) < n {
			return nil, nil, errTruncated
		}
		return append(dst, src[:n]...), src[n:], nil
	case blockRun:
		at := len(dst)
		dst = extended(dst, n)
		run := dst[at:]
		for i := range run {
			run[i] = src[0]
		}
		return dst, src[1:], nil
	case blockPairs:
		if !paired {
			return readPairs(dst, src, n)
		}
	}
	if method != blockHuff0 && method != blockFSE {
		return nil, nil, fmt.Errorf("%w: block of method %d", ErrCorrupt, method)
	}
	k, src, err := readLength(src, len(src))
	if err != nil {
		return nil, nil, err
	}
	if k > len(src) {
		return nil, nil, errTruncated
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	coded := src[:k]
	at := len(dst)
	if method == blockFSE {
		s.fse.DecompressLimit = n
		plain, err := fse.Decompress(coded, &s.fse)
		if err == nil && len(plain) != n {
			err = errors.New("wrong length")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%w: FSE: %w", ErrCorrupt, err)
		}
		return append(dst, plain...), src[k:], nil
	}
	h, body, err := huff0.ReadTable(coded, &s.huff)
	if err == nil {
		if cap(dst)-at < n {
			dst = append(make([]byte, 0, max(2*cap(dst), at+n)), dst...)
		}
		var plain []byte
		plain, err = h.Decoder().Decompress4X(dst[at:at:at+n], body)
		if err == nil && len(plain) != n {
			err = errors.New("wrong length")
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: huff0: %w", ErrCorrupt, err)
	}
	return dst[: at+n : cap(dst)], src[k:], nil
}

// readPairs decodes a block of n symbols in pairs.
func readPairs(dst, src []byte, n int) (out, rest []byte, err error) {
	list, src, err := readBytes(src)
	if err != nil {
		return nil, nil, err
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	packed, src, err := readBlock(s.packed[:0], src, (n+1)/2, true)
	if err != nil {
		return nil, nil, err
	}
	s.packed = packed
	at := len(dst)
	dst = extended(dst, n)
	if list, ok := unpackPairs(dst[at:], packed, list); !ok || len(list) > 0 {
		return nil, nil, fmt.Errorf("%w: escaped symbols", ErrCorrupt)
	}
	return dst, src, nil
}

type scratch struct {
	packed, list []byte
	huff         huff0.Scratch
	fse          fse.Scratch
}

var scratches = sync.Pool{New: func() any {
	s := new(scratch)
	s.huff.Reuse = huff0.ReusePolicyNone // a reused Scratch may omit its table
	return s
}}
