package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// An entry file: magic, u32 format, u32 length of the first core, that core; in
// batchFormat the number of further cores and those; digests of the entries before
// the first (count, then transaction, time and operations of each; in batchFormat
// with a byte before them that is 1 if the entry is in one file with the one before);
// in filterFormat, which is otherwise like batchFormat, the filters of all packs that
// digests and entries add (of each its length and bytes); u32 CRC-32C of all. Each format
// is used only where there is something to say in it.
const (
	entryMagic   = "MSTOREJE"
	batchFormat  = 2
	filterFormat = 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// file is what one entry file holds.
type file struct {
	entries []*Entry // one, or a batch
	cores   [][]byte
	digests []Digest // of the entries before
}

func (f *file) first() uint64 { return f.entries[0].Number }
func (f *file) last() uint64  { return f.entries[len(f.entries)-1].Number }

// hash is that of the last entry.
func (f *file) hash() Hash { return objects.EntryHash(f.cores[len(f.cores)-1]) }

// all returns the digests of the file, those of its own entries included.
func (f *file) all() []Digest {
	all := make([]Digest, 0, len(f.digests)+len(f.entries))
	all = append(all, f.digests...)
	for i, e := range f.entries {
		d := e.digest()
		d.Batched = i > 0
		all = append(all, d)
	}
	return all
}

func (f *file) encode() []byte {
	size := 64 + 64*len(f.digests)
	for _, c := range f.cores {
		size += len(c) + 5
	}
	w := wire.Encoder{B: make([]byte, 0, size)}
	w.Raw([]byte(entryMagic))
	batched := len(f.cores) > 1
	for i := range f.digests {
		batched = batched || f.digests[i].Batched
	}
	filters, filtered := f.filters()
	switch {
	case filtered:
		w.B = binary.LittleEndian.AppendUint32(w.B, filterFormat)
		batched = true
	case batched:
		w.B = binary.LittleEndian.AppendUint32(w.B, batchFormat)
	default:
		w.B = binary.LittleEndian.AppendUint32(w.B, Format)
	}
	w.B = binary.LittleEndian.AppendUint32(w.B, uint32(len(f.cores[0])))
	w.Raw(f.cores[0])
	if batched {
		w.Uint(uint64(len(f.cores) - 1))
		for _, c := range f.cores[1:] {
			w.Bytes(c)
		}
	}
	w.Uint(uint64(len(f.digests)))
	for i := range f.digests {
		d := &f.digests[i]
		if batched {
			w.Byte(flag(d.Batched))
		}
		d.encode(&w)
	}
	if filtered {
		for _, x := range filters {
			w.Bytes(x)
		}
	}
	return binary.LittleEndian.AppendUint32(w.B, crc32.Checksum(w.B, castagnoli))
}

// filters lists the filters of all packs that the file's digests and entries add, in
// their order; any tells whether something is known of one.
func (f *file) filters() (all []pack.Filter, any bool) {
	f.adding(func(op *Op) {
		for i := range op.Packs {
			var x pack.Filter
			if i < len(op.Filters) {
				x = op.Filters[i]
			}
			all = append(all, x)
			any = any || len(x) > 0
		}
	})
	return all, any
}

// adding calls fn for every operation of the file that adds packs.
func (f *file) adding(fn func(*Op)) {
	each := func(ops []Op) {
		for i := range ops {
			if ops[i].Kind == OpAddPacks {
				fn(&ops[i])
			}
		}
	}
	for i := range f.digests {
		each(f.digests[i].Ops)
	}
	for _, e := range f.entries {
		each(e.Ops)
	}
}

func (f *file) decodeFilters(d *wire.Decoder) {
	any := false
	f.adding(func(op *Op) {
		op.Filters = make([]pack.Filter, len(op.Packs))
		for i := range op.Filters {
			if d.Err() != nil {
				return
			}
			b := pack.Filter(d.Bytes())
			if !b.Valid() {
				d.Fail("filter of %d bytes", len(b))
			}
			op.Filters[i], any = b, any || len(b) > 0
		}
	})
	if !any {
		d.Fail("format %d without need", filterFormat)
	}
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (d *Digest) encode(w *wire.Encoder) {
	w.Raw(d.Tx[:])
	w.Int(d.Time.UnixNano())
	encodeOps(w, d.Ops, false)
}

// checkFile verifies magic, checksum and format of a small file, which may be up to
// most, and returns what is between.
func checkFile(b []byte, magic string, most uint32) (body []byte, format uint32, err error) {
	if len(b) < len(magic)+8 || string(b[:len(magic)]) != magic {
		return nil, 0, fmt.Errorf("not a %s file: %w", magic, ErrCorrupt)
	}
	n := len(b) - 4
	if crc32.Checksum(b[:n], castagnoli) != binary.LittleEndian.Uint32(b[n:]) {
		return nil, 0, fmt.Errorf("checksum: %w", ErrCorrupt)
	}
	format = binary.LittleEndian.Uint32(b[len(magic):])
	if format < Format || format > most {
		return nil, 0, fmt.Errorf("format %d: %w", format, ErrFormat)
	}
	return b[len(magic)+4 : n], format, nil
}

// decodeFile reads the file of entry number.
func decodeFile(b []byte, number uint64) (*file, error) {
	f, err := openFile(b, number)
	if err != nil {
		return nil, fmt.Errorf("journal entry %d: %w", number, err)
	}
	return f, nil
}

func openFile(b []byte, number uint64) (*file, error) {
	body, format, err := checkFile(b, entryMagic, filterFormat)
	if err != nil {
		return nil, err
	}
	if len(body) < 4 || uint64(binary.LittleEndian.Uint32(body)) > uint64(len(body)-4) {
		return nil, fmt.Errorf("length: %w", ErrCorrupt)
	}
	n := binary.LittleEndian.Uint32(body)
	f := &file{}
	if err := f.add(body[4:4+n], number); err != nil {
		return nil, err
	}
	d := wire.NewDecoder(body[4+n:])
	if format >= batchFormat {
		more := d.Count(objects.IDSize)
		if more >= MaxBatch {
			d.Fail("%d further entries", more)
		}
		for i := 0; i < more && d.Err() == nil; i++ {
			core := d.Bytes()
			if d.Err() != nil {
				break
			}
			prev := f.hash()
			if err := f.add(core, number+uint64(i)+1); err != nil {
				return nil, err
			}
			if f.entries[i+1].Prev != prev {
				return nil, fmt.Errorf("entry %d of the batch does not follow the one before: %w", f.last(), ErrCorrupt)
			}
		}
	}
	f.decodeDigests(d, format)
	if format == filterFormat {
		f.decodeFilters(d)
	}
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("digests: %w: %w", ErrCorrupt, err)
	}
	return f, nil
}

// add decodes one more entry, which must have that number.
func (f *file) add(core []byte, number uint64) error {
	e, err := decodeCore(core)
	if err != nil {
		return err
	}
	if e.Number != number {
		return fmt.Errorf("is entry %d: %w", e.Number, ErrCorrupt)
	}
	f.entries, f.cores = append(f.entries, e), append(f.cores, core)
	return nil
}

func (f *file) decodeDigests(d *wire.Decoder, format uint32) {
	number := f.first()
	f.digests = make([]Digest, d.Count(2))
	if uint64(len(f.digests)) >= max(number, 1) {
		d.Fail("%d digests", len(f.digests))
	}
	says := len(f.entries) > 1
	for i := range f.digests {
		if d.Err() != nil {
			return
		}
		x := &f.digests[i]
		x.Number = number - uint64(len(f.digests)) + uint64(i)
		if format >= batchFormat {
			b := d.Byte()
			if b > 1 {
				d.Fail("flag %d", b)
			}
			x.Batched = b == 1
			says = says || x.Batched
		}
		d.Fixed(x.Tx[:])
		x.Time = time.Unix(0, d.Int()).UTC()
		x.Ops = decodeOps(d, x.Number, false)
	}
	if format == batchFormat && !says {
		d.Fail("format %d without need", batchFormat)
	}
}
