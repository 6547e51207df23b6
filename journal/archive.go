package journal

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"
	"sync"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/hashindex"
	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/codec"
)

// An archive segment holds the entries [First, Last] in bulk:
//
//	header     magic "MSTOREJA", u32 format
//	blocks     entry cores (length, bytes), compressed, some hundred in a block
//	directory  canonical, compressed: names, and for each block what it holds;
//	           u32 crc
//	IDs        32 bytes version ID, u64 entry number (hashindex)
//	footer     the fields of archiveInfo, u32 crc
//
// Blocks are copied as they are when segments are merged.
const (
	archiveMagic      = "MSTOREJA"
	archiveHeaderSize = 12
	archiveFooterSize = 8 + 8 + 8 + 8 + 4 + 4 + 8 + 4
	idRowSize         = objects.IDSize + 8

	// blockEntries and blockBytes bound a block before compression.
	blockEntries = 128
	blockBytes   = 1 << 20
	// maxCore bounds one entry that is read: a version record with MaxChanges
	// long paths stays far below.
	maxCore = 32 << 20
	// maxEntry bounds an entry with the digests of those before it.
	maxEntry = 2 * maxCore
	// maxArchive bounds offsets and rows of a segment that are believed,
	// maxBlockEntries the entries of a block.
	maxArchive      = 1 << 40
	maxBlockEntries = 1 << 16
)

// archiveInfo is a segment as the checkpoint names it.
type archiveInfo struct {
	First, Last uint64
	Name        [8]byte
	DirOff      uint64
	DirLen      uint32
	Blocks      uint32
	IDs         uint64 // rows
}

func (a archiveInfo) key() string { return prefix + "a" + hex.EncodeToString(a.Name[:]) }

func (a archiveInfo) idsOff() int64 { return int64(a.DirOff) + int64(a.DirLen) }

func (a archiveInfo) size() int64 {
	return a.idsOff() + hashindex.Size(idRowSize, int(a.IDs)) + archiveFooterSize
}

func (a archiveInfo) entries() uint64 { return a.Last - a.First + 1 }

