package schema

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// want is a document of a kind, and what is found in it.
type want struct {
	about string
	doc   any
	rules string // of the findings; ! marks errors
}

// verify looks at each document as it is, and as the data of a wrapper.
func verify(t *testing.T, kind, name string, table []want) {
	t.Helper()
	for _, w := range table {
		t.Run(strings.ReplaceAll(w.about, " ", "-"), func(t *testing.T) {
			plain := check(t, name, toJSON(t, w.doc))
			wrapped := check(t, name, toJSON(t, object{"metadata": object{"version": "2.0"}, "data": w.doc}))
			for _, rep := range []*Report{plain, wrapped} {
				if rep.Kind != kind || rep.Format != "json" || rep.Damaged {
					t.Errorf("kind %q, format %q, damaged %v; want %s", rep.Kind, rep.Format, rep.Damaged, kind)
				}
				if got := rules(rep); !slices.Equal(got, strings.Fields(w.rules)) {
					t.Errorf("found %v, want %s:\n%v", got, w.rules, rep.Findings)
				}
			}
			if !wrapped.Wrapped || plain.Wrapped || wrapped.Metadata["version"] != "2.0" {
				t.Errorf("wrapped: %v and %v, metadata %v", plain.Wrapped, wrapped.Wrapped, wrapped.Metadata)
			}
			for i, f := range wrapped.Findings {
				if p := plain.Findings[i].Path; p != "" && f.Path != "$.data"+strings.TrimPrefix(p, "$") {
					t.Errorf("place %s in the wrapper, %s without", f.Path, p)
				}
			}
			if d := cmp.Diff(plain.Stats, wrapped.Stats); d != "" {
				t.Errorf("figures of plain and wrapped differ: %s", d)
			}
		})
	}
}

// with is a document in which members are others; nil takes them out.
func with(doc object, changes ...any) object {
	doc = maps.Clone(doc)
	for i := 0; i < len(changes); i += 2 {
		name, v := changes[i].(string), changes[i+1]
		head, rest, nested := strings.Cut(name, ".")
		switch {
		case nested:
			doc[head] = with(doc[head].(object), rest, v)
		case v == nil:
			delete(doc, name)
		default:
			doc[name] = v
		}
	}
	return doc
}

// frames are n frames of which the change is made to the first k.
func frames(n, k int, changes ...any) []any {
	list := make([]any, n)
	for i := range list {
		f := object{"timestamp": 0.5 * float64(i), "features": []any{0.25, -1, 3},
			"audio_data": object{"f0": 220.5 + float64(i), "rms_db": -12.5, "gesture_token": i % 7, "ioi": 0.25}}
		if i < k {
			f = with(f, changes...)
		}
		list[i] = f
	}
	return list
}

// byIndex is a list as an object.
func byIndex(list []any) object {
	o := object{}
	for i, v := range list {
		o[strconv.Itoa(i)] = v
	}
	return o
}

// audioOracle has n frames, and nothing wrong with it.
func audioOracle(n int) object {
	return object{"distance_threshold": 0.15, "distance_function": "euclidean", "feature_dimensions": 768,
		"sequence_length": n, "size": n + 1, "last": n, "max_pattern_length": 50, "frame_counter": n, "audio_frames": frames(n, 0),
		"states": object{"0": object{}}, "transitions": object{}, "suffix_links": object{"0": -1}}
}

