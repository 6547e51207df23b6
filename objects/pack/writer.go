package pack

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/hashindex"
	"github.com/mstore/mstore/internal/wire"
)

// Info is a pack as the journal names it.
type Info struct {
	Name Name
	Size int64 // bytes of the file
}

// Notes stand in a pack's footer.
type Notes struct {
	// Folded: the pack was made of others by repack.
	Folded bool
	// Needs lists the packs that hold bases of this pack's pieces.
	Needs []Name
	// Replaces lists packs that are gone and whose content came into this one: who
	// needed them needs it.
	Replaces []Name
	// Intent is how the journal entry was meant that the last of Versions was
	// written for; nil for none.
	Intent *Intent
	// Versions are copies of the version records that this pack, or the packs
	// that it was made of, were written for, as they were first tried.
	Versions [][]byte
}

// Intent is what a journal entry was to hold besides a version, so that a damaged
// one can be made again. The pack that holds it is the last of the entry's packs.
type Intent struct {
	Tx       [16]byte
	Time     time.Time // UTC
	NameKind uint8
	Name     string
	Packs    []Info // those before this one
}

func (x *Intent) encode(e *wire.Encoder) {
	if x == nil {
		e.Byte(0)
		return
	}
	e.Byte(1)
	e.Raw(x.Tx[:])
	e.Int(x.Time.UnixNano())
	e.Byte(x.NameKind)
	e.String(x.Name)
	e.Uint(uint64(len(x.Packs)))
	for _, p := range x.Packs {
		e.Raw(p.Name[:])
		e.Uint(uint64(p.Size))
	}
}

func decodeIntent(d *wire.Decoder) *Intent {
	switch has := d.Byte(); has {
	case 0:
		return nil
	case 1:
	default:
		d.Fail("intent is %d", has)
		return nil
	}
	x := &Intent{}
	d.Fixed(x.Tx[:])
	x.Time = time.Unix(0, d.Int()).UTC()
	x.NameKind, x.Name = d.Byte(), d.String()
	for n := d.Count(len(Name{}) + 1); n > 0 && d.Err() == nil; n-- {
		var p Info
		d.Fixed(p.Name[:])
		size := d.Uint()
		if size > 1<<60 {
			d.Fail("size %d", size)
		}
		p.Size = int64(size)
		x.Packs = append(x.Packs, p)
	}
	return x
}

// Writer writes one pack. Not for concurrent use.
type Writer struct {
	name Name
	w    backend.Writer
	off  int64
	rows []Row
	has  map[rowID]struct{}
}

type rowID struct {
	key  Key
	kind Kind
}

// NewWriter begins a pack. One of Finish and Abort must be called.
func NewWriter(ctx context.Context, b backend.Backend, name Name) (*Writer, error) {
	w, err := b.Create(ctx, name.Key())
	if err != nil {
		return nil, fmt.Errorf("creating pack %s: %w", name, err)
	}
	p := &Writer{name: name, w: w, has: map[rowID]struct{}{}}
	if err := p.write(encodeHeader(name)); err != nil {
		_ = w.Abort()
		return nil, err
	}
	return p, nil
}

func (w *Writer) write(b []byte) error {
	n, err := w.w.Write(b)
	w.off += int64(n)
	if err != nil {
		return fmt.Errorf("writing pack %s: %w", w.name, err)
	}
	return nil
}

// Has tells whether the pack holds a record already.
func (w *Writer) Has(kind Kind, key Key) bool {
	_, ok := w.has[rowID{key, kind}]
	return ok
}

// Name is the pack's name.
func (w *Writer) Name() Name { return w.name }

// Size is the number of bytes written so far.
func (w *Writer) Size() int64 { return w.off }

