package codec

import "fmt"

// A valueType says how the numbers of a part of a column are stored.
type valueType uint8

const (
	typeInt      valueType = iota
	typeNarrow             // floats that come from a float32: its bits
	typeFloat              // the bits of a float64
	typeDecimal            // floats as integers, to be divided by a power of ten
	typeFixed              // the same, but printed with all digits after the point
	typeC                  // bits of a float64 printed with 17 digits
	typeScience            // bits of a float64 printed with 19 digits and an exponent
	typePadded             // integers printed with zeros before them
	typeVerbatim           // the lengths of texts
	typeCount
)

// maxScale is how many digits a scale may stand for.
const maxScale = 16

// A part is the numbers of one type and scale in a column.
type part struct {
	typ    valueType
	scale  uint8 // digits after the point, of typeDecimal and typeFixed; all digits, of typePadded
	values []uint64
	next   int // the value that is printed next
}

func (p *part) scaled() bool {
	return p.typ == typeDecimal || p.typ == typeFixed || p.typ == typePadded
}

// How the values of a part are turned into words.
const (
	wordsPlain  = iota // as they are
	wordsFolded        // the sign in the lowest bit
	wordsDelta         // differences to the value before
	wordsOther         // differences to another part
	wordsTable         // numbers of different values
)

// A source is where wordsOther finds values like those of a part: the part
// before it that comes back steps earlier in the piece, from its value first on.
type source struct {
	back  int // 1: the part before
	shift int // -2 to 2
}

const maxShift = 2

func (s source) at(parts []part, i int) uint64 {
	v := parts[len(parts)-s.back].values
	if i += s.shift; uint(i) < uint(len(v)) {
		return v[i]
	}
	return 0
}

func (p *part) isFloat() bool { return p.typ == typeFloat || p.typ == typeC || p.typ == typeScience }

// fold brings signs to the lowest bit: those of floats by turning them, so that
// the exponent is in one byte.
func (p *part) fold(v []uint64) {
	switch p.typ {
	case typeNarrow:
		for i, w := range v {
			v[i] = uint64(uint32(w)<<1 | uint32(w)>>31)
		}
	case typeFloat, typeC, typeScience:
		for i, w := range v {
			v[i] = w<<1 | w>>63
		}
	default:
		for i, w := range v {
			v[i] = zigzag(w)
		}
	}
}

// unfold undoes fold.
func (p *part) unfold(v []uint64) {
	switch p.typ {
	case typeNarrow:
		for i, w := range v {
			v[i] = uint64(uint32(w)>>1 | uint32(w)<<31)
		}
	case typeFloat, typeC, typeScience:
		for i, w := range v {
			v[i] = w>>1 | w<<63
		}
	default:
		for i, w := range v {
			v[i] = unzigzag(w)
		}
	}
}

// appendPart appends the values of p; parts are those before it.
func appendPart(dst []byte, p *part, parts []part, words []uint64, l Level) []byte {
	mode, src := chooseWords(p, parts)
	dst = append(dst, byte(mode))
	words = words[:len(p.values)]
	switch mode {
	case wordsTable:
		return appendTable(dst, p.values, words, p.fold, l)
	case wordsPlain:
		copy(words, p.values)
	case wordsFolded:
		copy(words, p.values)
		p.fold(words)
	case wordsDelta:
		var last uint64
		for i, v := range p.values {
			words[i] = zigzag(v - last)
			last = v
		}
	case wordsOther:
		dst = append(dst, byte(src.back), byte(src.shift+maxShift))
		for i, v := range p.values {
			words[i] = zigzag(v - src.at(parts, i))
		}
	}
	sm := repeats
	if l == Fast || p.typ == typeNarrow || p.isFloat() {
		sm = order0
	}
	return appendWords(dst, words, sm, l)
}

// readPart undoes appendPart; p.values has its length.
func readPart(p *part, parts []part, src []byte) ([]byte, error) {
	if len(src) == 0 {
		return nil, errTruncated
	}
	mode := src[0]
	src = src[1:]
	var from source
	if mode == wordsOther {
		if len(src) < 2 {
			return nil, errTruncated
		}
		from = source{int(src[0]), int(src[1]) - maxShift}
		if from.back == 0 || from.back > len(parts) || from.shift > maxShift {
			return nil, fmt.Errorf("%w: values from part %d, shifted by %d", ErrCorrupt, from.back, from.shift)
		}
		src = src[2:]
	}
	v := p.values
	if mode == wordsTable {
		return readTable(v, p.unfold, src)
	}
	src, err := readWords(v, src)
	if err != nil {
		return nil, err
	}
	switch mode {
	case wordsPlain:
	case wordsFolded:
		p.unfold(v)
	case wordsDelta:
		var last uint64
		for i, w := range v {
			last += unzigzag(w)
			v[i] = last
		}
	case wordsOther:
		for i, w := range v {
			v[i] = unzigzag(w) + from.at(parts, i)
		}
	default:
		return nil, fmt.Errorf("%w: words of mode %d", ErrCorrupt, mode)
	}
	return src, nil
}
