package pack

import (
	"bytes"
	"context"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

// Fuzzers get the bytes without their checksum where there is one, so that
// they come past it.

func FuzzNotes(f *testing.F) {
	for _, n := range []Notes{{}, {Needs: []Name{name(1), name(2)}, Folded: true, Versions: [][]byte{[]byte("v"), {}}}} {
		f.Add(n.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := decodeNotes(b)
		if err == nil && !bytes.Equal(n.encode(), b) {
			t.Fatalf("accepted %x, writes %x", b, n.encode())
		}
	})
}

func FuzzTrailer(f *testing.F) {
	tr := trailer{indexOff: 100, rows: 1, notesLen: 5, name: name(1), size: 100 + rowSize + 4 + 5 + trailerSize}
	b := tr.encode()
	f.Add(b[:len(b)-4])
	f.Fuzz(func(t *testing.T, b []byte) {
		b = appendCRC(bytes.Clone(b))
		tr, err := parseTrailer(b)
		if err == nil && !bytes.Equal(tr.encode(), b) {
			t.Fatalf("accepted %x, writes %x", b, tr.encode())
		}
	})
}

func FuzzHeader(f *testing.F) {
	b := encodeHeader(name(1))
	f.Add(b[:len(b)-4])
	f.Fuzz(func(t *testing.T, b []byte) {
		b = appendCRC(bytes.Clone(b))
		if len(b) == headerSize && checkHeader(b, name(1)) == nil && !bytes.Equal(encodeHeader(name(1)), b) {
			t.Fatalf("accepted %x", b)
		}
	})
}

func FuzzRecord(f *testing.F) {
	r := Record{Kind: KindTree, Codec: 1, Stored: 3, Raw: 10, ID: key(1)}
	b := r.encode([]byte("abc"))
	f.Add(b[:recordSize-4], []byte("abc"))
	f.Fuzz(func(t *testing.T, head, payload []byte) {
		if len(head) != recordSize-4 {
			return
		}
		crc := appendCRC(append(bytes.Clone(head), payload...))
		b := append(append(bytes.Clone(head), crc[len(crc)-4:]...), payload...)
		r, got, err := parseRecord(b)
		if err == nil && !bytes.Equal(append(r.encode(got), got...), b) {
			t.Fatalf("accepted %x", b)
		}
	})
}

// FuzzPack: whatever bytes a pack holds, opening it and looking up in it ends
// in an answer or an error.
func FuzzPack(f *testing.F) {
	b := backend.NewMem()
	w, err := NewWriter(context.Background(), b, name(1))
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		if _, err := w.Add(key(i), Record{Kind: KindPiece, Raw: 5}, []byte("abcde")); err != nil {
			f.Fatal(err)
		}
	}
	if _, err := w.Finish(Notes{}); err != nil {
		f.Fatal(err)
	}
	data, err := backend.ReadAll(context.Background(), b, name(1).Key(), 1<<20)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:len(data)-4])
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= trailerSize-4 { // the trailer's checksum is right
			data = append(data, appendCRC(bytes.Clone(data[len(data)-trailerSize+4:]))[trailerSize-4:]...)
		}
		b := backend.NewMem()
		if err := b.Put(t.Context(), name(1).Key(), data); err != nil {
			t.Fatal(err)
		}
		x, err := OpenIndex(t.Context(), b, Info{name(1), int64(len(data))})
		if err != nil {
			return
		}
		for r, err := range x.Rows() {
			if err != nil {
				break
			}
			_, _, _ = Read(t.Context(), b, Loc{name(1), r})
		}
		_, _, _ = x.Find(KindPiece, key(1))
		_, _ = x.Notes()
	})
}

// FuzzSegment: the same for a segment, whose sizes the journal claims.
func FuzzSegment(f *testing.F) {
	b := backend.NewMem()
	w, err := NewWriter(context.Background(), b, name(1))
	if err != nil {
		f.Fatal(err)
	}
	if _, err := w.Add(key(1), Record{Kind: KindPiece, Raw: 5}, []byte("abcde")); err != nil {
		f.Fatal(err)
	}
	p, err := w.Finish(Notes{})
	if err != nil {
		f.Fatal(err)
	}
	x, err := OpenIndex(context.Background(), b, p)
	if err != nil {
		f.Fatal(err)
	}
	info, err := WriteSegment(context.Background(), b, name(2), []*Index{x}, nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	data, err := backend.ReadAll(context.Background(), b, info.Key(), 1<<20)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(info.Packs, info.Rows, info.Size, data)
	f.Fuzz(func(t *testing.T, packs int, rows, size int64, data []byte) {
		b := backend.NewMem()
		info := SegmentInfo{Name: name(2), Packs: packs, Rows: rows, Size: size}
		if err := b.Put(t.Context(), info.Key(), data); err != nil {
			t.Fatal(err)
		}
		s, err := OpenSegment(t.Context(), b, info)
		if err != nil {
			return
		}
		for _, err := range s.Locs() {
			if err != nil {
				break
			}
		}
		_ = s.Find(KindPiece, key(1), func(Loc) bool { return true })
	})
}
