package objects

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// A piece may be stored as a difference to bases, which are other pieces, and
// they to theirs: a chain. A base is named by its content; where a record of it
// was when the difference was made is said too, so that no index need be asked.
// When that record is gone or damaged, any other of the same content does.
//
// The payload of such a record:
//
//	u8 bases | u8 depth | u32 work | for each base 32 bytes piece, 16 bytes pack,
//	u32 offset, u32 stored length | what the codec wrote
//
// Depth is the length of the longest chain below, and work what decoding costs
// with all bases, in KiB copied.
type chain struct {
	bases []baseRef
	depth int
	work  int
}

type baseRef struct {
	piece  PieceID
	pack   pack.Name
	off    uint32
	stored uint32
}

const (
	chainHead = 6
	refSize   = 56

	// maxDepth and maxWork cut a chain where it is written: the depth, and the
	// work for each byte of the piece. Number columns take 12, so that a piece is
	// read in at most some eight times the time that it takes by itself.
	maxDepth = 64
	maxWork  = 100
	// floorWork is the length in bytes up to which a piece of text may cost as
	// much as one of this length: one that was part of a larger piece before, say.
	floorWork = 2 << 20
	// Repack makes longer ones: the newest version stands at their root.
	foldedDepth = 128
	foldedWork  = 200
	// A reader allows for more, but not for chains without an end.
	readDepth = 255
	readWork  = 1000
)

func (c *chain) append(b []byte) []byte {
	b = append(b, byte(len(c.bases)), byte(c.depth))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.work))
	for _, r := range c.bases {
		b = append(b, r.piece[:]...)
		b = append(b, r.pack[:]...)
		b = binary.LittleEndian.AppendUint32(b, r.off)
		b = binary.LittleEndian.AppendUint32(b, r.stored)
	}
	return b
}

// parseChain splits a record's payload.
func parseChain(id codec.ID, payload []byte) (c chain, body []byte, err error) {
	if !id.HasBases() {
		return c, payload, nil
	}
	if len(payload) < chainHead {
		return c, nil, fmt.Errorf("chain: %w: %d bytes", ErrCorrupt, len(payload))
	}
	n := int(payload[0])
	c.depth, c.work = int(payload[1]), int(binary.LittleEndian.Uint32(payload[2:]))
	body = payload[chainHead:]
	if n == 0 || n > codec.MaxBases || len(body) < n*refSize || c.depth == 0 {
		return c, nil, fmt.Errorf("chain: %w: %d bases", ErrCorrupt, n)
	}
	for range n {
		c.bases = append(c.bases, baseRef{piece: PieceID(body[:32]), pack: pack.Name(body[32:48]),
			off: binary.LittleEndian.Uint32(body[48:]), stored: binary.LittleEndian.Uint32(body[52:])})
		body = body[refSize:]
	}
	return c, body, nil
}

// ownWork is what decoding a record costs without its bases.
func ownWork(id codec.ID, raw int) int { return id.Work() * (raw>>10 + 1) }

// totalWork is what decoding a record costs with its bases.
func (c *chain) totalWork(id codec.ID, raw int) int {
	if id.HasBases() {
		return c.work
	}
	return ownWork(id, raw)
}

// fetch reads the record at a place that a chain names.
type fetch func(ctx context.Context, r baseRef) (pack.Record, []byte, error)

func (r *Reader) fetch(ctx context.Context, ref baseRef) (pack.Record, []byte, error) {
	r.chains.follow(ctx, r, ref.pack)
	return pack.ReadAt(ctx, r.b, nil, ref.pack, ref.off, ref.stored)
}

// decoding is one read of a piece with all its bases.
type decoding struct {
	r     *Reader
	fetch fetch // nil: from the Reader's packs
	// careful: every base is checked by its hash as soon as it is decoded. It
	// need not be: what comes out at the end is checked.
	careful bool
	work    int      // KiB that may still be decoded
	by      *reading // whose it is
	spent   [][]byte // payloads, whose buffers are free at the end
}

// record reads the record at a place that a chain names. Its payload is good until free.
func (d *decoding) record(ctx context.Context, ref baseRef) (pack.Record, []byte, error) {
	if d.fetch != nil {
		return d.fetch(ctx, ref)
	}
	d.r.chains.follow(ctx, d.r, ref.pack)
	buf := d.r.buffers.get(pack.RecordSize(ref.stored))
	rec, payload, err := pack.ReadAt(ctx, d.r.b, buf, ref.pack, ref.off, ref.stored)
	d.spent = append(d.spent, buf)
	return rec, payload, err
}

