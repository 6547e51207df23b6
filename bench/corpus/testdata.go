package corpus

import (
	"fmt"
	"path/filepath"
)

// writeTestdata writes the generated part of testdata/models: three saves of a
// small audio oracle, and a bf16 decoder with one fine-tune. The scale is not
// looked at, for those files are golden.
func writeTestdata(dir string, _ float64) error {
	l := newLineage(0x74657374, 15)
	l.grow(200)
	for v := 1; v <= 3; v++ {
		if v > 1 {
			l.edit()
			l.grow(8)
		}
		name := filepath.Join(dir, "oracle", fmt.Sprintf("save%d", v), "audio_oracle.json")
		if err := createJSON(name, 0, func(j *writer) { l.json(j, v) }); err != nil {
			return err
		}
	}
	base := decoder{seed: 0x74696e79, layers: 2, hidden: 32, ffn: 80, vocab: 500, half: true}
	tune := base
	tune.noise, tune.noiseSeed = 0.005, 1
	if err := base.write(filepath.Join(dir, "safetensors", "base", "decoder.safetensors")); err != nil {
		return err
	}
	return tune.write(filepath.Join(dir, "safetensors", "finetune", "decoder.safetensors"))
}
