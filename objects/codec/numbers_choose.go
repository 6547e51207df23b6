package codec

import "math/bits"

// sampleSize is how many values of a part are looked at to choose its mode.
const sampleSize = 64

// chooseWords estimates, from a sample, which mode takes the fewest bits.
func chooseWords(p *part, parts []part) (int, source) {
	v := p.values
	if p.typ == typeVerbatim || len(v) < 4 {
		return p.plainMode(), source{}
	}
	plain, mode := 0, p.plainMode()
	delta, n := 0, 0
	step := max(1, len(v)/sampleSize)
	for i := 1; i < len(v); i += step {
		delta += bits.Len64(zigzag(v[i] - v[i-1]))
		plain += bits.Len64(zigzag(v[i]))
		n++
	}
	switch {
	case p.typ == typeNarrow:
		plain = 26 * n
	case p.isFloat():
		plain = 55 * n
	case mode == wordsPlain:
		plain -= n
	}
	// Differences are spread over more values than a sum of lengths shows.
	if delta+n < plain {
		mode, plain = wordsDelta, delta+n
	}
	if src, ok := findSource(p, parts); ok {
		other := 0
		for i := 1; i < len(v); i += step {
			other += bits.Len64(zigzag(v[i] - src.at(parts, i)))
		}
		if other < plain {
			return wordsOther, src
		}
	}
	// Only what is costly is worth the look.
	if plain > 12*n {
		if again := repeated(v); again > 32 && tableBits(len(v), again, plain/n)*10 < plain/n*9 {
			mode = wordsTable
		}
	}
	return mode, source{}
}

func (p *part) plainMode() int {
	if p.typ == typeNarrow || p.isFloat() {
		return wordsFolded
	}
	var all uint64
	for _, v := range p.values {
		all |= v
	}
	if all>>63 != 0 {
		return wordsFolded
	}
	return wordsPlain
}

// findSource looks for an earlier part with the same values, or values with the
// same distance.
func findSource(p *part, parts []part) (source, bool) {
	n := len(p.values)
	m := n / 2
	if n < 16 {
		return source{}, false
	}
	a, b, c := p.values[m-1], p.values[m], p.values[m+1]
	if a == b && b == c {
		return source{}, false
	}
	for back := 1; back <= min(len(parts), 255); back++ {
		o := &parts[len(parts)-back]
		if o.typ != p.typ || o.scale != p.scale || len(o.values) < n-maxShift || len(o.values) > n+maxShift {
			continue
		}
		for shift := -maxShift; shift <= maxShift; shift++ {
			k := m + shift
			if k < 1 || k+1 >= len(o.values) {
				continue
			}
			if d := b - o.values[k]; c-o.values[k+1] == d && a-o.values[k-1] == d {
				return source{back, shift}, true
			}
		}
	}
	return source{}, false
}
