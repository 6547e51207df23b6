package corpus

import (
	"fmt"
	"path/filepath"
)

// writeLarge writes one bf16 file of 4 GB (4 * 10^9 bytes) whose tensors have
// 2 to 64 MiB each.
func writeLarge(dir string, scale float64) error {
	const (
		seed    = 0x6c617267
		columns = 1024
		doubled = 6 // sizes of tensors
	)
	r := newRNG(seed, 0)
	var ts []tensor
	for left := int(int64(4e9*scale) / (2 * columns)); left > 0; {
		rows := min(left, 1024<<r.IntN(doubled))
		left -= rows
		name := fmt.Sprintf("model.layers.%d.weight", len(ts))
		ts = append(ts, tensor{name, []int{rows, columns}, 0, 0.02 + float64(0.02*r.Float64()), len(ts)})
	}
	r = newRNG(seed, 1)
	return writeTensors(filepath.Join(dir, "large.safetensors"), bf16, ts, func(i int, x []float32) {
		r.fill(x, ts[i].mean, ts[i].deviation)
	})
}