func TestAudioOracle(t *testing.T) {
	good := audioOracle(100)
	fr := func(n, k int, changes ...any) object { return with(good, "audio_frames", frames(n, k, changes...)) }
	verify(t, "audio_oracle", "Itzama_061125_1747_training.json", []want{
		{"nothing wrong", good, ""},
		{"frames by index", with(good, "audio_frames", byIndex(frames(100, 0))), ""}, // where 10 comes before 2
		{"frames by index backwards", with(good, "audio_frames", byIndex(frames(100, 12, "timestamp", 7))), "time-order"},
		{"few frames by index", with(good, "audio_frames", byIndex(frames(9, 0))), "few-frames"},
		{"no frames", with(good, "audio_frames", []any{}), "no-frames"},
		{"no frames by index", with(good, "audio_frames", object{}), "no-frames"},
		{"9 frames", with(good, "audio_frames", frames(9, 0)), "few-frames"},
		{"10 frames", with(good, "audio_frames", frames(10, 0)), ""},

		{"f0 440 in 50 of 100", fr(100, 50, "audio_data.f0", 440.0), ""},
		{"f0 440 in 51 of 100", fr(100, 51, "audio_data.f0", 440.0), "f0-constant"},
		{"f0 440 as a whole number", fr(100, 51, "audio_data.f0", 440), "f0-constant"},
		{"f0 almost 440", fr(100, 100, "audio_data.f0", 440.0000001), ""},
		{"f0 440 in 51 of 200", fr(200, 51, "audio_data.f0", 440.0), "f0-constant"},
		{"f0 440 in 50 of 200", fr(200, 50, "audio_data.f0", 440.0), ""},
		{"rms -20 in 50 of 100", fr(100, 50, "audio_data.rms_db", -20.0), ""},
		{"rms -20 in 51 of 100", fr(100, 51, "audio_data.rms_db", -20.0), "rms-constant"},
		{"rms and f0", fr(100, 51, "audio_data.rms_db", -20, "audio_data.f0", 440), "f0-constant rms-constant"},
		{"audio_data missing in 5", fr(100, 5, "audio_data", nil), ""},
		{"audio_data missing in 6", fr(100, 6, "audio_data", nil), "no-audio-data no-gesture-token"},
		{"audio_data null in 6", fr(100, 6, "audio_data", (*int)(nil)), "no-audio-data no-gesture-token"},
		{"gesture_token missing in 5", fr(100, 5, "audio_data.gesture_token", nil), ""},
		{"gesture_token missing in 6", fr(100, 6, "audio_data.gesture_token", nil), "no-gesture-token"},
		{"gesture_token missing in 1 of 10", fr(10, 1, "audio_data.gesture_token", nil), "no-gesture-token"},
		{"gesture_token missing in 1 of 20", fr(20, 1, "audio_data.gesture_token", nil), ""},
		{"no audio_data at all", fr(100, 100, "audio_data", nil), "no-audio-data no-gesture-token"},

		{"threshold 0", with(good, "distance_threshold", 0), "threshold"},
		{"threshold below 0", with(good, "distance_threshold", -0.1), "threshold"},
		{"threshold 10 of 15", with(good, "distance_threshold", 10, "feature_dimensions", 15), ""},
		{"threshold 10.1 of 15", with(good, "distance_threshold", 10.1, "feature_dimensions", 15), "threshold-large"},
		{"threshold 10.1 of 768", with(good, "distance_threshold", 10.1), ""},
		{"no dimensions", with(good, "feature_dimensions", 0), "no-dimensions"},
		{"sequence of 0", with(good, "sequence_length", 0, "size", 1), "no-sequence"},
		{"a state too few", with(good, "size", 100), "states-fit"},
		{"a state too many", with(good, "size", 102), "states-fit"},
		{"no size", with(good, "size", nil), ""},
		{"timestamps backwards", fr(100, 3, "timestamp", 7.0), "time-order"},
		{"timestamps equal", fr(100, 100, "timestamp", 7.0), ""},
		{"as long as it says", with(good, "duration", 49.5), ""},
		{"longer than it says", with(good, "duration", 49.4), "outside-duration"},

		{"no threshold", with(good, "distance_threshold", nil), "schema!"},
		{"no function, no dimensions", with(good, "distance_function", nil, "feature_dimensions", nil), "schema! schema!"},
		{"unknown function", with(good, "distance_function", "hamming"), "schema!"},
		{"threshold is text", with(good, "distance_threshold", "0.15"), "schema! threshold"},
		{"dimensions not whole", with(good, "feature_dimensions", 15.5), "schema!"},
		{"frames are text", with(good, "audio_frames", "none"), "schema!"},
		{"pattern length 0", with(good, "max_pattern_length", 0), "schema!"},
	})
	rep := check(t, "a.json", toJSON(t, good))
	wantStats := []Value{{"frames", int64(100)}, {"states", int64(1)}, {"transitions", int64(0)}, {"sequence_length", int64(100)}, {"duration", 49.5}}
	if d := cmp.Diff(wantStats, rep.Stats); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{"distance_threshold": 0.15, "distance_function": "euclidean", "feature_dimensions": int64(768)}, rep.Params); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{"states": int64(101)}, rep.Metrics); d != "" {
		t.Error(d)
	}
}

// stats are those of an oracle with n states.
func stats(n int) object {
	return object{"total_states": n, "sequence_length": n - 1, "is_trained": true, "total_patterns": 12, "max_pattern_length": 50,
		"last_update": 1.7e9, "distance_threshold": 0.15, "distance_function": "cosine", "feature_dimensions": 15,
		"adaptive_threshold": true, "average_distance": 0.5, "harmonic_patterns": 3}
}

