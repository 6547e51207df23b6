package corpus

import (
	"fmt"
	"strconv"
)

var (
	chords   = []string{"C", "Dm", "Em", "F", "G7", "Am", "Bdim", "Bb", "Ebmaj7", "F#m7b5", "Ab", "Cm7"}
	meters   = []string{"4/4", "3/4", "7/8"}
	levels   = []string{"phrase", "section", "measure"}
	textures = []string{"sparse", "moderate", "dense"}
	sections = []string{"verse", "chorus", "bridge"}
)

func pick(r rng, of []string) string { return of[r.IntN(len(of))] }

// audioOracle plays the take twice: once for the automaton, once for the
// frames, which need not be kept.
func audioOracle(j *writer, m *model) {
	r := m.meta
	start := 1.75e9 + float64(m.number*86400) + float64(1000*r.Float64())
	o, k := newOracle(), m.track()
	var f frame
	for range m.items {
		f = k.next(f.n)
		o.add(f.symbol())
	}
	j.obj()
	j.key("distance_threshold").num(0.15 + float64(0.2*r.Float64()))
	j.key("distance_function").str("euclidean")
	j.key("max_pattern_length").int(50)
	j.key("feature_dimensions").int(m.dim)
	j.key("adaptive_threshold").bool(true)
	j.key("created_at").str(m.stamp())
	j.key("sequence_length").int(m.items)
	j.key("frame_counter").int(m.items)
	j.key("size").int(m.items + 1)
	j.key("last").int(m.items)
	o.json(j)
	j.key("audio_frames").obj()
	k = m.track()
	for i := range m.items {
		f = k.next(f.n)
		j.keyInt(i)
		f.json(j, i, start)
	}
	j.endObj()
	j.endObj()
}

func trainingResults(j *writer, m *model) {
	r, k := m.meta, m.track()
	j.obj()
	j.key("training_successful").bool(true)
	j.key("timestamp").str(m.stamp())
	j.key("audio_file").str(fmt.Sprintf("input_audio/take_%02d.wav", m.take%12))
	j.key("tempo").num(k.bpm)
	j.key("events_processed").int(m.items)
	j.key("audio_oracle_stats").obj()
	j.key("total_states").int(m.items + 1)
	j.key("sequence_length").int(m.items)
	j.key("is_trained").bool(true)
	j.key("total_patterns").int(r.IntN(4000))
	j.key("average_distance").num(2 + float64(3*r.Float64()))
	j.key("distance_threshold").num(0.15 + float64(0.1*r.Float64()))
	j.key("distance_function").str("euclidean")
	j.key("feature_dimensions").int(m.dim)
	j.endObj()
	j.key("perceptual_events").arr()
	var f frame
	for i := range m.items {
		f = k.next(f.n)
		j.obj()
		j.key("event_id").int(i)
		j.key("t").num(f.t)
		j.key("ioi").num(f.n[nIOI])
		j.key("f0").num(f.n[nF0])
		j.key("rms_db").num(f.n[nRMS])
		j.key("centroid").num(f.n[nCentroid])
		j.key("zcr").num(f.n[nZCR])
		j.key("midi").int(f.midi)
		j.key("cents").num(f.n[nCents])
		j.key("gesture_token").int(r.IntN(64))
		j.key("consonance").num(r.Float64())
		j.key("chord").str(pick(r, chords))
		j.key("features").nums(f.n[nFeatures:])
		j.key("chroma").nums(f.n[nChroma:nFeatures])
		j.key("significance").obj()
		j.key("structural").num(r.Float64())
		j.key("surprise").num(abs(r.norm()))
		j.key("level").str(pick(r, levels))
		j.endObj()
		j.endObj()
	}
	j.endArr()
	j.endObj()
}

