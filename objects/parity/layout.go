package parity

import (
	"fmt"
	"math"
	"sort"

	"github.com/mstore/mstore/internal/backend"
)

const (
	minShard  = 512     // bytes of a shard, when there are as many
	maxData   = 128     // data shards
	minParity = 4       // parity shards
	maxFiles  = 1 << 16 // of a group
	maxTotal  = 1 << 48 // bytes of a sequence

	// stripeBytes bounds the parity that is held in memory. It is part of the
	// format.
	stripeBytes = 32 << 20
)

// FileInfo is a file of a group.
type FileInfo struct {
	Key  string
	Size int64 // bytes
}

// layout says where the bytes of a group's files are in its shards.
type layout struct {
	files []FileInfo
	total int64
	k, m  int
	size  int64     // of a shard
	segs  []segment // in the order of the sequence
	shard []int     // the first segment of each data shard, and the end
	file  []int     // the first segment of each file, and the end
}

// segment is n bytes of a file, from off, at a shard's columns from col.
type segment struct {
	file, shard int
	off, n, col int64
}

// checkFiles checks the files of a group, and adds up their sizes.
func checkFiles(files []FileInfo) (total int64, err error) {
	if len(files) == 0 || len(files) > maxFiles {
		return 0, fmt.Errorf("a group of %d files", len(files))
	}
	for i, f := range files {
		if !backend.ValidKey(f.Key) {
			return 0, fmt.Errorf("file %q: %w", f.Key, backend.ErrInvalidKey)
		}
		if i > 0 && f.Key <= files[i-1].Key {
			return 0, fmt.Errorf("file %q is there twice or out of order", f.Key)
		}
		if f.Size < 0 || f.Size > maxTotal-total {
			return 0, fmt.Errorf("file %q of %d bytes after %d others", f.Key, f.Size, total)
		}
		total += f.Size
	}
	return total, nil
}

// dataShards is k of a sequence of that length.
func dataShards(total int64) int { return int(min(max(total/minShard, 1), maxData)) }

// parityShards is m for k data shards and a percentage from 0 to 100.
func parityShards(k int, percent float64) int {
	return max(minParity, int(math.Ceil(float64(k)*percent/100)))
}

// newLayout lays out files that checkFiles accepts.
func newLayout(files []FileInfo, total int64, m int) *layout {
	k := dataShards(total)
	l := &layout{files: files, total: total, k: k, m: m, size: (total + int64(k) - 1) / int64(k)}
	pos := int64(0)
	for i, f := range files {
		l.file = append(l.file, len(l.segs))
		for off := int64(0); off < f.Size; {
			s := segment{file: i, off: off, shard: int(pos / l.size), col: pos % l.size}
			s.n = min(f.Size-off, l.size-s.col)
			for len(l.shard) <= s.shard {
				l.shard = append(l.shard, len(l.segs))
			}
			l.segs = append(l.segs, s)
			off, pos = off+s.n, pos+s.n
		}
	}
	l.file = append(l.file, len(l.segs))
	for len(l.shard) <= k {
		l.shard = append(l.shard, len(l.segs))
	}
	return l
}

// find is the segment of a data shard that a column is in, or the first
// segment after the shard.
func (l *layout) find(shard int, col int64) int {
	from, to := l.shard[shard], l.shard[shard+1]
	return from + sort.Search(to-from, func(i int) bool {
		s := &l.segs[from+i]
		return s.col+s.n > col
	})
}

// width is the number of columns in a stripe.
func (l *layout) width() int64 {
	return min(l.size, int64(stripeBytes/l.m)&^63)
}

// parityAt tells where a column of parity shard j lies, counted from the
// beginning of the parity, and how many of its columns lie there in one piece.
func (l *layout) parityAt(j int, col int64) (off, n int64) {
	w := l.width()
	begin := col / w * w
	width := min(w, l.size-begin)
	return begin*int64(l.m) + int64(j)*width + (col - begin), begin + width - col
}

// parityLen is the length of all parity shards.
func (l *layout) parityLen() int64 { return l.size * int64(l.m) }
