package codec

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
)

// Patch is a delta that was read but not applied: runs of bytes of the base and
// of literals. Patches of a chain can be put together before anything is copied,
// so that a piece at the end of a long chain costs little more than its root.
type Patch struct {
	runs     []run
	size     int // of what it makes
	need     int // bytes that the base must have
	literals [][]byte
}

// run is n bytes from at, of the base or of one of the literals.
type run struct {
	from  int32 // -1: the base; else literals[from]
	at, n int32
	start int32 // in what the patch makes
}

const fromBase = -1

// Runs is how many runs a patch has: what applying it costs besides copying.
func (p *Patch) Runs() int { return len(p.runs) }

// add appends a run, joined to the last where it goes on there.
func (p *Patch) add(from, at, n int32) {
	if n == 0 {
		return
	}
	start := int32(0)
	if k := len(p.runs); k > 0 {
		last := &p.runs[k-1]
		if last.from == from && last.at+last.n == at {
			last.n += n
			return
		}
		start = last.start + last.n
	}
	p.runs = append(p.runs, run{from, at, n, start})
}

// ParsePatch reads what a Delta of size raw bytes stores. Errors wrap ErrCorrupt.
func ParsePatch(stored []byte, size int) (*Patch, error) {
	if size < 0 || size > MaxPiece {
		return nil, fmt.Errorf("%w: raw size %d", ErrCorrupt, size)
	}
	count, src, err := readLength(stored, size+1)
	if err != nil {
		return nil, err
	}
	var s [4][]byte // literal lengths, copy lengths, places, short literals
	for i := range s {
		most := count * binary.MaxVarintLen32
		if i == 3 {
			most = size
		}
		if s[i], src, err = readStream(nil, src, most); err != nil {
			return nil, err
		}
	}
	long, err := readLongLiterals(src, size)
	if err != nil {
		return nil, err
	}
	bad := func() (*Patch, error) { return nil, fmt.Errorf("%w: operation", ErrCorrupt) }
	lits, lens, places := s[0], s[1], s[2]
	p := &Patch{size: size, literals: [][]byte{s[3], long}, runs: make([]run, 0, min(2*count, len(lits)+len(lens)))}
	var used [2]int // of the short literals, and of the long ones
	expect, left := 0, size
	for range count {
		literal, n1 := binary.Uvarint(lits)
		copied, n2 := binary.Uvarint(lens)
		place, n3 := binary.Varint(places)
		if n1 <= 0 || n2 <= 0 || n3 <= 0 || literal > uint64(left) || copied > uint64(left)-literal {
			return bad()
		}
		lits, lens, places = lits[n1:], lens[n2:], places[n3:]
		kind := 0
		if literal >= longLiteral {
			kind = 1
		}
		if literal > uint64(len(p.literals[kind])-used[kind]) {
			return bad()
		}
		p.add(int32(kind), int32(used[kind]), int32(literal))
		used[kind] += int(literal)
		at := int64(expect) + int64(literal) + place
		if at < 0 || at+int64(copied) > MaxBases*MaxPiece || at+int64(copied) > 1<<31-1 {
			return bad()
		}
		p.add(fromBase, int32(at), int32(copied))
		expect = int(at) + int(copied)
		p.need = max(p.need, expect)
		left -= int(literal + copied)
	}
	if left > 0 || len(lits)+len(lens)+len(places) > 0 || used[0] < len(s[3]) || used[1] < len(long) {
		return bad()
	}
	return p, nil
}

func readLongLiterals(src []byte, size int) ([]byte, error) {
	if len(src) == 0 {
		return nil, errTruncated
	}
	id := ID(src[0])
	n, src, err := readLength(src[1:], size)
	if err != nil {
		return nil, err
	}
	coded, src, err := readLength(src, len(src))
	if err != nil {
		return nil, err
	}
	if coded != len(src) || id.HasBases() {
		return nil, fmt.Errorf("%w: literals", ErrCorrupt)
	}
	return Decode(nil, id, src, n, nil)
}

// Apply appends what the patch makes of base to dst. Errors wrap ErrCorrupt.
func (p *Patch) Apply(dst, base []byte) ([]byte, error) {
	if p.need > len(base) {
		return nil, fmt.Errorf("%w: a base of %d bytes, %d are needed", ErrCorrupt, len(base), p.need)
	}
	dst = slices.Grow(dst, p.size)
	for _, r := range p.runs {
		from := base
		if r.from != fromBase {
			from = p.literals[r.from]
		}
		dst = append(dst, from[r.at:r.at+r.n]...)
	}
	return dst, nil
}

// On puts two patches together: what p makes of what inner makes. inner stays as
// it is. Errors wrap ErrCorrupt.
func (p *Patch) On(inner *Patch) (*Patch, error) {
	if p.need > inner.size {
		return nil, fmt.Errorf("%w: a base of %d bytes, %d are needed", ErrCorrupt, inner.size, p.need)
	}
	out := &Patch{size: p.size, need: inner.need, runs: make([]run, 0, len(p.runs)+len(inner.runs)),
		literals: slices.Concat(p.literals, inner.literals)}
	shift := int32(len(p.literals))
	k := 0 // the run of inner that the last copy ended in
	for _, r := range p.runs {
		if r.from != fromBase {
			out.add(r.from, r.at, r.n)
			continue
		}
		if in := inner.runs; k >= len(in) || in[k].start > r.at || in[k].start+in[k].n <= r.at {
			if k++; k >= len(in) || in[k].start > r.at || in[k].start+in[k].n <= r.at {
				k = sort.Search(len(in), func(i int) bool { return in[i].start+in[i].n > r.at })
			}
		}
		for at, left := r.at, r.n; left > 0; k++ {
			in := inner.runs[k]
			skip := at - in.start
			n := min(left, in.n-skip)
			from := in.from
			if from != fromBase {
				from += shift
			}
			out.add(from, in.at+skip, n)
			at, left = at+n, left-n
			if left == 0 {
				break
			}
		}
	}
	return out, nil
}
