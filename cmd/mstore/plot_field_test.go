package main

import (
	"math"
	"testing"
)

func TestParsePlotField(t *testing.T) {
	for arg, want := range map[string]string{
		"metrics.loss": "metrics.loss", `metrics."a b"`: "metrics.a b", `metrics."a"."b"`: "metrics.a.b", "params.opt": "params.opt",
		"size": "size", "models": "models", "env.gpus": "env.gpus", "meta.temperature": "meta.temperature", "quality.warnings": "quality.warnings",
		"stored": "stored",
	} {
		f, err := parsePlotField(arg)
		if err != nil {
			t.Errorf("%s: %v", arg, err)
			continue
		}
		if f.field != want {
			t.Errorf("%s is %s, want %s", arg, f.field, want)
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
