package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// patterns are n rhythmic patterns, of which the first is changed.
func patterns(n int, changes ...any) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = object{"pattern_id": "p", "tempo": 120.0, "density": 0.5, "syncopation": 0.25, "meter": "4/4", "pattern_type": "dense",
			"confidence": 0.8, "context": object{"start_time": 0.5, "end_time": 2.0, "complexity": 0.1}, "timestamp": 1.7e9}
	}
	if n > 0 {
		list[0] = with(list[0].(object), changes...)
	}
	return list
}

func TestRhythmOracle(t *testing.T) {
	good := object{"patterns": patterns(3), "transitions": object{"a": object{"b": object{"frequency": 1, "context": object{}}}},
		"frequency": object{"a": 1}, "timestamp": 1.7e9}
	pat := func(changes ...any) object { return with(good, "patterns", patterns(3, changes...)) }
	old := object{"events": make([]any, 10), "tempo": 90.5, "beat_grid": []any{0.5, 1.0}, "syncopation": 0.5}
	verify(t, "rhythm_oracle", "Curious_child_091125_2009_training_rhythm_oracle.json", []want{
		{"nothing wrong", good, ""},
		{"nothing wrong, older", old, ""},
		{"neither events nor patterns", object{"tempo": 120}, "no-content"},
		{"no patterns", with(good, "patterns", []any{}), "no-content"},
		{"no events", with(old, "events", []any{}), "no-content"},
		{"9 events", with(old, "events", make([]any, 9)), "few-events"},
		{"tempo 0", pat("tempo", 0), "tempo"},
		{"tempo below 0", pat("tempo", -60.5), "tempo"},
		{"tempo 39.9", pat("tempo", 39.9), "tempo-range"},
		{"tempo 40", pat("tempo", 40), ""},
		{"tempo 240", pat("tempo", 240.0), ""},
		{"tempo 240.1", pat("tempo", 240.1), "tempo-range"},
		{"overall tempo 0", with(old, "tempo", 0), "overall-tempo"},
		{"overall tempo 39.9", with(old, "tempo", 39.9), "overall-tempo-range"},
		{"overall tempo 40", with(old, "tempo", 40), ""},
		{"overall tempo 240", with(old, "tempo", 240), ""},
		{"overall tempo 240.1", with(old, "tempo", 240.1), "overall-tempo-range"},
		{"legacy tempo 39.9", object{"rhythmic_patterns": patterns(2, "tempo", 39.9)}, "tempo-legacy"},
		{"legacy tempo 240", object{"rhythmic_patterns": patterns(2, "tempo", 240)}, ""},
		{"syncopation 1", pat("syncopation", 1), ""},
		{"syncopation 1.1", pat("syncopation", 1.1), "syncopation"},
		{"syncopation below 0", pat("syncopation", -0.1), "syncopation"},
		{"overall syncopation 1", with(old, "syncopation", 1), ""},
		{"overall syncopation 1.1", with(old, "syncopation", 1.1), "overall-syncopation"},
		{"overall syncopation below 0", with(old, "syncopation", -0.1), "overall-syncopation"},

		{"patterns by name", with(good, "patterns", object{}), "no-content schema!"},
		{"tempo is text", pat("tempo", "fast"), "schema! tempo tempo-range"},
		{"meter is a number", pat("meter", 4), "schema!"},
		{"context is a list", pat("context", []any{}), "schema!"},
	})
	rep := check(t, "x_rhythm_oracle.json", toJSON(t, pat("tempo", 90)))
	if d := cmp.Diff([]Value{{"patterns", int64(3)}, {"transitions", int64(1)}, {"tempo", 110.0}}, rep.Stats); d != "" {
		t.Error(d)
	}
}

