package journal

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// A checkpoint: magic, u32 format, codec and raw length, the state in canonical
// encoding, u32 CRC-32C.
const (
	checkpointMagic = "MSTOREJC"
	maxCheckpoint   = 256 << 20
)

// encodeCheckpoint writes a state whose tail is empty.
func (s *State) encodeCheckpoint() []byte {
	raw := s.encodeState()
	enc, c := codec.Compress(nil, raw)
	out := wire.Encoder{B: binary.LittleEndian.AppendUint32([]byte(checkpointMagic), Format)}
	out.Byte(byte(c))
	out.Uint(uint64(len(raw)))
	out.Raw(enc)
	return binary.LittleEndian.AppendUint32(out.B, crc32.Checksum(out.B, castagnoli))
}

// encodeState is the canonical encoding of what a checkpoint holds.
func (s *State) encodeState() []byte {
	var w wire.Encoder
	w.Uint(s.generation)
	w.Raw(s.Store[:])
	w.Uint(s.Number)
	w.Raw(s.Hash[:])
	w.Int(s.Time.UnixNano())
	w.Uint(s.Versions)
	w.Uint(s.Removals)
	w.Uint(uint64(len(s.Names)))
	for _, n := range s.SortedNames(0) {
		w.Byte(byte(n.Kind))
		w.String(n.Name)
		encodeTarget(&w, n.To)
		w.Uint(n.Moved)
		w.Int(n.Time.UnixNano())
		if n.Forked {
			w.Byte(1)
		} else {
			w.Byte(0)
		}
	}
	keys := make([]string, 0, len(s.Config))
	for k := range s.Config {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	w.Uint(uint64(len(keys)))
	for _, k := range keys {
		w.String(k)
		w.String(s.Config[k])
	}
	encodePacks(&w, s.Packs)
	w.Uint(uint64(len(s.Segments)))
	for _, g := range s.Segments {
		w.Raw(g.Name[:])
		w.Uint(uint64(g.Packs))
		w.Uint(uint64(g.Rows))
		w.Uint(uint64(g.Size))
	}
	dead := make([]pack.Name, 0, len(s.Dead))
	for p := range s.Dead {
		dead = append(dead, p)
	}
	slices.SortFunc(dead, func(a, b pack.Name) int { return slices.Compare(a[:], b[:]) })
	w.Uint(uint64(len(dead)))
	for _, p := range dead {
		w.Raw(p[:])
	}
	condemned := slices.SortedFunc(maps.Values(s.Condemned), func(a, b Condemned) int { return bytes.Compare(a.Name[:], b.Name[:]) })
	w.Uint(uint64(len(condemned)))
	for _, c := range condemned {
		w.Raw(c.Name[:])
		w.Uint(uint64(c.Size))
		w.Uint(c.Entry)
		w.Int(c.Time.UnixNano())
		w.String(c.Reason)
	}
	w.Uint(uint64(len(s.Expiries)))
	for _, x := range s.Expiries {
		w.Uint(x.Entry)
		w.Uint(x.First)
		w.Uint(x.Last)
		w.Uint(x.Count)
	}
	holds := s.SortedHolds()
	w.Uint(uint64(len(holds)))
	for _, h := range holds {
		encodeTarget(&w, h.To)
		w.String(h.Path)
		w.String(h.Reason)
		w.Uint(h.Entry)
		w.Int(h.Time.UnixNano())
	}
	w.Uint(uint64(len(s.archive)))
	for _, a := range s.archive {
		w.Raw(a.encode())
	}
	return w.B
}

func decodeCheckpoint(b []byte, generation uint64) (*State, error) {
	s, err := openCheckpoint(b)
	if err == nil && s.generation != generation {
		err = fmt.Errorf("is of generation %d: %w", s.generation, ErrCorrupt)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint %d: %w", generation, err)
	}
	return s, nil
}

func openCheckpoint(b []byte) (*State, error) {
	body, _, err := checkFile(b, checkpointMagic, Format)
	if err != nil {
		return nil, err
	}
	d := wire.NewDecoder(body)
	c, size := codec.ID(d.Byte()), d.Uint()
	if d.Err() != nil || size > codec.MaxPiece {
		return nil, fmt.Errorf("length: %w", ErrCorrupt)
	}
	raw, err := codec.Decode(nil, c, d.Raw(d.Len()), int(size), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return decodeState(raw)
}

// decodeState reads what encodeState wrote and nothing else.
func decodeState(raw []byte) (*State, error) {
	d := wire.NewDecoder(raw)
	s := newState()
	s.generation = d.Uint()
	s.base = s.generation
	d.Fixed(s.Store[:])
	s.Number = d.Uint()
	s.watermark = s.Number
	d.Fixed(s.Hash[:])
	s.Time = time.Unix(0, d.Int()).UTC()
	s.Versions = d.Uint()
	s.Removals = d.Uint()
	ascending := func(first bool, last, next string) {
		if !first && next <= last {
			d.Fail("%q after %q", next, last)
		}
	}
	last := ""
	for i, n := 0, d.Count(40); i < n && d.Err() == nil; i++ {
		x := Name{Kind: NameKind(d.Byte()), Name: d.String(), To: decodeTarget(d), Moved: d.Uint()}
		x.Time = time.Unix(0, d.Int()).UTC()
		forked := d.Byte()
		if forked > 1 {
			d.Fail("flag %d", forked)
		}
		x.Forked = forked == 1
		ascending(i == 0, last, x.Name)
		last = x.Name
		s.Names[x.Name] = x
	}
	for i, n := 0, d.Count(2); i < n && d.Err() == nil; i++ {
		k := d.String()
		ascending(i == 0, last, k)
		last = k
		s.Config[k] = d.String()
	}
	s.Packs = decodePacks(d)
	for n := d.Count(19); n > 0 && d.Err() == nil; n-- {
		var g pack.SegmentInfo
		d.Fixed(g.Name[:])
		g.Packs, g.Rows, g.Size = int(decodeSize(d, math.MaxInt32)), decodeSize(d, maxSize), decodeSize(d, maxSize)
		s.Segments = append(s.Segments, g)
	}
	for i, n := 0, d.Count(16); i < n && d.Err() == nil; i++ {
		var p pack.Name
		d.Fixed(p[:])
		ascending(i == 0, last, string(p[:]))
		last = string(p[:])
		s.Dead[p] = true
	}
	decodeRetention(d, s)
	next := uint64(1)
	for n := d.Count(archiveFooterSize); n > 0 && d.Err() == nil; n-- {
		a, err := decodeArchiveInfo(d.Raw(archiveFooterSize))
		if err != nil {
			return nil, err
		}
		if a.First != next {
			d.Fail("archive begins at entry %d, want %d", a.First, next)
		}
		next = a.Last + 1
		s.archive = append(s.archive, a)
	}
	if next != s.Number+1 {
		d.Fail("archive ends at entry %d, want %d", next-1, s.Number)
	}
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return s, nil
}

// decodeRetention reads what is condemned, expired and held.
func decodeRetention(d *wire.Decoder, s *State) {
	var last pack.Name
	for i, n := 0, d.Count(28); i < n && d.Err() == nil; i++ {
		var c Condemned
		d.Fixed(c.Name[:])
		c.Size, c.Entry = decodeSize(d, maxSize), d.Uint()
		c.Time = time.Unix(0, d.Int()).UTC()
		c.Reason = d.String()
		if i > 0 && bytes.Compare(c.Name[:], last[:]) <= 0 {
			d.Fail("pack %s after %s", c.Name, last)
		}
		last = c.Name
		s.Condemned[c.Name] = c
	}
	for n := d.Count(4); n > 0 && d.Err() == nil; n-- {
		s.Expiries = append(s.Expiries, Expiry{Entry: d.Uint(), First: d.Uint(), Last: d.Uint(), Count: d.Uint()})
	}
	var before Hold
	for i, n := 0, d.Count(40); i < n && d.Err() == nil; i++ {
		h := Hold{To: decodeTarget(d), Path: d.String(), Reason: d.String(), Entry: d.Uint()}
		h.Time = time.Unix(0, d.Int()).UTC()
		if i > 0 && cmp.Or(cmp.Compare(h.To.Entry, before.To.Entry), cmp.Compare(h.Path, before.Path)) <= 0 {
			d.Fail("hold of entry %d after %d", h.To.Entry, before.To.Entry)
		}
		before = h
		s.Holds[HoldKey{h.To.ID, h.Path}] = h
	}
}
