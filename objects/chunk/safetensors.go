package chunk

import "encoding/binary"

const (
	maxHeader = 64 << 20 // bounds the headers that are understood, in bytes
	tooMuch   = 1 << 60  // more than any place in a file
)

// safetensorsLayout reads the header: its length in 8 bytes, then a JSON object
// that gives each tensor its type, shape, and place after the header. A header
// that is not so is not understood: nil.
func safetensorsLayout(w *window) layout {
	n := binary.LittleEndian.Uint64(w.lookahead(8)) // detect has seen them
	head := w.lookahead(8 + int(min(n, maxHeader)))
	if n > maxHeader || uint64(len(head)) != 8+n {
		return nil
	}
	all, ok := parseSafetensors(head[8:], int64(len(head)))
	if !ok {
		return nil
	}
	return newList(all, int64(len(head)))
}

// parseSafetensors is lenient about what it does not need. data is where offset
// 0 stands.
func parseSafetensors(header []byte, data int64) (all []tensor, ok bool) {
	s := scanner{b: header}
	s.members(func(name []byte) {
		if string(name) == "__metadata__" {
			s.skip()
			return
		}
		if t, ok := s.tensor(hashOf(name), data); ok && len(all) < maxTensors {
			all = append(all, t)
		}
	})
	return all, !s.bad
}

// tensor reads one entry of the header.
func (s *scanner) tensor(name uint64, data int64) (t tensor, ok bool) {
	var dtype []byte
	var dims shape
	var at [2]uint64
	places := 0
	s.members(func(key []byte) {
		switch string(key) {
		case "dtype":
			dtype = s.str()
		case "shape":
			s.numbers(func(n uint64) { dims.add(n) })
		case "data_offsets":
			s.numbers(func(n uint64) {
				if places < 2 {
					at[places] = n
				}
				places++
			})
		default:
			s.skip()
		}
	})
	if places != 2 || at[0] > at[1] || at[1] >= tooMuch {
		return tensor{}, false
	}
	return tensor{off: data + int64(at[0]), end: data + int64(at[1]), elem: elems[string(dtype)],
		label: tensorLabel(name, string(dtype), dims)}, true
}
