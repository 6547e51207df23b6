package index

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/codec"
)

// Limits of a block. A block ends before the version that would pass one.
const (
	blockRows  = 4096
	blockBytes = 4 << 20
	chunkBytes = 256 << 10 // largest value given to badger
	// maxColumn bounds the values of a column before compression.
	maxColumn = codec.MaxPiece
)

// The columns of a block, beside those that are named after fields.
const (
	colIDs       = "#ids"
	colRows      = "#rows"      // entry, line, sequence number
	colTimes     = "#times"     // of the versions
	colPaths     = "#paths"     // what each version changed
	colKinds     = "#kinds"     // of what it put
	colBlobs     = "#blobs"     // of what it put
	colPathMarks = "#pathmarks" // fingerprints of paths and directories
	colBlobMarks = "#blobmarks"
)

// head describes a block: the entries first to last, whose journal hash is
// hash at last.
type head struct {
	first, last uint64
	hash        [objects.IDSize]byte
	rows        int
	elided      int
	from, to    time.Time // the earliest and the latest version
	cols        []colInfo
}

type colInfo struct {
	name string
	size int
	sum  uint32
	// types are those of a field's values.
	types Types
}

// block is a head with a way to its columns.
type block struct {
	head
	// fetch returns the bytes of a column, which may lie in buf.
	fetch func(i int, buf []byte) ([]byte, error)
	// scratch, if not nil, is where columns lie until the question goes on to another
	// block.
	scratch *scratch
}

// scratch lends buffers.
type scratch struct {
	bufs [][]byte
	lent int
}

// take returns an empty buffer.
func (s *scratch) take() []byte {
	if s == nil || s.lent == len(s.bufs) {
		return nil
	}
	s.lent++
	return s.bufs[s.lent-1][:0]
}

// keep remembers the buffer that a column was read into, when it is a new one or has
// grown.
func (s *scratch) keep(taken, buf []byte) {
	switch {
	case s == nil:
	case taken == nil:
		s.bufs = append(s.bufs, buf)
		s.lent = len(s.bufs)
	default:
		s.bufs[s.lent-1] = buf
	}
}

// release takes all buffers back.
func (s *scratch) release() { s.lent = 0 }

// column returns a column's bytes, and nil when the block does not have it.
func (b *block) column(name string) ([]byte, error) {
	for i, c := range b.cols {
		if c.name != name {
			continue
		}
		buf := b.scratch.take()
		data, err := b.fetch(i, buf)
		if err != nil {
			return nil, err
		}
		b.scratch.keep(buf, data)
		if len(data) != c.size || crc32.Checksum(data, castagnoli) != c.sum {
			return nil, fmt.Errorf("%w: column %q of block %d", errDamaged, name, b.first)
		}
		return data, nil
	}
	return nil, nil
}

// Heads lie together, so that a chain is read in one go.
const headPrefix, columnPrefix = 'h', 'c'

func headKey(first uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{headPrefix}, first)
}

func chunkKey(first uint64, col, chunk int) []byte {
	k := binary.BigEndian.AppendUint64([]byte{columnPrefix}, first)
	k = binary.BigEndian.AppendUint32(k, uint32(col))
	return binary.BigEndian.AppendUint32(k, uint32(chunk))
}

// overlap is written with every block: because of it the tables of all sessions
// overlap, and badger merges them when it compacts level 0 instead of keeping each.
var overlap = pair{headKey(math.MaxUint64), nil}

// pairs returns what stands for the block in badger; the head comes last, so
// that a block without its columns is never seen.
func (h *head) pairs(cols [][]byte) []pair {
	var list []pair
	for i, data := range cols {
		for n := 0; len(data) > 0; n++ {
			size := min(len(data), chunkBytes)
			list = append(list, pair{chunkKey(h.first, i, n), data[:size]})
			data = data[size:]
		}
	}
	return append(list, h.pieces()...)
}

// pieces are the head's own pairs. A head is larger than a chunk only where
// versions have thousands of different parameters.
func (h *head) pieces() []pair {
	var list []pair
	data := h.encode()
	for n := 0; len(data) > chunkBytes; n++ {
		list = append(list, pair{chunkKey(h.first, 1<<31, n), data[:chunkBytes]})
		data = data[chunkBytes:]
	}
	key := headKey(h.first)
	value := binary.AppendUvarint(nil, uint64(len(list)))
	return append(list, pair{key, append(value, data...)})
}

func (h *head) encode() []byte {
	var e wire.Encoder
	e.Byte(schema)
	e.Uint(h.first)
	e.Uint(h.last)
	e.Raw(h.hash[:])
	e.Uint(uint64(h.rows))
	e.Uint(uint64(h.elided))
	for _, t := range []time.Time{h.from, h.to} {
		e.Int(t.Unix())
		e.Uint(uint64(t.Nanosecond()))
	}
	e.Uint(uint64(len(h.cols)))
	for _, c := range h.cols {
		e.String(c.name)
		e.Uint(uint64(c.size))
		e.Uint(uint64(c.sum))
		e.Byte(byte(c.types))
	}
	return binary.BigEndian.AppendUint32(e.B, crc32.Checksum(e.B, castagnoli))
}

func decodeHead(data []byte) (h head, err error) {
	if len(data) < 4 {
		return h, fmt.Errorf("%w: short head", errDamaged)
	}
	body, sum := data[:len(data)-4], binary.BigEndian.Uint32(data[len(data)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return h, fmt.Errorf("%w: head's checksum", errDamaged)
	}
	d := wire.NewDecoder(body)
	if v := d.Byte(); v != schema {
		d.Fail("schema %d", v)
	}
	h.first, h.last = d.Uint(), d.Uint()
	d.Fixed(h.hash[:])
	h.rows, h.elided = int(d.Uint()), int(d.Uint())
	for _, t := range []*time.Time{&h.from, &h.to} {
		sec := d.Int()
		*t = time.Unix(sec, int64(d.Uint())).UTC()
	}
	h.cols = make([]colInfo, 0, d.Count(4))
	for range cap(h.cols) {
		h.cols = append(h.cols, colInfo{d.String(), int(d.Uint()), uint32(d.Uint()), Types(d.Byte())})
	}
	if err := d.End(); err != nil {
		return h, fmt.Errorf("%w: head: %w", errDamaged, err)
	}
	if h.first == 0 || h.last < h.first || h.rows > blockRows {
		return h, fmt.Errorf("%w: head of block %d", errDamaged, h.first)
	}
	return h, nil
}
