package codec

// Text with numbers is cut into gaps and numbers in turn, the last gap being what
// stands after the last number. It is stored as
//
//	u8 layout, the way in which floats are printed
//	uvarint numbers, gaps, misses, columns, length of the last gap
//	words: the length of each gap
//	stream: the texts of the gaps, each once, in the order of first use, and the last one
//	words: the column's number + 1 of the numbers before any other column, 0
//	    when there are none; then of each gap, 0 when its number belongs to
//	    the column of the number before
//	stream: how often the gap was the expected one before each miss, and at the
//	    end; 255 is continued in the next byte
//	words: of each miss the gap's number, or 0 for the next new one
//	stream: the texts of verbatim numbers
//	the columns
//
// The gap that is expected is the one that followed the same gap before; it is
// replaced when something else has followed twice in a row.

// minNumbers is the raw length below which this codec cannot pay.
const minNumbers = 256

// encodeNumbers appends the encoded text to dst. ok is false, and dst as it was,
// when raw is not text with enough numbers for this codec to pay.
func encodeNumbers(dst, raw []byte, l Level) (out []byte, ok bool) {
	if len(raw) < minNumbers || len(raw) > MaxPiece {
		return dst, false
	}
	s := scanners.Get().(*scanner)
	defer scanners.Put(s)
	defer func() { s.raw = nil }()
	if !s.scan(raw) || len(s.verbatim) > len(raw)/2 {
		return dst, false
	}
	start := len(dst)
	e := encoders.Get().(*numbersEncoder)
	defer encoders.Put(e)
	columns := e.arrange(s)
	if !plausible(len(raw), len(s.values), len(s.gaps)-1, len(s.misses), columns) {
		return dst, false
	}
	dst = e.append(dst, s, columns, l)
	if len(dst)-start >= len(raw) || len(e.b.parts) > maxParts(len(raw)) {
		return dst[:start], false
	}
	return dst, true
}

// plausible bounds the counts of a text of size bytes, and with them the memory
// of the decoder to some ten times size in the worst case, twice size in the
// usual one. Beyond these bounds this codec does not pay.
func plausible(size, numbers, gaps, misses, columns int) bool {
	return numbers <= size/2+1 && gaps <= size/16+256 && misses <= size/8+256 && columns <= maxParts(size)
}

// maxParts bounds the parts of all columns together.
func maxParts(size int) int { return size/64 + 256 }

// numbersPay tells, from samples, whether raw looks like text with enough
// numbers.
func numbersPay(raw []byte) bool {
	const sample = 4 << 10
	if len(raw) < minNumbers {
		return false
	}
	digits, odd, seen := 0, 0, 0
	for k := range 4 {
		at := (len(raw) - min(len(raw), sample)) / 3 * k
		b := raw[at:min(len(raw), at+sample)]
		word := true // a sample may begin inside of a word
		for _, c := range b {
			switch classes[c] {
			case classDigit:
				if !word {
					digits++
				}
			case classLetter:
				word = true
				if c >= 0x80 {
					odd++
				}
			default:
				word = false
				if c < ' ' && c != '\n' && c != '\t' && c != '\r' {
					odd++
				}
			}
		}
		seen += len(b)
	}
	return digits >= seen/8 && odd <= seen/16
}
