package index

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects"
)

// builder collects the versions of one block.
type builder struct {
	first, prev uint64
	rows        int
	elided      int
	bytes       int // roughly what the block will take
	from, to    time.Time

	ids, blobs []byte
	row        wire.Encoder
	lastRow    struct {
		line, seq uint64
		sec       int64
	}
	paths  map[string]uint32 // to their number in order of appearance
	names  []string
	count  []uint32 // changes of each row
	change []uint32 // path number*4 + status
	marks  map[uint32]struct{}
	fields map[string]*fieldBuilder
}

func newBuilder(first uint64) *builder {
	return &builder{
		first: first, prev: first - 1,
		paths: map[string]uint32{}, marks: map[uint32]struct{}{}, fields: map[string]*fieldBuilder{},
	}
}

// fits tells whether the record may join the block.
func (b *builder) fits(r Record) bool {
	return b.rows == 0 || b.rows < blockRows && b.bytes+estimate(r) <= blockBytes
}

// estimate is an upper bound but for long strings that recur.
func estimate(r Record) int {
	n := 80 + len(r.Author) + len(r.Source) + len(r.Branch)
	for _, c := range r.Changes {
		n += len(c.Path) + 48
	}
	for _, m := range []map[string]any{r.Params, r.Metrics} {
		for k, v := range m {
			n += 12 + len(k)/16
			if s, ok := v.(string); ok {
				n += len(s)
			}
		}
	}
	return n
}

func (b *builder) add(r Record) {
	b.bytes += estimate(r)
	t := r.Time.UTC()
	if b.rows == 0 || t.Before(b.from) {
		b.from = t
	}
	if b.rows == 0 || t.After(b.to) {
		b.to = t
	}
	b.ids = append(b.ids, r.ID[:]...)

	flags := uint64(0)
	if isElided(r.Version) {
		flags = 1
		b.elided++
	}
	b.row.Uint((r.Entry-b.prev)<<1 | flags)
	b.row.Int(int64(r.Line - b.lastRow.line))
	b.row.Int(int64(r.Seq - b.lastRow.seq))
	b.row.Int(t.Unix() - b.lastRow.sec)
	b.row.Uint(uint64(t.Nanosecond()))
	b.prev, b.lastRow.line, b.lastRow.seq, b.lastRow.sec = r.Entry, r.Line, r.Seq, t.Unix()

	b.count = append(b.count, uint32(len(r.Changes)))
	for _, c := range r.Changes {
		n, ok := b.paths[c.Path]
		if !ok {
			n = uint32(len(b.names))
			b.paths[c.Path] = n
			b.names = append(b.names, c.Path)
		}
		b.change = append(b.change, n<<2|uint32(c.Status&3))
		if c.Status != objects.Removed {
			b.blobs = append(b.blobs, c.Blob[:]...)
			b.marks[blobFingerprint(c.Blob)] = struct{}{}
		}
	}
	for k, v := range r.Params {
		b.set("params.", k, v)
	}
	for k, v := range r.Metrics {
		b.set("metrics.", k, v)
	}
	b.set("source", "", r.Source)
	b.set("author", "", r.Author)
	b.set("branch", "", r.Branch)
	b.rows++
}

// isElided tells versions that changed more than they list.
func isElided(v *objects.Version) bool {
	return len(v.Changes) == 0 && v.Added+v.Changed+v.Removed > 0
}

func (b *builder) set(prefix, key string, v any) {
	var name [64]byte
	full := append(append(name[:0], prefix...), key...)
	f := b.fields[string(full)]
	if f == nil {
		f = &fieldBuilder{numbers: map[number]uint32{}, strings: map[string]uint32{}}
		b.fields[string(full)] = f
	}
	f.add(b.rows, v)
}

// encode returns the block; its last entry and that entry's hash are the
// caller's to know. The builder is spent.
func (b *builder) encode(last uint64, hash [objects.IDSize]byte) (head, [][]byte) {
	h := head{first: b.first, last: last, hash: hash, rows: b.rows, elided: b.elided, from: b.from, to: b.to}
	var cols [][]byte
	add := func(name string, data []byte) {
		if len(data) > 0 {
			h.cols = append(h.cols, colInfo{name, len(data), crc32.Checksum(data, castagnoli)})
			cols = append(cols, data)
		}
	}
	add(colFilter, b.filter())
	add(colIDs, b.ids)
	add(colRows, b.row.B)
	add(colPaths, b.encodePaths())
	add(colBlobs, b.blobs)
	names := make([]string, 0, len(b.fields))
	for name := range b.fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		add(name, b.fields[name].encode(b.rows))
	}
	return h, cols
}

