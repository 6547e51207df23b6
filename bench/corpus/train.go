package corpus

import (
	"bufio"
	"fmt"
	"path/filepath"
	"strconv"
)

// writeTrain writes 14 checkpoints of a network in training: below f32 and
// bf16 the weights, and below adam, of every third checkpoint, the weights and
// both moments of the optimiser. The first eight learn from nothing, the last
// six are a fine-tuning with a hundredth of the step size.
func writeTrain(dir string, scale float64) error {
	const checkpoints, learning = 14, 8
	n := newNetwork(0x74726e, max(8, int(640*min(1, scale))))
	steps := max(2, int(120*scale))
	for c := 1; c <= checkpoints; c++ {
		rate := float32(2e-3)
		if c > learning {
			rate = 2e-5
		}
		n.train(steps, rate)
		name := fmt.Sprintf("step%04d.safetensors", n.step)
		for _, k := range []struct {
			dir     string
			dtype   dtype
			moments bool
		}{{"f32", float32s, false}, {"bf16", bf16, false}, {"adam", float32s, true}} {
			if k.moments && c%3 != 0 {
				continue
			}
			if err := n.write(filepath.Join(dir, k.dir, name), k.dtype, k.moments); err != nil {
				return err
			}
		}
	}
	return nil
}

// write saves the network as it is; with moments beside the weights if asked.
func (n *network) write(path string, d dtype, moments bool) error {
	var ts []tensor
	var data [][]float32
	add := func(name string, shape []int, x []float32) {
		ts, data = append(ts, tensor{name: name, shape: shape}), append(data, x)
	}
	for _, p := range n.params {
		add(p.name, p.shape, p.w)
		if moments {
			add(p.name+".exp_avg", p.shape, p.m)
			add(p.name+".exp_avg_sq", p.shape, p.v)
		}
	}
	return create(path, func(w *bufio.Writer) {
		w.Write(header(d, ts, "step", strconv.Itoa(n.step)))
		for _, x := range data {
			w.Write(d.appendNums(nil, x))
		}
	})
}