func TestHarmonicTransitions(t *testing.T) {
	tr := func(p float64) object { return object{"probability": p, "count": 3, "from_chord_occurrences": 6} }
	of := func(m object) object { return object{"transitions": m} }
	verify(t, "harmonic_transitions", "Itzama_061125_1747_training_harmonic_transitions.json", []want{
		{"nothing wrong", of(object{"Dm->D": tr(0.5), "Dm->G": tr(0.5), "D->Dm": tr(1)}), ""},
		{"no transitions", of(object{}), "no-transitions"},
		{"nothing at all", object{}, ""},
		{"probability 0", of(object{"Dm->D": tr(0)}), ""},
		{"probability below 0", of(object{"Dm->D": tr(-0.1)}), "probability"},
		{"probability 1.1", of(object{"Dm->D": tr(1.1)}), "probability probability-sum"},
		{"sum above 1 of one chord", of(object{"Dm->D": tr(0.6), "Dm->G": tr(0.5)}), "probability-sum"},
		{"sum above 1 with spaces", of(object{"Dm -> D": tr(0.6), "Dm->G": tr(0.5)}), "probability-sum"},
		{"sum above 1 of two chords", of(object{"Dm->D": tr(0.6), "D->G": tr(0.5)}), ""},
		{"sum that is rounded up", of(object{"Dm->D": tr(0.3334), "Dm->G": tr(0.3333), "Dm->A": tr(0.3334)}), ""},
		{"sharp and flat chords", of(object{"F#m7b5->Bb": tr(0.75), "F#m7b5->C": tr(0.25), "F#m7->C": tr(0.75)}), ""},

		{"probability is text", of(object{"Dm->D": object{"probability": "high"}}), "probability schema!"},
		{"count not whole", of(object{"Dm->D": object{"count": 0.5}}), "schema!"},
		{"occurrences below 0", of(object{"Dm->D": object{"from_chord_occurrences": -1}}), "schema!"},
		{"transitions are text", object{"transitions": "none"}, "schema!"},
	})
	rep := check(t, "x_harmonic_transitions.json", toJSON(t, of(object{"Dm->D": tr(1.5), "D->D": tr(0.5)})))
	if d := cmp.Diff([]Value{{"transitions", int64(2)}, {"occurrences", int64(6)}}, rep.Stats); d != "" {
		t.Error(d)
	}
	var texts []string
	for _, f := range rep.Findings {
		texts = append(texts, f.Message)
	}
	if d := cmp.Diff([]string{"the probabilities of what follows one chord add up to 1.5",
		"1 of 2 probabilities lie outside 0 to 1, such as 1.5 of Dm->D"}, texts); d != "" {
		t.Error(d)
	}
}

func TestCorrelation(t *testing.T) {
	good := object{"training_successful": true, "audio_oracle_stats": stats(101), "tempo": []any{120.0}, "syncopation": []any{0.25},
		"joint_patterns": []any{object{"correlation_strength": 0.5, "pearson_r": -0.5, "p_value": 0.01, "frequency": 3}}, "cross_modal": object{}}
	tempo := func(x float64) object { return with(good, "tempo", []any{x}) }
	joint := func(name string, v any) object { return with(good, "joint_patterns", []any{object{name: v}}) }
	verify(t, "correlation", "curious_child_correlation_final.json", []want{
		{"nothing wrong", good, ""},
		{"a tempo of its own", with(good, "tempo", 120), ""},
		{"not successful", with(good, "training_successful", false), "unsuccessful"},
		{"tempo 0", tempo(0), "tempo"},
		{"tempo 39.9", tempo(39.9), "tempo-range"},
		{"tempo 40", tempo(40), ""},
		{"tempo 240", tempo(240), ""},
		{"tempo 240.1", tempo(240.1), "tempo-range"},
		{"r 1.1", joint("pearson_r", 1.1), "schema!"},
		{"p below 0", joint("p_value", -0.1), "schema!"},
		{"strength is text", joint("correlation_strength", "weak"), "schema!"},
	})
}

// The name counts before the content, and then what the document has.
func TestKindIsRecognised(t *testing.T) {
	all := object{"audio_frames": frames(10, 0), "training_successful": true, "audio_oracle_stats": stats(101),
		"distance_threshold": 1, "distance_function": "cosine", "feature_dimensions": 15}
	for _, w := range []struct {
		name string
		doc  object
		kind string
	}{
		{"x_rhythm_oracle.json", all, "rhythm_oracle"},
		{"models/a/x_rhythm_oracle_2.json", all, "rhythm_oracle"},
		{"rhythm_oracle/x.json", all, "audio_oracle"}, // a folder is no name
		{"rhythm_oracle_harmonic_transitions_correlation.json", all, "rhythm_oracle"},
		{"correlation_harmonic_transitions.json", all, "harmonic_transitions"},
		{"correlation.json", all, "correlation"},
		{"x.json", all, "audio_oracle"},
		{"x.json", with(all, "audio_frames", nil), "training_results"},
		{"x.json", with(all, "audio_frames", nil, "training_successful", nil), "audio_oracle"},
		{"x.json", with(all, "audio_frames", nil, "audio_oracle_stats", nil), "json"},
		{"x.json", object{"audio_frames": object{}}, "audio_oracle"},
		{"x.json", object{}, "json"},
		{"x.json", object{"nested": all}, "json"},
	} {
		doc := toJSON(t, w.doc)
		if rep := check(t, w.name, doc); rep.Kind != w.kind {
			t.Errorf("%s, %.60s: kind %q, want %s", w.name, doc, rep.Kind, w.kind)
		}
		rep := check(t, w.name, `{"metadata":{},"data":`+doc+`}`)
		if rep.Kind != w.kind || !rep.Wrapped {
			t.Errorf("%s, %.60s in a wrapper: kind %q, want %s", w.name, doc, rep.Kind, w.kind)
		}
	}
	for _, doc := range []string{`[]`, `12`, `"audio_frames"`, `["audio_frames"]`, `null`} {
		if rep := check(t, "x.json", doc); rep.Kind != "json" || !rep.Valid() {
			t.Errorf("%s: kind %q, %v", doc, rep.Kind, rep.Findings)
		}
	}
}
