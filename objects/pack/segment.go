package pack

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/hashindex"
)

// A multi-pack index segment finds the records of many packs:
//
//	header  magic "MSTOREMX", u32 format, u32 packs, u64 rows, 16 bytes name, u32 crc
//	packs   16 bytes name, u64 size each; u32 crc of all of them
//	rows    like a pack's, with u32 pack number after the form (hashindex)
//
// It is derived from the packs: one that is lost or damaged is built anew.
const (
	segmentMagic  = "MSTOREMX"
	segmentFormat = 1
	segHeaderSize = 44
	segPackSize   = 24
	segRowSize    = rowSize + 4
	rowHead       = 35 // what stands before the pack number: key, kind, codec, form
)

// SegmentInfo is a segment as the journal names it.
type SegmentInfo struct {
	Name  Name
	Packs int
	Rows  int64
	Size  int64 // bytes of the file
}

// Key is where a segment lies in the backend.
func (s SegmentInfo) Key() string { return Prefix + s.Name.String() + ".mpx" }

// ParseSegmentKey tells the name of the segment that has that key.
func ParseSegmentKey(key string) (Name, bool) {
	s, ok := strings.CutSuffix(key, ".mpx")
	if !ok {
		return Name{}, false
	}
	return ParseKey(s + ".pack")
}

// Segment is an open segment. It may be used concurrently.
type Segment struct {
	SegmentInfo
	b     backend.Backend
	packs []Info
	rows  *hashindex.Reader
	stale atomic.Bool // the rows that were read with the header are not to be believed
}

// OpenSegment reads a segment's header and pack table, and its rows too when
// it is small.
func OpenSegment(ctx context.Context, b backend.Backend, info SegmentInfo) (*Segment, error) {
	return afresh(b, info.Key(), func() (*Segment, error) { return openSegment(ctx, b, info) })
}

func openSegment(ctx context.Context, b backend.Backend, info SegmentInfo) (*Segment, error) {
	bad := func(what string) error {
		return fmt.Errorf("pack index segment %s: %s: %w", info.Name, what, ErrCorrupt)
	}
	front := int64(segHeaderSize + info.Packs*segPackSize + 4)
	if info.Packs < 0 || info.Packs > maxPacks || info.Rows < 0 || info.Rows > maxIndexed || info.Size != front+hashindex.Size(segRowSize, int(info.Rows)) {
		return nil, bad("size")
	}
	want := front
	if info.Size < 64<<10 {
		want = info.Size
	}
	buf := make([]byte, want)
	if err := backend.ReadFull(ctx, b, info.Key(), buf, 0); err != nil {
		return nil, fmt.Errorf("reading pack index segment %s: %w", info.Name, damage(err))
	}
	if string(buf[:8]) != segmentMagic || !goodCRC(buf[:segHeaderSize]) {
		return nil, bad("header")
	}
	if f := binary.LittleEndian.Uint32(buf[8:]); f != segmentFormat {
		return nil, fmt.Errorf("pack index segment %s: format %d: %w", info.Name, f, ErrFormat)
	}
	if binary.LittleEndian.Uint32(buf[12:]) != uint32(info.Packs) || binary.LittleEndian.Uint64(buf[16:]) != uint64(info.Rows) || Name(buf[24:40]) != info.Name {
		return nil, bad("header is of another segment")
	}
	table := buf[segHeaderSize:front]
	if !goodCRC(table) {
		return nil, bad("pack table")
	}
	s := &Segment{SegmentInfo: info, b: b}
	for t := table[:len(table)-4]; len(t) > 0; t = t[segPackSize:] {
		s.packs = append(s.packs, Info{Name: Name(t[:16]), Size: int64(binary.LittleEndian.Uint64(t[16:]))})
	}
	lazy := context.WithoutCancel(ctx) // a segment outlives the call that opened it
	s.rows = hashindex.NewReader(int(info.Rows), segRowSize, func(p []byte, off int64) error {
		if want == info.Size && !s.stale.Load() {
			copy(p, buf[front+off:])
			return nil
		}
		return backend.ReadFull(lazy, b, info.Key(), p, front+off)
	})
	return s, nil
}