func rhythmOracle(j *writer, m *model) {
	r := m.meta
	start := 1.75e9 + float64(m.number*86400)
	id := func(n int) string { return "pattern_" + strconv.Itoa(n) }
	j.obj()
	j.key("timestamp").str(m.stamp())
	j.key("patterns").arr()
	for i := range m.items {
		at := start + float64(float64(i)*0.7) + r.Float64()
		j.obj()
		j.key("pattern_id").str(id(i))
		j.key("tempo").num(60 + float64(120*r.Float64()))
		j.key("density").num(r.Float64())
		j.key("syncopation").num(r.Float64())
		j.key("meter").str(pick(r, meters))
		j.key("pattern_type").str(pick(r, textures))
		j.key("confidence").num(r.Float64())
		j.key("timestamp").num(at)
		j.key("ioi").arr()
		for range 4 + r.IntN(12) {
			j.num(0.12 * float64(1+r.IntN(8)) * r.jitter(0.04))
		}
		j.endArr()
		j.key("context").obj()
		j.key("start_time").num(at - start)
		j.key("end_time").num(at - start + float64(4*r.Float64()))
		j.key("complexity").num(6 * r.Float64())
		j.endObj()
		j.endObj()
	}
	j.endArr()
	j.key("transitions").obj()
	for i := range m.items {
		j.key(id(i)).obj()
		a := r.IntN(m.items)
		for _, to := range []int{a, (a + 1) % m.items} {
			j.key(id(to)).obj()
			j.key("frequency").int(1 + r.IntN(5))
			j.key("context").str(pick(r, sections))
			j.endObj()
		}
		j.endObj()
	}
	j.endObj()
	j.endObj()
}

func correlation(j *writer, m *model) {
	r := m.meta
	j.obj()
	j.key("timestamp").str(m.stamp())
	j.key("tempo").nums([]float64{60 + float64(120*r.Float64())})
	j.key("joint_patterns").arr()
	for i := range m.items {
		j.obj()
		j.key("pattern_id").str(fmt.Sprintf("corr_%d_%d", m.number, i))
		j.key("correlation_strength").num(r.Float64())
		j.key("pearson_r").num(float64(2*r.Float64()) - 1)
		p := r.Float64()
		j.key("p_value").num(p * p * p * p * p * p)
		j.key("lag_s").num(0.3 * r.norm())
		j.key("frequency").int(1 + r.IntN(40))
		j.key("harmonic_signature").obj()
		j.key("chord").str(pick(r, chords))
		j.key("tension").num(r.Float64())
		j.key("root").int(r.IntN(12))
		j.endObj()
		j.key("rhythmic_signature").obj()
		j.key("tempo").num(60 + float64(120*r.Float64()))
		j.key("density").num(r.Float64())
		j.key("syncopation").num(r.Float64())
		j.endObj()
		j.key("contexts").arr().str(pick(r, sections)).endArr()
		j.endObj()
	}
	j.endArr()
	j.key("cross_modal").obj()
	for _, c := range chords {
		j.key(c).obj()
		for _, with := range []string{"tempo", "density", "syncopation", "swing"} {
			j.key(with).num(float64(2*r.Float64()) - 1)
		}
		j.endObj()
	}
	j.endObj()
	j.endObj()
}

func harmonicTransitions(j *writer, m *model) {
	r := m.meta
	j.obj()
	j.key("timestamp").str(m.stamp())
	j.key("transitions").obj()
	for i := range m.items {
		j.key(fmt.Sprintf("%s->%s@%d", pick(r, chords), pick(r, chords), i)).obj()
		j.key("probability").num(r.Float64())
		j.key("count").int(1 + r.IntN(60))
		j.key("from_chord_occurrences").int(60 + r.IntN(600))
		j.key("average_duration").num(0.3 + float64(3*r.Float64()))
		j.key("average_rms_db").num(f32(-40 + float64(30*r.Float64())))
		j.key("examples").nums([]float64{300 * r.Float64(), 300 * r.Float64(), 300 * r.Float64()})
		j.endObj()
	}
	j.endObj()
	j.endObj()
}
