package corpus

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// kinds lists the corpora by name, in the order of the help text.
var kinds = []struct {
	name, help string
	write      func(dir string, scale float64) error
}{
	{"musichal", "183 JSON models of five kinds, 207 MB, two of them broken", writeMusichal},
	{"lineage", "one 5 MB JSON model saved 100 times, 1% of its numbers edited each time", writeLineage},
	{"weights", "safetensors: a bf16 base, fine-tunes, two layers changed, an fp32 step", writeWeights},
	{"pairs", "models of 20 MB (JSON) and 200 MB (safetensors), before and after", writePairs},
	{"many", "100,000 tiny JSON models in 100 directories", writeMany},
	{"train", "checkpoints of a small network in training: fp32, bf16, fp32 with Adam", writeTrain},
	{"large", "one safetensors file of 4 GB", writeLarge},
	{"testdata", "the generated models of testdata/models, under 1 MB", writeTestdata},
}

// Help is one line for each kind.
func Help() string {
	var b strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&b, "  %-9s %s\n", k.name, k.help)
	}
	return b.String()
}

// Write makes the corpus of the given kind below dir, which it creates. Sizes
// (for many: the number of models) are multiplied by scale.
func Write(kind, dir string, scale float64) error {
	i := slices.IndexFunc(kinds, func(k struct {
		name, help string
		write      func(string, float64) error
	}) bool {
		return k.name == kind
	})
	if i < 0 {
		return fmt.Errorf("unknown corpus %q", kind)
	}
	if !(scale > 0) {
		return fmt.Errorf("scale %v is not positive", scale)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := kinds[i].write(dir, scale); err != nil {
		return fmt.Errorf("writing corpus %s: %w", kind, err)
	}
	return nil
}
