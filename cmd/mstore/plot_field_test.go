package main

import (
	"math"
	"testing"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

func TestParsePlotField(t *testing.T) {
	v := &store.Version{Version: &objects.Version{Seq: 3, Models: 2, Bytes: 1000,
		Metrics: map[string]any{"loss": 0.5, "a b": int64(2), "a.b": 1.5}, Params: map[string]any{"opt": "sgd"},
		Meta: map[string]any{"env.gpus": int64(8), "temperature": 0.7}, Quality: objects.Quality{Warnings: 4}}}
	for arg, want := range map[string]any{
		"metrics.loss": 0.5, `metrics."a b"`: int64(2), "metrics.a.b": 1.5, "metrics.acc": nil, "params.opt": "sgd",
		"size": int64(1000), "models": int64(2), "env.gpus": int64(8), "meta.temperature": 0.7, "quality.warnings": int64(4),
	} {
		f, err := parsePlotField(arg)
		if err != nil {
			t.Errorf("%s: %v", arg, err)
			continue
		}
		if got := f.of(v); got != want {
			t.Errorf("%s is %v (%T), want %v", arg, got, got, want)
		}
		if again, err := parsePlotField(f.name); err != nil || again != f {
			t.Errorf("%s is written %s, which is %+v, %v", arg, f.name, again, err)
		}
	}
	for _, arg := range []string{
		"", "loss", "metrics.", "metrics", "author", "time", "not metrics.loss", "metrics.a or metrics.b", "metrics.a > 1 and metrics.b",
		"(metrics.loss)", "metrics.loss > 0 -- ", "v1", "model.json", "1",
	} {
		if f, err := parsePlotField(arg); err == nil {
			t.Errorf("%q is taken for %+v", arg, f)
		}
	}
}

func TestLeftOut(t *testing.T) {
	var l leftOut
	for _, v := range []any{nil, "text", true, -1.0, int64(0), 0.5, math.NaN(), math.Inf(-1), int64(7)} {
		_, ok := l.number(v, true)
		if want := v == 0.5 || v == int64(7); ok != want {
			t.Errorf("number(%v): %v", v, ok)
		}
	}
	if got, want := l.String(), "2 values not finite, 2 values not above 0, 2 values not a number"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if _, ok := l.number(-1.0, false); !ok {
		t.Error("-1 is left out of a linear drawing")
	}
}