// free gives buffers back when what they hold is decoded.
func (d *decoding) free() {
	for _, b := range d.spent {
		d.r.buffers.put(b)
	}
	d.spent = nil
}

// newDecoding begins a read of raw bytes.
func (r *Reader) newDecoding(by *reading, f fetch, careful bool, raw int) *decoding {
	return &decoding{r: r, fetch: f, careful: careful, work: readWork * (raw>>10 + 1024), by: by}
}

// payload appends what a record holds to dst.
func (d *decoding) payload(ctx context.Context, dst []byte, rec pack.Record, payload []byte, depth int) ([]byte, error) {
	id := codec.ID(rec.Codec)
	if rec.Raw > codec.MaxPiece {
		return nil, fmt.Errorf("%w: %d bytes", ErrCorrupt, rec.Raw)
	}
	if d.work -= ownWork(id, int(rec.Raw)); d.work < 0 || depth > readDepth {
		return nil, fmt.Errorf("%w: a chain without an end", ErrCorrupt)
	}
	c, body, err := parseChain(id, payload)
	if err != nil {
		return nil, err
	}
	if id == codec.Delta && !d.careful {
		if out, ok, err := d.patched(ctx, dst, c, body, int(rec.Raw), depth); ok {
			return out, err
		}
	}
	var bases [][]byte
	for _, ref := range c.bases {
		b, err := d.base(ctx, ref, depth+1)
		if err != nil {
			return nil, err
		}
		defer d.r.cache.unpin(b)
		bases = append(bases, b.raw)
	}
	out, err := codec.Decode(dst, id, body, int(rec.Raw), bases)
	return out, corruptCode(err)
}

// maxRuns bounds a patch that others are put onto: beyond, copying the base once
// costs less.
const maxRuns = 1 << 15

// link is a base that a patch needs: read, but not decoded.
type link struct {
	ref      baseRef
	depth    int
	size     int // raw bytes
	rec      pack.Record
	payload  []byte // nil: the reader keeps the piece
	replaced bool   // another patch took its place
}

// patched decodes a delta. As long as its bases are deltas too, patches are put
// together and nothing is copied. It is not ok when a record is not where the
// chain says: then the bases are to be decoded one by one.
func (d *decoding) patched(ctx context.Context, dst []byte, c chain, body []byte, size, depth int) (out []byte, ok bool, err error) {
	p, links, ok, err := d.patch(ctx, c, body, size, depth)
	if err != nil || !ok {
		return nil, ok, err
	}
	for i := 0; i < len(links) && p.Runs() < maxRuns; i++ {
		l := &links[i]
		if codec.ID(l.rec.Codec) != codec.Delta || l.payload == nil || l.depth >= readDepth {
			continue
		}
		ic, ibody, err := parseChain(codec.Delta, l.payload)
		if err != nil {
			continue // base tells what is wrong, or finds another copy
		}
		inner, more, ok, err := d.patch(ctx, ic, ibody, l.size, l.depth)
		if err != nil || !ok {
			continue
		}
		both, err := p.On(i, len(links), inner)
		if err != nil {
			return nil, true, corruptCode(err)
		}
		l.replaced = true
		p, links = both, append(links, more...)
	}
	bases := make([][]byte, len(links))
	decoded := map[PieceID]*held{}
	defer func() {
		for _, b := range decoded {
			d.r.cache.unpin(b)
		}
	}()
	for i, l := range links {
		if l.replaced {
			continue
		}
		b := decoded[l.ref.piece]
		if b == nil {
			if b, err = d.linked(ctx, l); err != nil {
				// A base further up may be elsewhere too, whole: that is looked for one by one.
				return nil, ctx.Err() != nil, ctx.Err()
			}
			decoded[l.ref.piece] = b
		}
		if len(b.raw) != l.size {
			return nil, true, fmt.Errorf("base %s of %d bytes, not %d: %w", l.ref.piece, len(b.raw), l.size, ErrCorrupt)
		}
		bases[i] = b.raw
	}
	out, err = p.Apply(dst, bases)
	return out, true, corruptCode(err)
}

