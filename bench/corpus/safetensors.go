package corpus

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
)

// tensor describes one tensor and the distribution that its numbers are drawn
// from, if they are.
type tensor struct {
	name            string
	shape           []int
	mean, deviation float64
	layer           int // -1: none
}

func (t *tensor) len() int {
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// dtype is how safetensors calls a type of number.
type dtype string

const (
	bf16     dtype = "BF16"
	float32s dtype = "F32"
)

func (d dtype) width() int {
	if d == bf16 {
		return 2
	}
	return 4
}

// appendNums appends the numbers in this type.
func (d dtype) appendNums(b []byte, xs []float32) []byte {
	for _, x := range xs {
		if d == bf16 {
			b = binary.LittleEndian.AppendUint16(b, toBF16(x))
		} else {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	}
	return b
}

// header is the safetensors header of tensors that follow one another: a
// length in 8 bytes, then JSON, padded so that the tensors begin on 8 bytes.
// The metadata are names and values in turn.
func header(d dtype, ts []tensor, metadata ...string) []byte {
	b := append(make([]byte, 8), `{"__metadata__":{`...)
	for i := 0; i < len(metadata); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%q:%q", metadata[i], metadata[i+1])
	}
	b = append(b, '}')
	off := int64(0)
	for _, t := range ts {
		end := off + int64(t.len())*int64(d.width())
		b = fmt.Appendf(b, `,%q:{"dtype":%q,"shape":[%d`, t.name, string(d), t.shape[0])
		for _, n := range t.shape[1:] {
			b = fmt.Appendf(b, ",%d", n)
		}
		b = fmt.Appendf(b, `],"data_offsets":[%d,%d]}`, off, end)
		off = end
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b
}

// writeTensors streams a file, some thousand numbers at a time; next fills in
// the numbers that follow in tensor i.
func writeTensors(path string, d dtype, ts []tensor, next func(i int, x []float32)) error {
	return create(path, func(w *bufio.Writer) {
		w.Write(header(d, ts, "format", "pt"))
		x, out := make([]float32, 4096), make([]byte, 0, 4*4096)
		for i := range ts {
			for left := ts[i].len(); left > 0; {
				n := min(left, len(x))
				left -= n
				next(i, x[:n])
				out = d.appendNums(out[:0], x[:n])
				w.Write(out)
			}
		}
	})
}

// toBF16 rounds to nearest, ties to even. Not for NaN.
func toBF16(x float32) uint16 {
	b := math.Float32bits(x)
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func fromBF16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