func (a archiveInfo) encode() []byte {
	b := make([]byte, 0, archiveFooterSize)
	b = binary.LittleEndian.AppendUint64(b, a.First)
	b = binary.LittleEndian.AppendUint64(b, a.Last)
	b = append(b, a.Name[:]...)
	b = binary.LittleEndian.AppendUint64(b, a.DirOff)
	b = binary.LittleEndian.AppendUint32(b, a.DirLen)
	b = binary.LittleEndian.AppendUint32(b, a.Blocks)
	b = binary.LittleEndian.AppendUint64(b, a.IDs)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeArchiveInfo(b []byte) (a archiveInfo, err error) {
	n := archiveFooterSize - 4
	if len(b) != archiveFooterSize || crc32.Checksum(b[:n], castagnoli) != binary.LittleEndian.Uint32(b[n:]) {
		return a, fmt.Errorf("archive footer: %w", ErrCorrupt)
	}
	a.First, a.Last = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	copy(a.Name[:], b[16:])
	a.DirOff = binary.LittleEndian.Uint64(b[24:])
	a.DirLen, a.Blocks = binary.LittleEndian.Uint32(b[32:]), binary.LittleEndian.Uint32(b[36:])
	a.IDs = binary.LittleEndian.Uint64(b[40:])
	if a.First == 0 || a.Last < a.First || a.DirOff > maxArchive || a.IDs > min(a.entries(), maxArchive) || uint64(a.Blocks) > a.entries() || a.DirLen > maxCore {
		return a, fmt.Errorf("archive footer: %w", ErrCorrupt)
	}
	return a, nil
}

// block is a directory row.
type block struct {
	First  uint64
	Count  uint32
	Off    uint64
	Stored uint32
	Raw    uint32
	Codec  codec.ID
	CRC    uint32
	Time   time.Time // of the first entry
	Lines  []lineSpan
	Moves  []nameMoves
	Joints []joint
}

// lineSpan: the block holds the versions [First, Last] of a line.
type lineSpan struct{ Line, First, Last uint64 }

// nameMoves: the block holds Count moves of a name.
type nameMoves struct {
	Name  string
	Count uint64
}

// summarize notes what an entry adds to a block.
func (b *block) summarize(d Digest) {
	for i := range d.Ops {
		op := &d.Ops[i]
		switch op.Kind {
		case OpCommit:
			b.addVersion(op.Target.Line, op.Target.Seq)
			b.addMove(op.Name)
			if j, ok := jointOf(op); ok {
				b.Joints = append(b.Joints, j)
			}
		case OpSetName, OpDeleteName:
			b.addMove(op.Name)
		}
	}
}

func (b *block) addVersion(line, seq uint64) {
	for i := range b.Lines {
		if b.Lines[i].Line == line {
			b.Lines[i].Last = seq
			return
		}
	}
	b.Lines = append(b.Lines, lineSpan{line, seq, seq})
}

func (b *block) addMove(name string) {
	for i := range b.Moves {
		if b.Moves[i].Name == name {
			b.Moves[i].Count++
			return
		}
	}
	b.Moves = append(b.Moves, nameMoves{name, 1})
}

func encodeDirectory(blocks []block) []byte {
	number := map[string]uint64{}
	var names, w wire.Encoder
	for i := range blocks {
		b := &blocks[i]
		w.Uint(b.First)
		w.Uint(uint64(b.Count))
		w.Uint(b.Off)
		w.Uint(uint64(b.Stored))
		w.Uint(uint64(b.Raw))
		w.Byte(byte(b.Codec))
		w.Uint(uint64(b.CRC))
		w.Int(b.Time.UnixNano())
		w.Uint(uint64(len(b.Lines)))
		for _, l := range b.Lines {
			w.Uint(l.Line)
			w.Uint(l.First)
			w.Uint(l.Last)
		}
		w.Uint(uint64(len(b.Moves)))
		for _, m := range b.Moves {
			k, ok := number[m.Name]
			if !ok {
				k = uint64(len(number))
				number[m.Name] = k
				names.String(m.Name)
			}
			w.Uint(k)
			w.Uint(m.Count)
		}
		w.Uint(uint64(len(b.Joints)))
		for j := range b.Joints {
			b.Joints[j].encode(&w, b.First)
		}
	}
	var out wire.Encoder
	out.Uint(uint64(len(number)))
	out.Raw(names.B)
	out.Uint(uint64(len(blocks)))
	out.Raw(w.B)
	enc, c := codec.Compress(nil, out.B)
	var f wire.Encoder
	f.Byte(byte(c))
	f.Uint(uint64(len(out.B)))
	f.Raw(enc)
	return binary.LittleEndian.AppendUint32(f.B, crc32.Checksum(f.B, castagnoli))
}

func decodeDirectory(b []byte) ([]block, error) {
	n := len(b) - 4
	if n < 2 || crc32.Checksum(b[:n], castagnoli) != binary.LittleEndian.Uint32(b[n:]) {
		return nil, fmt.Errorf("archive directory: %w", ErrCorrupt)
	}
	d := wire.NewDecoder(b[:n])
	c, raw := codec.ID(d.Byte()), d.Uint()
	if d.Err() != nil || raw > codec.MaxPiece {
		return nil, fmt.Errorf("archive directory: %w", ErrCorrupt)
	}
	body, err := codec.Decode(nil, c, d.Raw(d.Len()), int(raw), nil)
	if err != nil {
		return nil, fmt.Errorf("archive directory: %w: %w", ErrCorrupt, err)
	}
	d = wire.NewDecoder(body)
	names := make([]string, d.Count(1))
	known := map[string]bool{}
	for i := range names {
		names[i] = d.String()
		known[names[i]] = true
	}
	if len(known) != len(names) {
		d.Fail("a name occurs twice")
	}
	used := uint64(0)
	blocks := make([]block, d.Count(10))
	for i := range blocks {
		b := &blocks[i]
		b.First = d.Uint()
		b.Count = uint32(decodeSize(d, maxBlockEntries))
		b.Off = d.Uint()
		b.Stored, b.Raw = uint32(decodeSize(d, codec.MaxPiece)), uint32(decodeSize(d, codec.MaxPiece))
		b.Codec = codec.ID(d.Byte())
		b.CRC = uint32(decodeSize(d, math.MaxUint32))
		b.Time = time.Unix(0, d.Int()).UTC()
		b.Lines = make([]lineSpan, d.Count(3))
		for k := range b.Lines {
			b.Lines[k] = lineSpan{d.Uint(), d.Uint(), d.Uint()}
		}
		b.Moves = make([]nameMoves, d.Count(2))
		for k := range b.Moves {
			name := d.Uint()
			if name >= uint64(len(names)) || name > used {
				d.Fail("name %d", name)
				break
			}
			used = max(used, name+1)
			b.Moves[k] = nameMoves{names[name], d.Uint()}
		}
		b.Joints = decodeJoints(d, b.First)
		if d.Err() != nil {
			break
		}
	}
	if used != uint64(len(names)) {
		d.Fail("a name is not used")
	}
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("archive directory: %w: %w", ErrCorrupt, err)
	}
	return blocks, nil
}

