package corpus

import (
	"fmt"
	"path/filepath"
)

// writePairs writes models of 20 MB (JSON) and 200 MB (safetensors), each before and
// after: NAME1 and NAME2. json: 1% of the numbers edited, some frames added; bf16 and
// fp32: all tensors moved; layers: two of 24 layers.
func writePairs(dir string, scale float64) error {
	l := newLineage(0x70616972, 15)
	l.grow(max(10, int(18500*scale)))
	for v := 1; v <= 2; v++ {
		if v > 1 {
			l.edit()
			l.grow(max(1, int(100*scale)))
		}
		if err := createJSON(filepath.Join(dir, fmt.Sprintf("json%d.json", v)), 0, func(j *writer) { l.json(j, v) }); err != nil {
			return err
		}
	}
	h := max(16, int(isqrt(uint64(512*512*scale)))/16*16)
	half := decoder{seed: 0x68616c66, layers: 24, hidden: h, ffn: h * 11 / 4, vocab: 24000 * h / 512, half: true}
	full := decoder{seed: 0x70616972, layers: 16, hidden: h, ffn: h * 7 / 4, vocab: 12000 * h / 512}
	moved := func(d decoder, noise float64, only ...int) decoder {
		d.noise, d.noiseSeed, d.only = noise, 1, only
		return d
	}
	for _, w := range []struct {
		name string
		d    decoder
	}{
		{"bf161", half}, {"bf162", moved(half, 0.005)}, {"layers1", half}, {"layers2", moved(half, 0.05, 22, 23)},
		{"fp321", full}, {"fp322", moved(full, 1e-4)},
	} {
		if err := w.d.write(filepath.Join(dir, w.name+".safetensors")); err != nil {
			return err
		}
	}
	return nil
}
