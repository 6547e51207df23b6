package tensordiff

import (
	"fmt"
	"slices"
	"testing"
)

func TestLayerOf(t *testing.T) {
	for _, c := range []struct {
		name, group string
		kind        Kind
	}{
		{"model.layers.3.self_attn.q_proj.weight", "model.layers.3", KindLayer},
		{"h.3.mlp.c_fc.bias", "h.3", KindLayer},
		{"blocks.12.norm.weight", "blocks.12", KindLayer},
		{"encoder.layer.3.output.dense.weight", "encoder.layer.3", KindLayer},
		{"blk.0.attn_q.weight", "blk.0", KindLayer},
		{"model.layers.3.mlp.experts.7.w1.weight", "model.layers.3", KindLayer},
		{"block_3/conv/kernel", "block_3", KindLayer},
		{"0.weight", "0", KindLayer},
		{"layer1.0.bn1.running_mean", "layer1.0", KindLayer},
		{"model.embed_tokens.weight", "model.embed_tokens", KindEmbedding},
		{"embeddings.word_embeddings.weight", "embeddings.word_embeddings", KindEmbedding},
		{"token_embd.weight", "token_embd", KindEmbedding},
		{"wte.weight", "wte", KindEmbedding},
		{"embed.0.weight", "embed.0", KindEmbedding},
		{"lm_head.weight", "lm_head", KindOther},
		{"model.norm.weight", "model.norm", KindOther},
		{"weight", "weight", KindOther},
		{"3", "3", KindOther},
		{"", "", KindOther},
		{"..", ".", KindOther},
		{"w_", "w_", KindOther},
		{"a.99999999.b", "a.99999999", KindOther},
		{"optimizer.state.3.exp_avg", "optimizer.state.3", KindOptimizer},
		{"model.layers.3.mlp.exp_avg_sq", "model.layers.3", KindOptimizer},
		{"opt_state/mu/dense/kernel", "opt_state/mu/dense", KindOptimizer},
		{"optim", "optim", KindOther},
	} {
		if group, kind := layerOf(c.name); group != c.group || kind != c.kind {
			t.Errorf("%q is in %q, %s; want %q, %s", c.name, group, kind, c.group, c.kind)
		}
	}
}

// model is a decoder of so many layers; change gives a factor for the values.
func model(layers int, change func(name string) float64) *memory {
	var all []sample
	add := func(name string) {
		k := change(name)
		all = append(all, vector(name, 1*k, 2*k))
	}
	add("model.embed_tokens.weight")
	for l := range layers {
		add(fmt.Sprintf("model.layers.%d.a.weight", l))
		add(fmt.Sprintf("model.layers.%d.b.weight", l))
	}
	add("lm_head.weight")
	add("optimizer.state.0.exp_avg")
	return safetensors(nil, all...)
}

func TestSummary(t *testing.T) {
	same := func(string) float64 { return 1 }
	factors := func(m map[string]float64) func(string) float64 {
		return func(name string) float64 {
			if k, ok := m[name]; ok {
				return k
			}
			return 1
		}
	}
	for _, c := range []struct {
		b    *memory
		want string
	}{
		{model(24, factors(map[string]float64{"model.layers.3.a.weight": 1.1, "model.layers.7.b.weight": 1.5})),
			"2 of 24 layers changed: model.layers.7, model.layers.3; embeddings unchanged; optimizer state unchanged"},
		{model(24, factors(map[string]float64{"lm_head.weight": 2, "optimizer.state.0.exp_avg": 3})),
			"none of 24 layers changed; embeddings unchanged; lm_head changed; optimizer state changed"},
		{model(24, func(string) float64 { return 2 }),
			"24 of 24 layers changed: model.layers.0, model.layers.1, model.layers.2, model.layers.3, model.layers.4 and 19 more; embeddings changed; lm_head changed; optimizer state changed"},
		{model(25, same), "2 tensors added; 1 of 25 layers changed: model.layers.24; embeddings unchanged; optimizer state unchanged"},
		{model(22, same), "4 tensors removed; 2 of 24 layers changed: model.layers.22, model.layers.23; embeddings unchanged; optimizer state unchanged"},
	} {
		if r := diff(t, model(24, same), c.b, Options{}); r.Summary != c.want {
			t.Errorf("got  %s\nwant %s", r.Summary, c.want)
		}
	}
	r := diff(t, safetensors(nil, vector("a", 1), vector("b", 2), vector("c", 2)), safetensors(nil, vector("a", 3), vector("b", 2), vector("d", 4)), Options{})
	if want := "1 tensor added, 1 removed; 3 of 4 tensors differ"; r.Summary != want {
		t.Errorf("got  %s\nwant %s", r.Summary, want)
	}
}

func TestLayers(t *testing.T) {
	b := model(24, func(name string) float64 {
		switch name {
		case "model.layers.3.a.weight":
			return 1.1
		case "model.layers.7.a.weight", "model.layers.7.b.weight":
			return 1.5
		}
		return 1
	})
	r := diff(t, model(25, func(string) float64 { return 1 }), b, Options{Limit: 2})
	if r.Counts.Layers != 25 || r.Counts.LayersChanged != 3 || len(r.Layers) != 2 || r.Omitted.Layers != 1 {
		t.Fatalf("%+v, %+v, %+v", r.Counts, r.Layers, r.Omitted)
	}
	if l := r.Layers[0]; l.Name != "model.layers.24" || l.Structural != 2 || l.RelativeL2 != 0 {
		t.Errorf("%+v", l)
	}
	l := r.Layers[1]
	if l.Name != "model.layers.7" || l.Kind != KindLayer || l.Tensors != 2 || l.TensorsChanged != 2 || l.RelativeL2 != 0.5 {
		t.Errorf("%+v", l)
	}
}

func TestNatural(t *testing.T) {
	got := []string{"h.10", "h.9", "h.09", "a", "h.9.b", "h", ""}
	slices.SortStableFunc(got, natural)
	if want := []string{"", "a", "h", "h.9", "h.09", "h.9.b", "h.10"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
