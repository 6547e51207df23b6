package parity

import (
	"github.com/klauspost/reedsolomon"
)

// block is the number of bytes that are read and coded at a time.
const block = 64 << 10

// code makes shards out of k others: newCode's the parity shards, in order,
// out of the data shards, solve's lost data shards out of those that are left.
type code struct {
	enc    reedsolomon.Encoder
	inputs []int // shards
	outs   int   // number of shards that come out
}

var options = []reedsolomon.Option{
	reedsolomon.WithCauchyMatrix(),
	reedsolomon.WithMaxGoroutines(1),
	reedsolomon.WithInversionCache(false),
}

func newCode(k, m int) (*code, error) {
	enc, err := reedsolomon.New(k, m, options...)
	if err != nil {
		return nil, err
	}
	inputs := make([]int, k)
	for i := range inputs {
		inputs[i] = i
	}
	return &code{enc, inputs, m}, nil
}

// solve is the code that makes the data shards lost out of inputs, which are
// k of the k+m shards.
func solve(k, m int, inputs, lost []int) (*code, error) {
	enc, err := reedsolomon.New(k, m, options...)
	if err != nil {
		return nil, err
	}
	// What a shard contributes to the lost ones is what they are when it is one
	// and the others are zero: column i tries input i.
	units := make([][]byte, k+m)
	for i, s := range inputs {
		units[s] = make([]byte, k)
		units[s][i] = 1
	}
	need := make([]bool, k)
	for _, s := range lost {
		need[s] = true
	}
	if err := enc.ReconstructSome(units, need); err != nil {
		return nil, err
	}
	rows := make([][]byte, len(lost))
	for i, s := range lost {
		rows[i] = units[s]
	}
	enc, err = reedsolomon.New(k, len(lost), append([]reedsolomon.Option{reedsolomon.WithCustomMatrix(rows)}, options[1:]...)...)
	if err != nil {
		return nil, err
	}
	return &code{enc, inputs, len(lost)}, nil
}

// run reads columns from to to of the inputs and fills out, of which every
// element is to-from bytes long. buf holds a block.
func (c *code) run(src *columns, from, to int64, out [][]byte, buf []byte) error {
	for _, o := range out {
		clear(o)
	}
	part := make([][]byte, len(out))
	all := from == 0 && to == src.size
	for i, s := range c.inputs {
		for col := from; col < to; {
			p := buf[:min(int64(len(buf)), to-col)]
			if err := src.read(s, col, p, to, all); err != nil {
				return err
			}
			at := col - from
			for j := range out {
				part[j] = out[j][at : at+int64(len(p))]
			}
			if err := c.enc.EncodeIdx(p, i, part); err != nil {
				return err
			}
			col += int64(len(p))
		}
	}
	return nil
}

// stripe makes n slices of width bytes.
func stripe(n int, width int64) [][]byte {
	all := make([]byte, int64(n)*width)
	out := make([][]byte, n)
	for i := range out {
		out[i] = all[int64(i)*width : int64(i+1)*width : int64(i+1)*width]
	}
	return out
}
