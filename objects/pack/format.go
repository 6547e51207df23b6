// Package pack reads and writes packs, the immutable files full of pieces, and
// the multi-pack index segments that find a piece among many packs.
//
// A pack is a header, records, an index with notes, and a trailer:
//
//	header   magic "MSTOREPK", u32 format, 16 bytes name, u32 reserved, u32 crc
//	record   u8 kind, u8 codec, u16 reserved, u32 stored length, u64 raw length,
//	         32 bytes ID, u32 crc of all before and of the payload; payload
//	index    rows sorted by key, in checksummed pages (package hashindex)
//	notes    canonical: packs that are needed, and a copy of the version record
//	trailer  u64 index offset, u32 rows, u32 notes length, u32 notes crc,
//	         16 bytes name, u64 pack length, u32 format, magic "mstorepk", u32 crc
//
// Integers are little-endian; checksums are CRC-32C. Checksums find damage;
// what a record holds is proved by the hashes that package objects checks.
package pack

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/mstore/mstore/internal/hashindex"
)

// Format is the number of the pack format that is written.
const Format = 1

// MaxSize is the size at which a pack is closed, in bytes. A record that was
// begun is finished, so a pack may be longer by one record and its index.
const MaxSize = 512 << 20

// maxIndexed bounds rows and notes that are believed when a pack is opened.
const maxIndexed = 1 << 30

// maxPayload bounds a record, and maxPacks the packs of a segment, that are
// written and believed.
const (
	maxPayload = 64 << 20
	maxPacks   = 1 << 24
)