// Oracles of which there are statistics only.
func TestAudioOracleStats(t *testing.T) {
	good := object{"audio_oracle_stats": stats(101)}
	verify(t, "audio_oracle", "x.json", []want{
		{"nothing wrong", good, ""},
		{"no states", with(good, "audio_oracle_stats.total_states", 0, "audio_oracle_stats.sequence_length", 0), "no-sequence no-states states-fit"},
		{"99 states", object{"audio_oracle_stats": stats(99)}, "few-states"},
		{"100 states", object{"audio_oracle_stats": stats(100)}, ""},
		{"states do not fit", with(good, "audio_oracle_stats.sequence_length", 101), "states-fit"},
		{"threshold 0", with(good, "audio_oracle_stats.distance_threshold", 0), "threshold"},
		{"threshold 10.1 of 15", with(good, "audio_oracle_stats.distance_threshold", 10.1), "threshold-large"},
		{"no dimensions", with(good, "audio_oracle_stats.feature_dimensions", 0), "no-dimensions"},
	})
}

// training is a report of a training with n states.
func training(n int) object {
	chords := []any{"D", "Dm7", "G"}
	return object{"training_successful": true, "audio_oracle_stats": stats(n), "events_processed": n - 1,
		"sample_harmonic_patterns":   []any{[]any{[]any{"D", "D"}, 1296}},
		"sample_polyphonic_patterns": []any{strings.Repeat("(np.float64(0.0683), np.float64(0.25)) ", 40)},
		"transformer_analysis":       object{"key_signature": "D_major", "chord_progression": chords},
		"hierarchical_analysis":      object{"duration": 183.5, "auditory_streams": []any{}},
		"rhythmic_analysis":          object{"tempo": 120.5, "patterns": []any{}}}
}

func TestTrainingResults(t *testing.T) {
	good := training(101)
	st := func(changes ...any) object { return with(good, "audio_oracle_stats", with(stats(101), changes...)) }
	verify(t, "training_results", "Curious_child_091125_2009_training.json", []want{
		{"nothing wrong", good, ""},
		{"not successful", with(good, "training_successful", false), "unsuccessful"},
		{"not trained", st("is_trained", false), "untrained"},
		{"no states", st("total_states", 0, "sequence_length", 0), "no-sequence no-states"},
		{"1 state", object{"training_successful": true, "audio_oracle_stats": stats(1)}, "few-states no-sequence"},
		{"99 states", training(99), "few-states"},
		{"100 states", training(100), ""},
		{"sequence of 0", st("sequence_length", 0), "no-sequence"},
		{"a state too few", st("sequence_length", 101), "states-fit"},
		{"a state too many", st("sequence_length", 99), "states-fit"},
		{"threshold 0", st("distance_threshold", 0), "threshold"},
		{"threshold below 0", st("distance_threshold", -1), "schema! threshold"},
		{"threshold 10", st("distance_threshold", 10), ""},
		{"threshold 10.1 of 15", st("distance_threshold", 10.1), "threshold-large"},
		{"threshold 10.1 of 768", st("distance_threshold", 10.1, "feature_dimensions", 768), ""},
		{"no dimensions", st("feature_dimensions", 0), "no-dimensions"},

		{"no total_states", st("total_states", nil), "schema!"},
		{"no sequence_length", st("sequence_length", nil), "expects"},
		{"no is_trained", st("is_trained", nil), "expects"},
		{"stats are no object", with(good, "audio_oracle_stats", []any{}), "expects schema!"},
		{"successful is a number", with(good, "training_successful", 1), "schema!"},
		{"events below 0", with(good, "events_processed", -1), "schema!"},
		{"events not whole", with(good, "events_processed", 0.5), "schema!"},
		{"pattern length 0", st("max_pattern_length", 0), "schema!"},
		{"unknown function", st("distance_function", "hamming"), "schema!"},
		{"dimensions below 0", st("feature_dimensions", -1), "no-dimensions schema!"},
		{"average is null", st("average_distance", (*int)(nil)), ""},
		{"analysis is null", with(good, "transformer_analysis", (*int)(nil)), ""},
	})
	rep := check(t, "a.json", toJSON(t, good))
	wantStats := []Value{{"successful", true}, {"events", int64(100)}, {"states", int64(101)}, {"patterns", int64(12)},
		{"chords", int64(3)}, {"duration", 183.5}, {"tempo", 120.5}}
	if d := cmp.Diff(wantStats, rep.Stats); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{"states": int64(101), "events": int64(100)}, rep.Metrics); d != "" {
		t.Error(d)
	}
	// Older ones keep their chords one level down.
	old := with(good, "transformer_analysis", object{"chord_progression": object{"chords": []any{"D", "G"}}})
	if got := stat(check(t, "a.json", toJSON(t, old)), "chords"); got != int64(2) {
		t.Errorf("%v chords", got)
	}
}