// linked decodes a base whose record was read already.
func (d *decoding) linked(ctx context.Context, l link) (*held, error) {
	if l.payload != nil {
		raw, err := d.payload(ctx, d.r.buffers.get(l.size), l.rec, l.payload, l.depth)
		if err == nil {
			b := &held{id: l.ref.piece, raw: raw, pins: 1}
			d.r.keepRoot(codec.ID(l.rec.Codec), b)
			return b, nil
		}
	}
	return d.base(ctx, l.ref, l.depth)
}

// patch parses a delta and reads the records of its bases.
func (d *decoding) patch(ctx context.Context, c chain, body []byte, size, depth int) (p *codec.Patch, links []link, ok bool, err error) {
	if p, err = codec.ParsePatch(body, size); err != nil {
		return nil, nil, true, corruptCode(err)
	}
	var sizes []int
	for _, ref := range c.bases {
		l := link{ref: ref, depth: depth + 1}
		if n, kept := d.r.kept(ref.piece); kept {
			l.size = n
		} else {
			l.rec, l.payload, err = d.record(ctx, ref)
			if err != nil || l.rec.Kind != pack.KindPiece || PieceID(l.rec.ID) != ref.piece || l.rec.Raw > codec.MaxPiece {
				return nil, nil, false, nil
			}
			if d.work -= ownWork(codec.Raw, len(l.payload)); d.work < 0 {
				return nil, nil, false, nil
			}
			l.size = int(l.rec.Raw)
		}
		links, sizes = append(links, l), append(sizes, l.size)
	}
	return p, links, true, corruptCode(p.Over(sizes))
}

func corruptCode(err error) error {
	if errors.Is(err, codec.ErrCorrupt) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// wantedWork, in KiB, is what decoding a wanted base counts beside its own work: patches
// are not put together over it, so that a chain without an end would branch at each.
const wantedWork = 1024

// base decodes a base: where the chain says, else wherever it is. The caller unpins it.
func (d *decoding) base(ctx context.Context, ref baseRef, depth int) (*held, error) {
	_, wanted := d.r.cache.wanted[ref.piece]
	if !d.careful {
		if b := d.r.cache.get(ref.piece); b != nil {
			return b, nil
		}
		if wanted {
			b, end := d.r.cache.begin(ctx, ref.piece, d.by)
			if b != nil {
				return b, nil
			}
			defer end()
		}
	}
	try := func(rec pack.Record, payload []byte, err error) (*held, error) {
		if err != nil {
			return nil, err
		}
		if rec.Kind != pack.KindPiece || PieceID(rec.ID) != ref.piece {
			return nil, fmt.Errorf("%w: another record than the chain names", ErrCorrupt)
		}
		if wanted {
			d.work -= wantedWork
		}
		raw, err := d.payload(ctx, d.r.buffers.get(int(min(rec.Raw, codec.MaxPiece))), rec, payload, depth)
		if err != nil {
			return nil, err
		}
		if (d.careful || wanted) && HashPiece(raw) != ref.piece {
			return nil, fmt.Errorf("%w: hash differs", ErrCorrupt)
		}
		b := &held{id: ref.piece, raw: raw, pins: 1}
		if wanted {
			d.r.cache.adopt(b)
		} else {
			d.r.keepRoot(codec.ID(rec.Codec), b)
		}
		return b, nil
	}
	b, first := try(d.record(ctx, ref))
	if first == nil || ctx.Err() != nil {
		return b, first
	}
	var err error
	found := d.r.Set().FindAll(ctx, pack.KindPiece, pack.Key(ref.piece), func(l pack.Loc) bool {
		if l.Pack == ref.pack && l.Off == ref.off {
			return true
		}
		var rec pack.Record
		var payload []byte
		rec, payload, err = pack.Read(ctx, d.r.b, l)
		b, err = try(rec, payload, err)
		return err != nil && ctx.Err() == nil && d.work > 0
	})
	if b != nil && err == nil {
		return b, nil
	}
	if err == nil && errors.Is(found, pack.ErrNotFound) {
		if errors.Is(first, backend.ErrNotFound) { // the caller looks in the packs of now
			first = fmt.Errorf("%w: %w", ErrMissing, first)
		}
	}
	return nil, fmt.Errorf("base %s in pack %s: %w", ref.piece, ref.pack, corrupt(first))
}

// corrupt makes damage of a pack this package's ErrCorrupt.
func corrupt(err error) error {
	if errors.Is(err, pack.ErrCorrupt) && !errors.Is(err, ErrCorrupt) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}