// PackInfos lists the packs, in the segment's order. The caller must not
// change it.
func (s *Segment) PackInfos() []Info { return s.packs }

// Find calls fn for every place of a record until it returns false.
func (s *Segment) Find(kind Kind, key Key, fn func(Loc) bool) error {
	seen := 0 // by fn, of rows that come again when the index is read afresh
	_, err := afresh(s.b, s.Key(), func() (struct{}, error) {
		var bad error
		n := 0
		err := s.rows.Lookup(key, func(b []byte) bool {
			l, err := s.parse(b)
			if err != nil {
				bad = err
				return false
			}
			if n++; l.Kind != kind || n <= seen {
				return true
			}
			seen = n
			return fn(l)
		})
		if err == nil {
			err = bad
		}
		if err != nil {
			s.stale.Store(true)
			err = fmt.Errorf("pack index segment %s: %w", s.Name, damage(err))
		}
		return struct{}{}, err
	})
	return err
}

// Labelled lists the pieces with that label, the newest first; of very many,
// some.
func (s *Segment) Labelled(label uint64) ([]Loc, error) {
	const most = 4096
	type found struct {
		n uint32 // of the pack: they are numbered by age
		l Loc
	}
	var all []found
	prefix := LabelKey(label, Key{})
	var bad error
	err := s.rows.Prefix(prefix[:], 64, func(b []byte) bool {
		l, err := s.parse(b)
		if err != nil {
			bad = err
			return false
		}
		if l.Kind == KindLabel {
			all = append(all, found{binary.LittleEndian.Uint32(b[rowHead:]), l})
		}
		return len(all) < most
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return nil, fmt.Errorf("pack index segment %s: %w", s.Name, damage(err))
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(b.l.Off, a.l.Off)) })
	out := make([]Loc, len(all))
	for i := range all {
		out[i] = all[i].l
	}
	return out, nil
}

func (s *Segment) parse(b []byte) (Loc, error) {
	var flat [rowSize]byte
	copy(flat[:rowHead], b)
	copy(flat[rowHead:], b[rowHead+4:])
	n := binary.LittleEndian.Uint32(b[rowHead:])
	if int64(n) >= int64(len(s.packs)) {
		return Loc{}, fmt.Errorf("pack number %d: %w", n, errLayout)
	}
	return Loc{Pack: s.packs[n].Name, Row: parseRow(flat[:])}, nil
}

