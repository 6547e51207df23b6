package parity

import (
	"encoding/binary"
	"fmt"

	"github.com/zeebo/blake3"

	"github.com/mstore/mstore/internal/wire"
)

// Format is the number of the format that is written.
const Format = 1

const (
	headerMagic = "MSTOREPH"
	maxHeader   = 16 << 20 // bytes that are written and believed
	fileSize    = 2        // bytes that a file takes in a header, at least
)

// digest is a truncated BLAKE3 hash.
type digest [16]byte

func sum(b []byte) digest {
	h := blake3.Sum256(b)
	return digest(h[:16])
}

// header is what there is to know about a group.
type header struct {
	*layout
	name   Name
	data   []digest // of the segments
	parity []digest // of the parity shards
}

func (h *header) encode() []byte {
	var e wire.Encoder
	e.Raw([]byte(headerMagic))
	e.B = binary.LittleEndian.AppendUint32(e.B, Format)
	e.Raw(h.name[:])
	e.Uint(uint64(h.k))
	e.Uint(uint64(h.m))
	e.Uint(uint64(h.size))
	e.Uint(uint64(len(h.files)))
	for _, f := range h.files {
		e.String(f.Key)
		e.Uint(uint64(f.Size))
	}
	for _, d := range h.data {
		e.Raw(d[:])
	}
	for _, d := range h.parity {
		e.Raw(d[:])
	}
	d := sum(e.B)
	e.Raw(d[:])
	return e.B
}

// decodeHeader reads what encode wrote, and nothing else; it keeps nothing of
// b. The errors are ErrCorrupt and ErrFormat.
func decodeHeader(b []byte) (*header, error) {
	n := len(b) - len(digest{})
	if n < 0 || len(b) > maxHeader || sum(b[:n]) != digest(b[n:]) {
		return nil, fmt.Errorf("header checksum: %w", ErrCorrupt)
	}
	d := wire.NewDecoder(b[:n])
	if magic := d.Raw(len(headerMagic)); string(magic) != headerMagic {
		return nil, fmt.Errorf("header: %w", ErrCorrupt)
	}
	if v := d.Raw(4); v == nil {
		return nil, fmt.Errorf("header: %w", ErrCorrupt)
	} else if f := binary.LittleEndian.Uint32(v); f != Format {
		return nil, formatError(f)
	}
	h, err := decodeBody(d)
	if err != nil {
		return nil, fmt.Errorf("header: %w: %w", err, ErrCorrupt)
	}
	return h, nil
}

func decodeBody(d *wire.Decoder) (*header, error) {
	h := &header{}
	d.Fixed(h.name[:])
	k, m, size := d.Uint(), d.Uint(), d.Uint()
	count := d.Count(fileSize)
	if count > maxFiles {
		return nil, fmt.Errorf("a group of %d files", count)
	}
	files := make([]FileInfo, count)
	for i := range files {
		files[i].Key = d.String()
		n := d.Uint()
		if n > maxTotal {
			d.Fail("file of %d bytes", n)
		}
		files[i].Size = int64(n)
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	total, err := checkFiles(files)
	if err != nil {
		return nil, err
	}
	want := dataShards(total)
	if k != uint64(want) || m < minParity || m > uint64(max(minParity, want)) {
		return nil, fmt.Errorf("%d data and %d parity shards for %d bytes", k, m, total)
	}
	h.layout = newLayout(files, total, int(m))
	if size != uint64(h.size) {
		return nil, fmt.Errorf("shards of %d bytes, must be of %d", size, h.size)
	}
	if d.Len() != (len(h.segs)+h.m)*len(digest{}) {
		return nil, fmt.Errorf("%d bytes of hashes for %d segments", d.Len(), len(h.segs))
	}
	h.data = make([]digest, len(h.segs))
	for i := range h.data {
		d.Fixed(h.data[i][:])
	}
	h.parity = make([]digest, h.m)
	for i := range h.parity {
		d.Fixed(h.parity[i][:])
	}
	return h, d.End()
}

func formatError(f uint32) error {
	if f > Format {
		return fmt.Errorf("format %d: %w", f, ErrFormat)
	}
	return fmt.Errorf("format %d: %w", f, ErrCorrupt)
}