// archive is an open segment.
type archive struct {
	archiveInfo
	b     backend.Backend
	ids   *hashindex.Reader
	limit uint64 // blocks that begin after this entry are left out

	mu     sync.Mutex
	blocks []block // nil: not loaded
}

func openArchive(ctx context.Context, b backend.Backend, info archiveInfo) *archive {
	ctx = context.WithoutCancel(ctx) // an archive outlives the call that opened it
	a := &archive{archiveInfo: info, b: b, limit: info.Last}
	a.ids = hashindex.NewReader(int(info.IDs), idRowSize, func(p []byte, off int64) error {
		return backend.ReadFull(ctx, b, info.key(), p, info.idsOff()+off)
	})
	return a
}

func (a *archive) fail(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) { // cut short
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return fmt.Errorf("archive of entries %d to %d: %w", a.First, a.Last, err)
}

// directory loads the blocks' rows, and demands that they cover the segment.
func (a *archive) directory(ctx context.Context) ([]block, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.blocks != nil {
		return a.blocks, nil
	}
	buf := make([]byte, a.DirLen)
	blocks, err := backend.Afresh(a.b, a.key(), ErrCorrupt, func() ([]block, error) {
		if err := backend.ReadFull(ctx, a.b, a.key(), buf, int64(a.DirOff)); err != nil {
			return nil, a.fail(err)
		}
		blocks, err := decodeDirectory(buf)
		if err != nil {
			err = a.fail(err)
		}
		return blocks, err
	})
	if err != nil {
		return nil, err
	}
	next := a.First
	off := uint64(archiveHeaderSize)
	for i := range blocks {
		if blocks[i].First != next || blocks[i].Count == 0 || blocks[i].Off != off {
			return nil, a.fail(fmt.Errorf("directory: %w", ErrCorrupt))
		}
		next += uint64(blocks[i].Count)
		off += uint64(blocks[i].Stored)
	}
	if next != a.Last+1 || off != a.DirOff {
		return nil, a.fail(fmt.Errorf("directory: %w", ErrCorrupt))
	}
	for len(blocks) > 0 && blocks[len(blocks)-1].First > a.limit {
		blocks = blocks[:len(blocks)-1]
	}
	a.blocks = blocks
	return blocks, nil
}

// cores reads the entries of one block.
func (a *archive) cores(ctx context.Context, bl *block) ([][]byte, error) {
	return backend.Afresh(a.b, a.key(), ErrCorrupt, func() ([][]byte, error) { return a.readCores(ctx, bl) })
}

func (a *archive) readCores(ctx context.Context, bl *block) ([][]byte, error) {
	stored := make([]byte, bl.Stored)
	if err := backend.ReadFull(ctx, a.b, a.key(), stored, int64(bl.Off)); err != nil {
		return nil, a.fail(err)
	}
	if crc32.Checksum(stored, castagnoli) != bl.CRC {
		return nil, a.fail(fmt.Errorf("block at entry %d: %w", bl.First, ErrCorrupt))
	}
	raw, err := codec.Decode(nil, bl.Codec, stored, int(bl.Raw), nil)
	if err != nil {
		return nil, a.fail(fmt.Errorf("block at entry %d: %w: %w", bl.First, ErrCorrupt, err))
	}
	d := wire.NewDecoder(raw)
	out := make([][]byte, 0, bl.Count)
	for range bl.Count {
		out = append(out, d.Bytes())
	}
	if err := d.End(); err != nil {
		return nil, a.fail(fmt.Errorf("block at entry %d: %w: %w", bl.First, ErrCorrupt, err))
	}
	return out, nil
}

type idRow struct {
	ID    objects.VersionID
	Entry uint64
}

func parseIDRow(b []byte) idRow {
	return idRow{objects.VersionID(b[:objects.IDSize]), binary.BigEndian.Uint64(b[objects.IDSize:])}
}

func (a *archive) idRows() iter.Seq2[[]byte, error] { return a.ids.Rows() }
