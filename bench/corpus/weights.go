package corpus

import (
	"fmt"
	"path/filepath"
)

// decoder describes a small transformer decoder with the usual tensor names.
// Its numbers follow from the seeds, tensor by tensor, so that a fine-tune can
// be written without holding its base.
type decoder struct {
	seed                       uint64
	layers, hidden, ffn, vocab int
	half                       bool // bf16, else fp32

	noise     float64 // a fine-tune: added noise in units of each tensor's deviation
	noiseSeed uint64
	only      []int // layers that the noise touches; nil: every tensor
}

func (d *decoder) tensors() []tensor {
	r := newRNG(d.seed, 0)
	var ts []tensor
	add := func(layer int, name string, mean, deviation float64, shape ...int) {
		ts = append(ts, tensor{name, shape, mean, deviation * (0.8 + float64(0.4*r.Float64())), layer})
	}
	h, f := d.hidden, d.ffn
	add(-1, "model.embed_tokens.weight", 0, 0.02, d.vocab, h)
	for l := range d.layers {
		p := fmt.Sprintf("model.layers.%d.", l)
		add(l, p+"input_layernorm.weight", 0.6+float64(0.02*float64(l)), 0.08, h)
		add(l, p+"self_attn.q_proj.weight", 0, 0.045, h, h)
		add(l, p+"self_attn.k_proj.weight", 0, 0.04, h, h)
		add(l, p+"self_attn.v_proj.weight", 0, 0.025, h, h)
		add(l, p+"self_attn.o_proj.weight", 0, 0.026, h, h)
		add(l, p+"post_attention_layernorm.weight", 0.7+float64(0.01*float64(l)), 0.05, h)
		add(l, p+"mlp.gate_proj.weight", 0, 0.03, f, h)
		add(l, p+"mlp.up_proj.weight", 0, 0.028, f, h)
		add(l, p+"mlp.down_proj.weight", 0, 0.023, h, f)
	}
	add(-1, "model.norm.weight", 1.8, 0.2, h)
	add(-1, "lm_head.weight", 0, 0.022, d.vocab, h)
	return ts
}

func (d *decoder) touched(t *tensor) bool {
	if d.noise == 0 {
		return false
	}
	for _, l := range d.only {
		if l == t.layer {
			return true
		}
	}
	return d.only == nil
}

func (d *decoder) write(path string) error {
	kind := float32s
	if d.half {
		kind = bf16
	}
	ts, at := d.tensors(), -1
	var r, rn rng
	var dx [4096]float32
	return writeTensors(path, kind, ts, func(i int, x []float32) {
		t := &ts[i]
		if i != at {
			at = i
			r, rn = newRNG(d.seed, uint64(i)+1), newRNG(d.seed^d.noiseSeed<<32, uint64(i)+1)
		}
		r.fill(x, t.mean, t.deviation)
		if !d.touched(t) {
			return
		}
		rn.fill(dx[:len(x)], 0, t.deviation*d.noise)
		for k := range x {
			if d.half {
				x[k] = fromBF16(toBF16(x[k]))
			}
			x[k] += dx[k]
		}
	})
}

// writeWeights writes a bf16 base of 203 MB, four fine-tunes of it, two in
// which only two layers changed, and two checkpoints of an fp32 training run
// a hundred steps apart.
func writeWeights(dir string, scale float64) error {
	h := max(16, int(isqrt(uint64(512*512*scale)))/16*16)
	base := decoder{seed: 0x77656967, layers: 24, hidden: h, ffn: h * 11 / 4, vocab: 24000 * h / 512, half: true}
	write := func(d decoder, name string) error { return d.write(filepath.Join(dir, name+".safetensors")) }
	if err := write(base, "base"); err != nil {
		return err
	}
	for i, noise := range []float64{0.002, 0.005, 0.01, 0.02} {
		d := base
		d.noise, d.noiseSeed = noise, uint64(i+1)
		if err := write(d, fmt.Sprintf("finetune%d", i+1)); err != nil {
			return err
		}
	}
	for i, only := range [][]int{{22, 23}, {7, 15}} {
		d := base
		d.noise, d.noiseSeed, d.only = 0.05, uint64(i+10), only
		if err := write(d, fmt.Sprintf("layers%d", i+1)); err != nil {
			return err
		}
	}
	full := decoder{seed: 0x66756c6c, layers: 8, hidden: h, ffn: h * 7 / 4, vocab: 6000 * h / 512}
	if err := write(full, "step1000"); err != nil {
		return err
	}
	full.noise, full.noiseSeed = 1e-4, 20
	return write(full, "step1100")
}
