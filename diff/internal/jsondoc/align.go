package jsondoc

// Run is a run of elements of two sequences that were found equal, A and B being where it
// begins in each.
type Run struct{ A, B, N int }

// maxEdits bounds the insertions and deletions for which Align looks.
const maxEdits = 1000

// Aligner aligns sequences within a bound of work in all, so that no document can make
// it slow.
type Aligner struct{ work int }

const maxWork = 32 << 20

// Align finds a longest common subsequence (Myers, An O(ND) Difference Algorithm and Its
// Variations, 1986) as runs in order. Where there are more than a thousand insertions and
// deletions, or the work is used up, it finds only what both begin and end with.
func (al *Aligner) Align(a, b []uint64) []Run {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var runs []Run
	if head > 0 {
		runs = append(runs, Run{0, 0, head})
	}
	for _, r := range al.middle(a[head:len(a)-tail], b[head:len(b)-tail]) {
		runs = append(runs, Run{r.A + head, r.B + head, r.N})
	}
	if tail > 0 {
		runs = append(runs, Run{len(a) - tail, len(b) - tail, tail})
	}
	return runs
}

// Pairs says which elements of two arrays belong together: equal ones as Align finds them,
// and between those by position where there are as many on both sides, otherwise those of
// one kind, then by position as far as that goes.
func (al *Aligner) Pairs(a, b Elements) []Run {
	var pairs []Run
	i, j := 0, 0
	for _, r := range append(al.Align(a.Hashes(), b.Hashes()), Run{len(a), len(b), 0}) {
		pairs = append(pairs, al.gap(a[i:r.A], b[j:r.B], i, j)...)
		if r.N > 0 {
			pairs = append(pairs, r)
		}
		i, j = r.A+r.N, r.B+r.N
	}
	return pairs
}

// gap pairs elements of which none are equal, the first of which have the indices i and j.
func (al *Aligner) gap(a, b Elements, i, j int) (pairs []Run) {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	if len(a) == len(b) {
		return []Run{{i, j, len(a)}}
	}
	x, y := 0, 0
	for _, r := range append(al.Align(a.kinds(), b.kinds()), Run{len(a), len(b), 0}) {
		if n := min(r.A-x, r.B-y); n > 0 {
			pairs = append(pairs, Run{i + x, j + y, n})
		}
		if r.N > 0 {
			pairs = append(pairs, Run{i + r.A, j + r.B, r.N})
		}
		x, y = r.A+r.N, r.B+r.N
	}
	return pairs
}

// middle goes forward from the beginning, and keeps for each number of edits how far it
// came on each diagonal, to find the way back.
func (al *Aligner) middle(a, b []uint64) []Run {
	if len(a) == 0 || len(b) == 0 || !anyCommon(a, b) {
		return nil
	}
	limit := min(len(a)+len(b), maxEdits)
	at := make([]int32, 2*limit+3) // by diagonal: how far in a
	zero := limit + 1
	var trace [][]int32
	for d := 0; d <= limit; d++ {
		for k := -d; k <= d; k += 2 {
			var x int32
			if k == -d || k != d && at[zero+k-1] < at[zero+k+1] {
				x = at[zero+k+1]
			} else {
				x = at[zero+k-1] + 1
			}
			from := x
			for int(x) < len(a) && int(x)-k < len(b) && a[x] == b[int(x)-k] {
				x++
			}
			at[zero+k] = x
			al.work += 1 + int(x-from)
			if int(x) >= len(a) && int(x)-k >= len(b) {
				return back(trace, len(a), len(b))
			}
		}
		if al.work > maxWork {
			return nil
		}
		trace = append(trace, append([]int32(nil), at[zero-d:zero+d+1]...))
	}
	return nil
}

// anyCommon tells whether the sequences have an element in common at all.
func anyCommon(a, b []uint64) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	set := make(map[uint64]struct{}, len(a))
	for _, h := range a {
		set[h] = struct{}{}
	}
	for _, h := range b {
		if _, ok := set[h]; ok {
			return true
		}
	}
	return false
}

// back walks from the end to the beginning.
func back(trace [][]int32, x, y int) []Run {
	var runs []Run
	for d := len(trace); d >= 0; d-- {
		k := x - y
		px, py := 0, 0
		if d > 0 {
			v := trace[d-1] // of diagonals -(d-1) to d-1
			get := func(k int) int32 {
				if i := k + d - 1; i >= 0 && i < len(v) {
					return v[i]
				}
				return -1
			}
			pk := k - 1
			if k == -d || k != d && get(k-1) < get(k+1) {
				pk = k + 1
			}
			px = int(get(pk))
			py = px - pk
			// behind the edit
			ex, ey := px, py
			if pk < k {
				ex++
			} else {
				ey++
			}
			if n := x - ex; n > 0 {
				runs = append(runs, Run{ex, ey, n})
			}
		} else if x > 0 {
			runs = append(runs, Run{0, 0, x})
		}
		x, y = px, py
	}
	for i, j := 0, len(runs)-1; i < j; i, j = i+1, j-1 {
		runs[i], runs[j] = runs[j], runs[i]
	}
	return runs
}
