package parity

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	locatorSize  = 44 // 8 + 4 + 4 + 8 + 16 + 4
	prefixMagic  = "MSTOREPA"
	trailerMagic = "mstorepa"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// locator is the prefix and the trailer of a parity file: from its two lengths
// it follows where the two headers lie.
type locator struct {
	header int64 // length of a header
	file   int64 // length of the parity file
	name   Name
}

// locate is the locator of a parity file whose header has that length.
func (l *layout) locate(name Name, header int) locator {
	n := int64(header)
	return locator{n, 2*(locatorSize+n) + l.parityLen(), name}
}

func (l locator) front() int64  { return locatorSize }
func (l locator) parity() int64 { return locatorSize + l.header }
func (l locator) back() int64   { return l.file - locatorSize - l.header }

func (l locator) encode(magic string) []byte {
	b := append(make([]byte, 0, locatorSize), magic...)
	b = binary.LittleEndian.AppendUint32(b, Format)
	b = binary.LittleEndian.AppendUint32(b, uint32(l.header))
	b = binary.LittleEndian.AppendUint64(b, uint64(l.file))
	b = append(b, l.name[:]...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// parseLocator checks what can be checked without the header. The errors are
// ErrCorrupt and ErrFormat.
func parseLocator(b []byte, magic string) (l locator, err error) {
	if len(b) != locatorSize || string(b[:8]) != magic ||
		crc32.Checksum(b[:locatorSize-4], castagnoli) != binary.LittleEndian.Uint32(b[locatorSize-4:]) {
		return l, fmt.Errorf("prefix or trailer: %w", ErrCorrupt)
	}
	if f := binary.LittleEndian.Uint32(b[8:]); f != Format {
		return l, formatError(f)
	}
	header, file := binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint64(b[16:])
	if header > maxHeader || file > 2*maxTotal || file < 2*(locatorSize+uint64(header)) {
		return l, fmt.Errorf("prefix or trailer: sizes do not add up: %w", ErrCorrupt)
	}
	return locator{int64(header), int64(file), Name(b[24:40])}, nil
}