// Add appends a record that is found by key, and by the labels too. It tells
// where the record is. payload is not kept.
func (w *Writer) Add(key Key, r Record, payload []byte, labels ...uint64) (Loc, error) {
	if w.off > math.MaxUint32 || len(payload) > maxPayload {
		return Loc{}, fmt.Errorf("pack %s of %d bytes cannot take %d more", w.name, w.off, len(payload))
	}
	r.Stored = uint32(len(payload))
	row := Row{Key: key, Kind: r.Kind, Codec: r.Codec, Form: r.Form, Off: uint32(w.off), Stored: r.Stored, Raw: r.Raw}
	if err := w.write(r.encode(payload)); err != nil {
		return Loc{}, err
	}
	if err := w.write(payload); err != nil {
		return Loc{}, err
	}
	w.rows = append(w.rows, row)
	w.has[rowID{key, r.Kind}] = struct{}{}
	for _, label := range labels {
		second := row
		second.Key, second.Kind = LabelKey(label, key), KindLabel
		w.rows = append(w.rows, second)
	}
	return Loc{Pack: w.name, Row: row}, nil
}

// Read reads back a record that Add has written, where the backend can; else
// ok is false. It may be called while another goroutine adds.
func (w *Writer) Read(off, stored uint32) (rec Record, payload []byte, ok bool, err error) {
	from, ok := w.w.(io.ReaderAt)
	if !ok || stored > maxPayload {
		return rec, nil, false, nil
	}
	buf := make([]byte, recordSize+int(stored))
	if _, err := from.ReadAt(buf, int64(off)); err != nil {
		return rec, nil, true, fmt.Errorf("reading back pack %s: %w", w.name, err)
	}
	rec, payload, err = parseRecord(buf)
	return rec, payload, true, err
}

// Finish writes the footer and publishes the pack: when it returns, the pack
// is durable. Errors are those of backend.Writer.Commit.
func (w *Writer) Finish(n Notes) (Info, error) {
	var footer bytes.Buffer
	ix := hashindex.NewWriter(&footer, rowSize)
	sorted := make([][]byte, len(w.rows))
	for i := range w.rows {
		sorted[i] = w.rows[i].append(nil)
	}
	slices.SortFunc(sorted, bytes.Compare)
	for _, row := range sorted {
		if err := ix.Add(row); err != nil {
			_ = w.w.Abort()
			return Info{}, err
		}
	}
	if err := ix.Close(); err != nil {
		_ = w.w.Abort()
		return Info{}, err
	}
	notes := n.encode()
	footer.Write(notes)
	t := trailer{indexOff: uint64(w.off), rows: uint32(len(w.rows)), notesLen: uint32(len(notes)),
		notesCRC: crc32.Checksum(notes, castagnoli), name: w.name, size: uint64(w.off) + uint64(footer.Len()) + trailerSize}
	footer.Write(t.encode())
	if err := w.write(footer.Bytes()); err != nil {
		_ = w.w.Abort()
		return Info{}, err
	}
	if err := w.w.Commit(); err != nil {
		return Info{}, fmt.Errorf("publishing pack %s: %w", w.name, err)
	}
	return Info{Name: w.name, Size: w.off}, nil
}

// Abort drops the pack.
func (w *Writer) Abort() error { return w.w.Abort() }

func (n *Notes) encode() []byte {
	var e wire.Encoder
	if n.Folded {
		e.Byte(1)
	} else {
		e.Byte(0)
	}
	for _, names := range [][]Name{n.Needs, n.Replaces} {
		e.Uint(uint64(len(names)))
		for _, p := range names {
			e.Raw(p[:])
		}
	}
	n.Intent.encode(&e)
	e.Uint(uint64(len(n.Versions)))
	for _, v := range n.Versions {
		e.Bytes(v)
	}
	return e.B
}

func decodeNotes(b []byte) (n Notes, err error) {
	d := wire.NewDecoder(b)
	switch f := d.Byte(); f {
	case 0, 1:
		n.Folded = f == 1
	default:
		d.Fail("folded is %d", f)
	}
	n.Needs, n.Replaces = decodeNames(d), decodeNames(d)
	n.Intent = decodeIntent(d)
	n.Versions = make([][]byte, d.Count(1))
	for i := range n.Versions {
		n.Versions[i] = d.Bytes()
	}
	if err := d.End(); err != nil {
		return Notes{}, fmt.Errorf("notes: %w: %w", ErrCorrupt, err)
	}
	return n, nil
}

func decodeNames(d *wire.Decoder) []Name {
	n := d.Count(len(Name{}))
	if n == 0 {
		return nil
	}
	names := make([]Name, n)
	for i := range names {
		d.Fixed(names[i][:])
	}
	return names
}
