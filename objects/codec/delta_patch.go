package codec

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
)

// Patch is a delta that was read but not applied: runs of bytes of the bases and
// of literals. Patches of a chain can be put together before anything is copied,
// so that a piece at the end of a long chain costs little more than its root.
type Patch struct {
	runs     []run
	size     int // of what it makes
	need     int // bytes that the bases must have together
	literals [][]byte
}

// run is n bytes from at, of a base or of one of the literals.
type run struct {
	from  int32 // ≥ 0: literals[from]; else base -1-from
	at, n int32
	start int32 // in what the patch makes
}

const firstBase = -1

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

// ParsePatch reads what a Delta of size raw bytes stores. Over must be called
// before anything else is done with it. Errors wrap ErrCorrupt.
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
		p.add(firstBase, int32(at), int32(copied))
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

// Over tells how many bytes the bases have, in their order: a delta counts them as
// one run of bytes. Errors wrap ErrCorrupt.
func (p *Patch) Over(sizes []int) error {
	ends := make([]int, len(sizes))
	total := 0
	for i, n := range sizes {
		total += n
		ends[i] = total
	}
	if p.need > total {
		return fmt.Errorf("%w: bases of %d bytes, %d are needed", ErrCorrupt, total, p.need)
	}
	if len(sizes) == 1 {
		return nil
	}
	joined := p.runs
	p.runs = make([]run, 0, len(joined)+len(sizes))
	for _, r := range joined {
		if r.from != firstBase {
			p.add(r.from, r.at, r.n)
			continue
		}
		for i := sort.SearchInts(ends, int(r.at)+1); r.n > 0; i++ {
			n := min(r.n, int32(ends[i])-r.at)
			p.add(firstBase-int32(i), r.at-int32(ends[i]-sizes[i]), n)
			r.at, r.n = r.at+n, r.n-n
		}
	}
	return nil
}

// Apply appends what the patch makes of the bases to dst; those that On has
// replaced may be nil. Errors wrap ErrCorrupt.
func (p *Patch) Apply(dst []byte, bases [][]byte) ([]byte, error) {
	dst = slices.Grow(dst, p.size)
	for _, r := range p.runs {
		var from []byte
		if r.from >= 0 {
			from = p.literals[r.from]
		} else if k := int(firstBase - r.from); k < len(bases) {
			from = bases[k]
		}
		if int(r.at)+int(r.n) > len(from) {
			return nil, fmt.Errorf("%w: a base of %d bytes, %d are needed", ErrCorrupt, len(from), r.at+r.n)
		}
		dst = append(dst, from[r.at:r.at+r.n]...)
	}
	return dst, nil
}

// On puts two patches together: inner, which makes base k of p, takes its place,
// and inner's bases follow those of p, which are so many. inner stays as it is.
// Errors wrap ErrCorrupt.
func (p *Patch) On(k, bases int, inner *Patch) (*Patch, error) {
	out := &Patch{size: p.size, runs: make([]run, 0, len(p.runs)+len(inner.runs)), literals: slices.Concat(p.literals, inner.literals)}
	shift := int32(len(p.literals))
	in := inner.runs
	i := 0 // the run of inner that the last copy ended in
	covers := func(i int, at int32) bool { return i < len(in) && in[i].start <= at && at < in[i].start+in[i].n }
	for _, r := range p.runs {
		if r.from != firstBase-int32(k) {
			out.add(r.from, r.at, r.n)
			continue
		}
		if int(r.at)+int(r.n) > inner.size {
			return nil, fmt.Errorf("%w: a base of %d bytes, %d are needed", ErrCorrupt, inner.size, r.at+r.n)
		}
		if !covers(i, r.at) {
			if i++; !covers(i, r.at) {
				i = sort.Search(len(in), func(i int) bool { return in[i].start+in[i].n > r.at })
			}
		}
		for at, left := r.at, r.n; ; i++ {
			skip := at - in[i].start
			n := min(left, in[i].n-skip)
			from := in[i].from
			if from >= 0 {
				from += shift
			} else {
				from -= int32(bases)
			}
			out.add(from, in[i].at+skip, n)
			if at, left = at+n, left-n; left == 0 {
				break
			}
		}
	}
	return out, nil
}