var (
	// ErrCorrupt: a pack or segment is not what its checksums say.
	ErrCorrupt = errors.New("pack is corrupt")
	// ErrFormat: a pack of a newer format.
	ErrFormat = errors.New("pack has a newer format")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Name is a pack's random name.
type Name [16]byte

func (n Name) String() string { return hex.EncodeToString(n[:]) }

// Key is where the pack lies in the backend.
func (n Name) Key() string { return Prefix + n.String() + ".pack" }

// Prefix is the prefix of the keys of all packs and segments.
const Prefix = "objects/"

// ParseKey tells the name of the pack that has that key.
func ParseKey(key string) (n Name, ok bool) {
	s, ok := strings.CutPrefix(key, Prefix)
	if !ok {
		return n, false
	}
	s, ok = strings.CutSuffix(s, ".pack")
	if !ok || len(s) != 32 || s != strings.ToLower(s) {
		return n, false
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return n, false
	}
	return Name(b), true
}

// Kind is what a record holds.
type Kind uint8

// The kinds of this format.
const (
	KindPiece  Kind = 1 // key: the piece's ID
	KindRecipe Kind = 2 // key: the blob's ID; the record holds the recipe's ID
	KindTree   Kind = 3 // key: the tree node's ID
	// KindLabel is in indexes only: a second way to a piece's record, by its
	// label (see LabelKey).
	KindLabel Kind = 4
)

func (k Kind) String() string {
	switch k {
	case KindPiece:
		return "piece"
	case KindRecipe:
		return "recipe"
	case KindTree:
		return "tree node"
	case KindLabel:
		return "label"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Key is what a record is found by.
type Key = [hashindex.KeySize]byte

// LabelKey is the key of a label's row: the label, big-endian, and the first 24
// bytes of the piece's ID.
func LabelKey(label uint64, piece Key) (k Key) {
	binary.BigEndian.PutUint64(k[:], label)
	copy(k[8:], piece[:])
	return k
}

// Label is the label that a KindLabel row is found by.
func Label(k Key) uint64 { return binary.BigEndian.Uint64(k[:]) }

// Row is an index row: where a record lies in its pack.
type Row struct {
	Key    Key
	Kind   Kind
	Codec  uint8
	Form   uint8  // of a piece: the format of the model that it was first part of
	Off    uint32 // of the record's header
	Stored uint32 // bytes of payload
	Raw    uint32 // bytes when decoded
}

const (
	headerSize  = 36 // 8 + 4 + 16 + 4 + 4
	recordSize  = 48 // a record's header
	trailerSize = 60
	rowSize     = 47

	headMagic = "MSTOREPK"
	tailMagic = "mstorepk"
)

// Rows sort by key, then kind, as their bytes do.
func (r *Row) append(b []byte) []byte {
	b = append(b, r.Key[:]...)
	b = append(b, byte(r.Kind), r.Codec, r.Form)
	b = binary.LittleEndian.AppendUint32(b, r.Off)
	b = binary.LittleEndian.AppendUint32(b, r.Stored)
	return binary.LittleEndian.AppendUint32(b, r.Raw)
}

func parseRow(b []byte) (r Row) {
	copy(r.Key[:], b)
	r.Kind, r.Codec, r.Form = Kind(b[32]), b[33], b[34]
	r.Off = binary.LittleEndian.Uint32(b[35:])
	r.Stored = binary.LittleEndian.Uint32(b[39:])
	r.Raw = binary.LittleEndian.Uint32(b[43:])
	return r
}

func encodeHeader(name Name) []byte {
	b := append(make([]byte, 0, headerSize), headMagic...)
	b = binary.LittleEndian.AppendUint32(b, Format)
	b = append(b, name[:]...)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return appendCRC(b)
}

func checkHeader(b []byte, name Name) error {
	if len(b) < headerSize || string(b[:8]) != headMagic || !goodCRC(b[:headerSize]) {
		return fmt.Errorf("header: %w", ErrCorrupt)
	}
	if f := binary.LittleEndian.Uint32(b[8:]); f != Format {
		return fmt.Errorf("format %d: %w", f, ErrFormat)
	}
	if Name(b[12:28]) != name {
		return fmt.Errorf("header names another pack: %w", ErrCorrupt)
	}
	if binary.LittleEndian.Uint32(b[28:]) != 0 {
		return fmt.Errorf("header: %w", ErrCorrupt)
	}
	return nil
}

// Record is a record's header.
type Record struct {
	Kind   Kind
	Codec  uint8
	Form   uint8
	Stored uint32
	Raw    uint32
	ID     Key // of what the record holds
}

func (r *Record) encode(payload []byte) []byte {
	b := make([]byte, 0, recordSize)
	b = append(b, byte(r.Kind), r.Codec, r.Form, 0)
	b = binary.LittleEndian.AppendUint32(b, r.Stored)
	b = binary.LittleEndian.AppendUint32(b, r.Raw)
	b = append(b, r.ID[:]...)
	crc := crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, payload)
	return binary.LittleEndian.AppendUint32(b, crc)
}

// parseRecord checks a record, header and payload.
func parseRecord(b []byte) (r Record, payload []byte, err error) {
	if len(b) < recordSize {
		return r, nil, fmt.Errorf("record of %d bytes: %w", len(b), ErrCorrupt)
	}
	r = Record{Kind: Kind(b[0]), Codec: b[1], Form: b[2],
		Stored: binary.LittleEndian.Uint32(b[4:]), Raw: binary.LittleEndian.Uint32(b[8:]), ID: Key(b[12:44])}
	payload = b[recordSize:]
	crc := crc32.Update(crc32.Checksum(b[:44], castagnoli), castagnoli, payload)
	if crc != binary.LittleEndian.Uint32(b[44:]) || uint64(r.Stored) != uint64(len(payload)) || b[3] != 0 {
		return r, nil, fmt.Errorf("record checksum: %w", ErrCorrupt)
	}
	return r, payload, nil
}

type trailer struct {
	indexOff uint64
	rows     uint32
	notesLen uint32
	notesCRC uint32
	name     Name
	size     uint64
}

func (t *trailer) encode() []byte {
	b := make([]byte, 0, trailerSize)
	b = binary.LittleEndian.AppendUint64(b, t.indexOff)
	b = binary.LittleEndian.AppendUint32(b, t.rows)
	b = binary.LittleEndian.AppendUint32(b, t.notesLen)
	b = binary.LittleEndian.AppendUint32(b, t.notesCRC)
	b = append(b, t.name[:]...)
	b = binary.LittleEndian.AppendUint64(b, t.size)
	b = binary.LittleEndian.AppendUint32(b, Format)
	b = append(b, tailMagic...)
	return appendCRC(b)
}

func parseTrailer(b []byte) (t trailer, err error) {
	if len(b) != trailerSize || string(b[48:56]) != tailMagic || !goodCRC(b) {
		return t, fmt.Errorf("trailer: %w", ErrCorrupt)
	}
	if f := binary.LittleEndian.Uint32(b[44:]); f != Format {
		return t, fmt.Errorf("format %d: %w", f, ErrFormat)
	}
	t = trailer{
		indexOff: binary.LittleEndian.Uint64(b), rows: binary.LittleEndian.Uint32(b[8:]),
		notesLen: binary.LittleEndian.Uint32(b[12:]), notesCRC: binary.LittleEndian.Uint32(b[16:]),
		name: Name(b[20:36]), size: binary.LittleEndian.Uint64(b[36:]),
	}
	index := uint64(hashindex.Size(rowSize, int(t.rows)))
	if t.indexOff < headerSize || index > maxIndexed || t.notesLen > maxIndexed ||
		t.indexOff+index+uint64(t.notesLen)+trailerSize != t.size {
		return t, fmt.Errorf("trailer: sizes do not add up: %w", ErrCorrupt)
	}
	return t, nil
}

func appendCRC(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func goodCRC(b []byte) bool {
	n := len(b) - 4
	return crc32.Checksum(b[:n], castagnoli) == binary.LittleEndian.Uint32(b[n:])
}
