package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"sync/atomic"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/hashindex"
)

// tailRead is how much of a pack's end is read to open it: the index of a
// small pack comes with it.
const tailRead = 8 << 10

// Index is the index of one pack. It may be used concurrently.
type Index struct {
	Info
	b       backend.Backend
	rows    *hashindex.Reader
	trailer trailer
	read    func(p []byte, off int64) error
	stale   atomic.Bool // the end of the pack, as it was read first, is not to be believed
}

// OpenIndex reads a pack's trailer. Errors wrap ErrCorrupt, ErrFormat or those
// of the backend.
func OpenIndex(ctx context.Context, b backend.Backend, p Info) (*Index, error) {
	return afresh(b, p.Name.Key(), func() (*Index, error) { return openIndex(ctx, b, p) })
}

// afresh reads a key once more if it seems damaged and what was read was a copy.
func afresh[T any](b backend.Backend, key string, read func() (T, error)) (T, error) {
	return backend.Afresh(b, key, ErrCorrupt, read)
}

func openIndex(ctx context.Context, b backend.Backend, p Info) (*Index, error) {
	lazy := context.WithoutCancel(ctx) // an index outlives the call that opened it
	x := &Index{Info: p, b: b}
	n := min(p.Size, tailRead)
	if n < headerSize+trailerSize {
		return nil, fmt.Errorf("pack %s of %d bytes: %w", p.Name, p.Size, ErrCorrupt)
	}
	tail := make([]byte, n)
	if err := backend.ReadFull(ctx, b, p.Name.Key(), tail, p.Size-n); err != nil {
		return nil, fmt.Errorf("reading pack %s: %w", p.Name, damage(err))
	}
	t, err := parseTrailer(tail[n-trailerSize:])
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", p.Name, err)
	}
	if t.name != p.Name || t.size != uint64(p.Size) {
		return nil, fmt.Errorf("pack %s: trailer is of another pack: %w", p.Name, ErrCorrupt)
	}
	x.trailer = t
	x.read = func(q []byte, off int64) error {
		if at := off - (p.Size - n); at >= 0 && !x.stale.Load() {
			copy(q, tail[at:])
			return nil
		}
		return backend.ReadFull(lazy, b, p.Name.Key(), q, off)
	}
	x.rows = hashindex.NewReader(int(t.rows), rowSize, func(q []byte, off int64) error {
		return x.read(q, int64(t.indexOff)+off)
	})
	return x, nil
}

// Len is the number of records.
func (x *Index) Len() int { return x.rows.Len() }

// Find looks a record up.
func (x *Index) Find(kind Kind, key Key) (row Row, ok bool, err error) {
	_, err = x.afresh(func() error {
		return x.rows.Lookup(key, func(b []byte) bool {
			row = parseRow(b)
			ok = row.Kind == kind
			return !ok
		})
	})
	return row, ok && err == nil, err
}

// afresh is the function of that name for what is read of the index.
func (x *Index) afresh(read func() error) (struct{}, error) {
	return afresh(x.b, x.Name.Key(), func() (struct{}, error) {
		err := read()
		if err == nil {
			return struct{}{}, nil
		}
		x.stale.Store(true)
		return struct{}{}, x.corrupt(err)
	})
}

// Labelled calls fn for every piece with that label until it returns false.
func (x *Index) Labelled(label uint64, fn func(Row) bool) error {
	prefix := LabelKey(label, Key{})
	if err := x.rows.Prefix(prefix[:], 64, func(b []byte) bool {
		r := parseRow(b)
		return r.Kind != KindLabel || fn(r)
	}); err != nil {
		return x.corrupt(err)
	}
	return nil
}

// Rows yields all rows, sorted by key and kind.
func (x *Index) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for b, err := range x.rows.Rows() {
			if err != nil {
				yield(Row{}, x.corrupt(err))
				return
			}
			if !yield(parseRow(b), nil) {
				return
			}
		}
	}
}

// Notes reads the notes of the footer.
func (x *Index) Notes() (Notes, error) {
	return afresh(x.b, x.Name.Key(), func() (Notes, error) {
		n, err := x.notes()
		if err != nil {
			x.stale.Store(true)
		}
		return n, err
	})
}

func (x *Index) notes() (Notes, error) {
	b := make([]byte, x.trailer.notesLen)
	off := int64(x.trailer.indexOff) + hashindex.Size(rowSize, x.rows.Len())
	if err := x.read(b, off); err != nil {
		return Notes{}, fmt.Errorf("reading pack %s: %w", x.Name, damage(err))
	}
	if crc32.Checksum(b, castagnoli) != x.trailer.notesCRC {
		return Notes{}, x.corrupt(fmt.Errorf("notes checksum: %w", errLayout))
	}
	return decodeNotes(b)
}