// Locs yields all rows in order of their key.
func (s *Segment) Locs() iter.Seq2[Loc, error] {
	return func(yield func(Loc, error) bool) {
		for b, err := range s.rows.Rows() {
			var l Loc
			if err == nil {
				l, err = s.parse(b)
			}
			if err != nil {
				yield(Loc{}, fmt.Errorf("pack index segment %s: %w", s.Name, damage(err)))
				return
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

// WriteSegment merges the rows of packs and of segments, except those of packs
// in dead, into a new segment, durably. Memory does not depend on the number
// of rows.
func WriteSegment(ctx context.Context, b backend.Backend, name Name, packs []*Index, segs []*Segment, dead map[Name]bool) (SegmentInfo, error) {
	info := SegmentInfo{Name: name}
	number := map[Name]uint32{}
	var table []byte
	add := func(p Info) bool {
		if _, have := number[p.Name]; have || dead[p.Name] {
			return false
		}
		number[p.Name] = uint32(len(number))
		table = append(table, p.Name[:]...)
		table = binary.LittleEndian.AppendUint64(table, uint64(p.Size))
		return true
	}
	var sources []iter.Seq2[Loc, error]
	for _, s := range segs {
		for _, p := range s.packs {
			add(p)
		}
		sources = append(sources, s.Locs())
		info.Rows += s.Rows
	}
	for _, x := range packs {
		if add(x.Info) {
			sources = append(sources, x.locs())
			info.Rows += int64(x.Len())
		}
	}
	if len(dead) > 0 { // count what stays
		info.Rows = 0
		for _, src := range sources {
			for l, err := range src {
				if err != nil {
					return info, err
				}
				if !dead[l.Pack] {
					info.Rows++
				}
			}
		}
	}
	info.Packs = len(number)

	w, err := b.Create(ctx, info.Key())
	if err != nil {
		return info, fmt.Errorf("creating pack index segment: %w", err)
	}
	head := append(make([]byte, 0, segHeaderSize), segmentMagic...)
	head = binary.LittleEndian.AppendUint32(head, segmentFormat)
	head = binary.LittleEndian.AppendUint32(head, uint32(info.Packs))
	head = binary.LittleEndian.AppendUint64(head, uint64(info.Rows))
	head = append(head, name[:]...)
	front := append(appendCRC(head), appendCRC(table)...)
	info.Size = int64(len(front)) + hashindex.Size(segRowSize, int(info.Rows))
	if err := writeRows(w, front, sources, number, dead); err != nil {
		_ = w.Abort()
		return info, fmt.Errorf("writing pack index segment: %w", err)
	}
	if err := w.Commit(); err != nil {
		return info, fmt.Errorf("publishing pack index segment: %w", err)
	}
	return info, nil
}

func (x *Index) locs() iter.Seq2[Loc, error] {
	return func(yield func(Loc, error) bool) {
		for r, err := range x.Rows() {
			if !yield(Loc{Pack: x.Name, Row: r}, err) || err != nil {
				return
			}
		}
	}
}

func writeRows(w io.Writer, front []byte, sources []iter.Seq2[Loc, error], number map[Name]uint32, dead map[Name]bool) error {
	if _, err := w.Write(front); err != nil {
		return err
	}
	var h rowHeap
	for _, src := range sources {
		next, stop := iter.Pull2(src)
		defer stop()
		h.heads = append(h.heads, head{next: next})
		if ok, err := h.advance(len(h.heads)-1, number, dead); err != nil {
			return err
		} else if !ok {
			h.heads = h.heads[:len(h.heads)-1]
		}
	}
	heap.Init(&h)
	out := hashindex.NewWriter(w, segRowSize)
	// Rows of one record come in any order: their packs have other numbers now.
	var same [][]byte
	flush := func() error {
		slices.SortFunc(same, bytes.Compare)
		for _, row := range same {
			if err := out.Add(row); err != nil {
				return err
			}
		}
		same = same[:0]
		return nil
	}
	for len(h.heads) > 0 {
		row := h.heads[0].row
		if len(same) > 0 && !bytes.Equal(same[0][:rowHead], row[:rowHead]) {
			if err := flush(); err != nil {
				return err
			}
		}
		if len(same) < cap(same) {
			same = same[:len(same)+1]
			same[len(same)-1] = append(same[len(same)-1][:0], row...)
		} else {
			same = append(same, bytes.Clone(row))
		}
		ok, err := h.advance(0, number, dead)
		if err != nil {
			return err
		}
		if ok {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return out.Close()
}

// rowHeap merges sorted sources.
type rowHeap struct{ heads []head }

type head struct {
	next func() (Loc, error, bool)
	row  []byte
}

func (h *rowHeap) advance(i int, number map[Name]uint32, dead map[Name]bool) (bool, error) {
	for {
		l, err, ok := h.heads[i].next()
		if err != nil || !ok {
			return false, err
		}
		if dead[l.Pack] {
			continue
		}
		var flat [rowSize]byte
		l.Row.append(flat[:0])
		row := append(h.heads[i].row[:0], flat[:rowHead]...)
		row = binary.LittleEndian.AppendUint32(row, number[l.Pack])
		h.heads[i].row = append(row, flat[rowHead:]...)
		return true, nil
	}
}

func (h *rowHeap) Len() int { return len(h.heads) }
func (h *rowHeap) Less(i, j int) bool {
	return bytes.Compare(h.heads[i].row[:rowHead], h.heads[j].row[:rowHead]) < 0
}
func (h *rowHeap) Swap(i, j int) { h.heads[i], h.heads[j] = h.heads[j], h.heads[i] }
func (h *rowHeap) Push(x any)    { h.heads = append(h.heads, x.(head)) }
func (h *rowHeap) Pop() any {
	x := h.heads[len(h.heads)-1]
	h.heads = h.heads[:len(h.heads)-1]
	return x
}
