package codec

// Level says how much time an encoder may take.
type Level uint8

const (
	Default  Level = iota // at commit
	Fast                  // live saving: the least time, no bases
	Thorough              // at repack
)

// Input is a piece to be encoded, and what is known of it.
type Input struct {
	Raw   []byte
	Elem  Elem     // of tensor data; zero when it is not known
	Bases [][]byte // pieces that may be like it, the likeliest first; at most MaxBases
	Level Level
}

const (
	// deltaPays: a delta of at most this share of the raw bytes is taken without
	// a look at what the piece would take by itself.
	deltaPays = 0.12
	// chainPays: else it is taken when it has at most this share of that.
	chainPays = 0.85
	// tooShort is the length below which nothing is tried but zstd.
	tooShort = 64
)

// Encode chooses a codec and appends the encoded bytes to dst; they are never
// more than the raw ones. used tells which of the bases Decode must be given, in
// that order. The result aliases no argument but dst.
func Encode(dst []byte, in Input) (out []byte, id ID, used []int) {
	n := len(dst)
	if len(in.Bases) > 0 && in.Level != Fast && len(in.Raw) >= tooShort {
		var ok bool
		if out, id, used, ok = encodeAgainst(dst, in); ok {
			if len(out)-n <= int(deltaPays*float64(len(in.Raw))) {
				return out, id, used
			}
			whole, wid := encodeWhole(nil, in)
			if float64(len(out)-n) <= chainPays*float64(len(whole)) {
				return out, id, used
			}
			return append(out[:n], whole...), wid, nil
		}
	}
	out, id = encodeWhole(dst, in)
	return out, id, nil
}

// encodeAgainst tries the bases: element by element where one is the same
// tensor, else by copies.
func encodeAgainst(dst []byte, in Input) (out []byte, id ID, used []int, ok bool) {
	e := in.Elem
	if e.Size == 0 && looksBinary(in.Raw) {
		e, _ = guessElem(in.Raw)
	}
	if e.Size > 0 {
		best, cost := -1, 0.0
		for i, b := range in.Bases {
			if len(b) != len(in.Raw) {
				continue
			}
			if c := diffCost(in.Raw, b, e); best < 0 || c < cost {
				best, cost = i, c
			}
		}
		if best >= 0 {
			if out, ok = encodeDiff(dst, in.Raw, in.Bases[best], e, in.Level); ok {
				return out, Diff, []int{best}, true
			}
		}
		if in.Elem.Size > 1 && best >= 0 { // retrained beyond recognition
			return dst, 0, nil, false
		}
	}
	out, used, ok = encodeDelta(dst, in.Raw, in.Bases)
	return out, Delta, used, ok
}

// encodeWhole encodes a piece by itself.
func encodeWhole(dst []byte, in Input) ([]byte, ID) {
	raw := in.Raw
	if len(raw) >= tooShort {
		if in.Elem.Size == 0 && !looksBinary(raw) {
			if in.Level == Fast { // a third of the time that numbers or zstd take; repack makes up for the size
				if out, ok := encodePlanes(dst, raw, Elem{Size: 1}, 0, in.Level); ok {
					return out, Planes
				}
			} else if numbersPay(raw) {
				if out, ok := encodeNumbers(dst, raw, in.Level); ok {
					return out, Numbers
				}
			}
		} else {
			e, lead := in.Elem, 0
			if e.Size == 0 {
				e, lead = guessElem(raw)
			}
			if out, ok := encodePlanes(dst, raw, e, lead, in.Level); ok {
				return out, Planes
			}
			return append(dst, raw...), Raw
		}
	}
	l := in.Level
	if l == Default { // there is less of text without numbers than of other models, and it is coded once
		l = Thorough
	}
	return zstdOrRaw(dst, raw, l)
}

// Compress is Encode for records that are no part of a model: small, and read
// one by one.
func Compress(dst, raw []byte) (out []byte, id ID) {
	return zstdOrRaw(dst, raw, Default)
}

func zstdOrRaw(dst, raw []byte, l Level) (out []byte, id ID) {
	n := len(dst)
	out = encodeZstd(dst, raw, l)
	if len(out)-n >= len(raw) {
		return append(out[:n], raw...), Raw
	}
	return out, Zstd
}

// looksBinary tells whether a piece is anything but text: it has control
// characters that no text has, within a few samples.
func looksBinary(raw []byte) bool {
	const samples, length = 4, 256
	step := max(len(raw)/samples, 1)
	for at := 0; at < len(raw); at += step {
		for _, c := range raw[at:min(at+length, len(raw))] {
			if c < ' ' && c != '\n' && c != '\t' && c != '\r' && c != '\f' {
				return true
			}
		}
	}
	return false
}
