package index

import (
	"hash/crc32"
	"maps"
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
	row, time  wire.Encoder
	last       struct {
		line, seq uint64
		sec       int64
	}
	paths     map[string]uint32 // to their number in order of appearance
	names     []string
	count     []uint32 // changes of each row
	change    []uint32 // path number*4 + status
	kinds     map[string]uint32
	kindNames []string
	kind      []uint32 // of each change that put something
	hasKinds  bool
	blobMarks []uint32
	fields    map[string]*columnBuilder
}

func newBuilder(first uint64) *builder {
	return &builder{
		first: first, prev: first - 1,
		paths: map[string]uint32{}, kinds: map[string]uint32{}, fields: map[string]*columnBuilder{},
	}
}

// fits tells whether the record may join the block.
func (b *builder) fits(r Record) bool {
	return b.rows == 0 || b.rows < blockRows && b.bytes+estimate(r) <= blockBytes
}

// estimate is an upper bound but for long strings that recur.
func estimate(r Record) int {
	n := 80 + len(r.Author) + len(r.Message) + len(r.Source) + len(r.Branch)
	for _, c := range r.Changes {
		n += len(c.Path) + 48
	}
	for _, m := range []map[string]any{r.Params, r.Metrics, r.Meta} {
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
	b.row.Int(int64(r.Line - b.last.line))
	b.row.Int(int64(r.Seq - b.last.seq))
	b.time.Int(t.Unix() - b.last.sec)
	b.time.Uint(uint64(t.Nanosecond()))
	b.prev, b.last.line, b.last.seq, b.last.sec = r.Entry, r.Line, r.Seq, t.Unix()

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
			b.blobMarks = append(b.blobMarks, blobFingerprint(c.Blob))
			b.kind = append(b.kind, b.kindOf(c.Kind))
		}
	}
	for k, v := range r.Params {
		b.set("params.", k, v)
	}
	for k, v := range r.Metrics {
		b.set("metrics.", k, v)
	}
	for k, v := range r.Meta {
		b.set("meta.", k, v)
	}
	if r.Source != "" { // as expressions have it
		b.set("source", "", r.Source)
	}
	b.set("author", "", r.Author)
	b.set("branch", "", r.Branch)
	b.set("message", "", r.Message)
	b.set("models", "", int64(r.Models))
	b.set("size", "", r.Bytes)
	b.set("quality.errors", "", int64(r.Quality.Errors))
	b.set("quality.warnings", "", int64(r.Quality.Warnings))
	b.rows++
}

func (b *builder) kindOf(kind string) uint32 {
	n, ok := b.kinds[kind]
	if !ok {
		n = uint32(len(b.kindNames))
		b.kinds[kind] = n
		b.kindNames = append(b.kindNames, kind)
	}
	b.hasKinds = b.hasKinds || kind != ""
	return n
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
		f = &columnBuilder{}
		b.fields[string(full)] = f
	}
	f.add(b.rows, v)
}

// encode returns the block; its last entry and that entry's hash are the
// caller's to know. The builder is spent.
func (b *builder) encode(last uint64, hash [objects.IDSize]byte) (head, [][]byte) {
	h := head{first: b.first, last: last, hash: hash, rows: b.rows, elided: b.elided, from: b.from, to: b.to}
	var cols [][]byte
	add := func(name string, data []byte, types Types) {
		if len(data) > 0 {
			h.cols = append(h.cols, colInfo{name, len(data), crc32.Checksum(data, castagnoli), types})
			cols = append(cols, data)
		}
	}
	add(colPathMarks, b.pathMarks(), 0)
	add(colBlobMarks, encodeMarks(b.blobMarks), 0)
	add(colIDs, b.ids, 0)
	add(colRows, b.row.B, 0)
	add(colTimes, b.time.B, 0)
	add(colPaths, b.encodePaths(), 0)
	add(colBlobs, b.blobs, 0)
	if b.hasKinds {
		add(colKinds, b.encodeKinds(), 0)
	}
	for _, name := range slices.Sorted(maps.Keys(b.fields)) {
		f := b.fields[name]
		add(name, f.encode(b.rows), f.types)
	}
	return h, cols
}

func (b *builder) pathMarks() []byte {
	seen := map[string]bool{}
	var list []uint32
	for _, p := range b.names {
		list = append(list, fingerprint(p))
		for i := strings.LastIndexByte(p, '/'); i > 0 && !seen[p[:i]]; i = strings.LastIndexByte(p[:i], '/') {
			seen[p[:i]] = true
			list = append(list, fingerprint(p[:i]))
		}
	}
	return encodeMarks(list)
}

// encodeKinds writes the distinct kinds, and of each change that put something the
// number of its own.
func (b *builder) encodeKinds() []byte {
	var e wire.Encoder
	e.Uint(uint64(len(b.kindNames)))
	for _, k := range b.kindNames {
		e.String(k)
	}
	for _, k := range b.kind {
		e.Uint(uint64(k))
	}
	return e.B
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