func (b *builder) filter() []byte {
	for _, p := range b.names {
		b.marks[fingerprint(p)] = struct{}{}
		for i := strings.LastIndexByte(p, '/'); i > 0; i = strings.LastIndexByte(p[:i], '/') {
			b.marks[fingerprint(p[:i])] = struct{}{}
		}
	}
	list := make([]uint32, 0, len(b.marks))
	for m := range b.marks {
		list = append(list, m)
	}
	slices.Sort(list)
	data := make([]byte, 0, 4*len(list))
	for _, m := range list {
		data = binary.LittleEndian.AppendUint32(data, m)
	}
	return data
}

// encodePaths writes the distinct paths, sorted and front-coded, then of each
// row the number of its changes and, ascending, their paths and status.
func (b *builder) encodePaths() []byte {
	if len(b.change) == 0 {
		return nil
	}
	order := slices.Sorted(slices.Values(b.names))
	rank := make([]uint32, len(order))
	var e wire.Encoder
	e.Uint(uint64(len(order)))
	prev := ""
	for i, p := range order {
		rank[b.paths[p]] = uint32(i)
		shared := 0
		for shared < min(len(prev), len(p)) && prev[shared] == p[shared] {
			shared++
		}
		e.Uint(uint64(shared))
		e.String(p[shared:])
		prev = p
	}
	change := b.change
	for _, n := range b.count {
		e.Uint(uint64(n))
		at := int64(0)
		for _, c := range change[:n] {
			r := int64(rank[c>>2])
			e.Int((r-at)<<2 | int64(c&3))
			at = r
		}
		change = change[n:]
	}
	return e.B
}

// fieldBuilder collects the values of one field: the distinct ones in order of
// appearance, and which row has which.
type fieldBuilder struct {
	numbers  map[number]uint32
	strings  map[string]uint32
	distinct wire.Encoder
	n        uint32
	rows     []uint32 // row, number of its value, row, ...
}

// number is a value that is not a string; bits so that -0 and NaN are kept.
type number struct {
	tag  byte
	bits uint64
}

const (
	tagString byte = iota + 1
	tagInt
	tagFloat
	tagFalse
	tagTrue
)

func (f *fieldBuilder) add(row int, v any) {
	var k number
	switch v := v.(type) {
	case string:
		at, ok := f.strings[v]
		if !ok {
			at = f.n
			f.strings[v] = at
			f.n++
			f.distinct.Byte(tagString)
			f.distinct.String(v)
		}
		f.rows = append(f.rows, uint32(row), at)
		return
	case int64:
		k = number{tagInt, uint64(v)}
	case float64:
		k = number{tagFloat, math.Float64bits(v)}
	case bool:
		k = number{tag: tagFalse}
		if v {
			k.tag = tagTrue
		}
	default:
		return
	}
	at, ok := f.numbers[k]
	if !ok {
		at = f.n
		f.numbers[k] = at
		f.n++
		f.distinct.Byte(k.tag)
		switch k.tag {
		case tagInt:
			f.distinct.Int(int64(k.bits))
		case tagFloat:
			f.distinct.B = binary.LittleEndian.AppendUint64(f.distinct.B, k.bits)
		}
	}
	f.rows = append(f.rows, uint32(row), at)
}

// encode writes the distinct values, then runs of rows: how many lack the
// field, how many have it, and of these the steps from value to value: 0 is
// the next new one, n the one that is n-1 back from the newest. A column
// without values is empty.
func (f *fieldBuilder) encode(rows int) []byte {
	if f.n == 0 {
		return nil
	}
	var e wire.Encoder
	e.Uint(uint64(f.n))
	e.Raw(f.distinct.B)
	next, newest := uint32(0), int64(-1)
	for i := 0; i < len(f.rows); {
		j := i
		for j < len(f.rows) && f.rows[j] == f.rows[i]+uint32(j-i)/2 {
			j += 2
		}
		e.Uint(uint64(f.rows[i] - next))
		e.Uint(uint64((j - i) / 2))
		next = f.rows[i] + uint32((j-i)/2)
		for ; i < j; i += 2 {
			at := int64(f.rows[i+1])
			if at == newest+1 {
				newest = at
				e.Uint(0)
			} else {
				e.Uint(uint64(newest-at) + 1)
			}
		}
	}
	return e.B
}
