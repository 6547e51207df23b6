package tensordiff

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// stored opens a file of the small real models.
func stored(t *testing.T, name string) fileSource {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "testdata", "models", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return fileSource{f}
}

func TestModels(t *testing.T) {
	r := diff(t, stored(t, "safetensors/base/decoder.safetensors"), stored(t, "safetensors/finetune/decoder.safetensors"), Options{})
	if want := "2 of 2 layers changed: model.layers.1, model.layers.0; embeddings changed; lm_head changed"; r.Summary != want || r.Counts.Changed != 16 || r.Counts.Equal != 5 {
		t.Errorf("%s, %+v", r.Summary, r.Counts)
	}
	for _, x := range r.Tensors {
		if v := x.Delta.Values; v.RelativeL2 <= 0 || v.RelativeL2 > 0.01 || v.Cosine < 0.999 || v.ElementsChanged == 0 || v.Before.NaN+v.After.Inf > 0 {
			t.Errorf("%s: %+v", x.Name, v)
		}
	}
	const manifest = "face_landmark_68_tiny_model-weights_manifest.json"
	open := func(s Side, name string) (Source, error) {
		dir := map[Side]string{Before: "0.3.0", After: "1.7.15"}[s]
		if _, err := os.Stat(filepath.Join("..", "..", "testdata", "models", "face-api", dir, name)); err != nil {
			return nil, fmt.Errorf("opening a shard: %w", err)
		}
		return stored(t, "face-api/"+dir+"/"+name), nil
	}
	r = diff(t, stored(t, "face-api/0.3.0/"+manifest), stored(t, "face-api/1.7.15/"+manifest), Options{Open: open})
	if !r.Equal || r.Counts.Equal != 28 || r.Before.Elements != 77224 {
		t.Errorf("%s, %+v: %v", r.Summary, r.Counts, r.Tensors)
	}
}