func (x *Index) corrupt(err error) error {
	return fmt.Errorf("index of pack %s: %w", x.Name, damage(err))
}

// damage makes a bad page or row ErrCorrupt, and leaves errors of reading
// alone.
func damage(err error) error {
	if errors.Is(err, hashindex.ErrCorrupt) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errLayout) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// errLayout: an index that contradicts itself or the pack.
var errLayout = errors.New("wrong layout")

// Loc is where a record lies.
type Loc struct {
	Pack Name
	Row
}

// Read reads one record. The payload is the caller's. Errors wrap ErrCorrupt
// or those of the backend.
func Read(ctx context.Context, b backend.Backend, l Loc) (Record, []byte, error) {
	return ReadInto(ctx, b, nil, l)
}

// ReadInto is Read with a buffer, of which the payload is a part then if it has room for
// the record: RecordSize bytes.
func ReadInto(ctx context.Context, b backend.Backend, buf []byte, l Loc) (Record, []byte, error) {
	r, payload, err := ReadAt(ctx, b, buf, l.Pack, l.Off, l.Stored)
	if err != nil {
		return Record{}, nil, err
	}
	if r.Kind != l.Kind || r.Codec != l.Codec || r.Form != l.Form || r.Raw != l.Raw {
		return Record{}, nil, fmt.Errorf("pack %s at %d: record is not the one indexed: %w", l.Pack, l.Off, ErrCorrupt)
	}
	return r, payload, nil
}

// RecordSize is how many bytes a record takes whose payload has so many.
func RecordSize(stored uint32) int { return recordSize + int(min(stored, maxPayload)) }

// ReadAt is ReadInto without an index: whoever calls it knows what the record
// should be.
func ReadAt(ctx context.Context, b backend.Backend, buf []byte, p Name, off, stored uint32) (Record, []byte, error) {
	if stored > maxPayload {
		return Record{}, nil, fmt.Errorf("pack %s at %d: record of %d bytes: %w", p, off, stored, ErrCorrupt)
	}
	if n := recordSize + int(stored); cap(buf) >= n {
		buf = buf[:n]
	} else {
		buf = make([]byte, n)
	}
	var payload []byte
	r, err := afresh(b, p.Key(), func() (r Record, err error) {
		if err := backend.ReadFull(ctx, b, p.Key(), buf, int64(off)); err != nil {
			return r, fmt.Errorf("reading pack %s at %d: %w", p, off, damage(err))
		}
		if r, payload, err = parseRecord(buf); err != nil {
			return r, fmt.Errorf("pack %s at %d: %w", p, off, err)
		}
		return r, nil
	})
	if err != nil {
		return Record{}, nil, err
	}
	return r, payload, nil
}

// ReadPayload reads the first bytes of a record's payload, at most n, without
// verifying them.
func ReadPayload(ctx context.Context, b backend.Backend, l Loc, n int) ([]byte, error) {
	buf := make([]byte, min(n, int(l.Stored)))
	if err := backend.ReadFull(ctx, b, l.Pack.Key(), buf, int64(l.Off)+recordSize); err != nil {
		return nil, fmt.Errorf("reading pack %s at %d: %w", l.Pack, l.Off, damage(err))
	}
	return buf, nil
}

// CheckLayout verifies all of a pack that is not in a record: the header, and
// that records fill it without gaps. rows must be all of the pack's, sorted by
// offset, then kind.
func CheckLayout(ctx context.Context, b backend.Backend, x *Index, rows []Row) error {
	head := make([]byte, headerSize)
	if err := backend.ReadFull(ctx, b, x.Name.Key(), head, 0); err != nil {
		return fmt.Errorf("reading pack %s: %w", x.Name, damage(err))
	}
	if err := checkHeader(head, x.Name); err != nil {
		return fmt.Errorf("pack %s: %w", x.Name, err)
	}
	off := int64(headerSize)
	var piece Row // the last one that is not a label
	for i, r := range rows {
		if r.Kind == KindLabel { // rows of one place are sorted by kind
			same := r
			same.Key, same.Kind = piece.Key, KindPiece
			if i == 0 || same != piece || !bytes.Equal(r.Key[8:], piece.Key[:24]) {
				return x.corrupt(fmt.Errorf("label at %d is of no piece: %w", r.Off, errLayout))
			}
			continue
		}
		piece = r
		if int64(r.Off) != off {
			return x.corrupt(fmt.Errorf("gap at %d: %w", off, errLayout))
		}
		off += recordSize + int64(r.Stored)
	}
	if off != int64(x.trailer.indexOff) {
		return x.corrupt(fmt.Errorf("gap at %d: %w", off, errLayout))
	}
	if _, err := x.Notes(); err != nil {
		return err
	}
	return nil
}
