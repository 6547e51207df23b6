package corpus

// track is a synthetic performance from which frames are drawn: a slow random
// walk over pitch, loudness and timbre.
type track struct {
	r      rng
	t      float64 // seconds since the start
	bpm    float64
	midi   int
	rms    float64 // dB
	timbre []float64
}

// newTrack starts a performance whose frames have dim features.
func newTrack(r rng, dim int) *track {
	k := &track{r: r, midi: 40 + r.IntN(30), rms: -30 + float64(10*r.Float64()), bpm: 70 + float64(90*r.Float64()), timbre: make([]float64, dim)}
	for i := range k.timbre {
		k.timbre[i] = 0.2 * r.norm()
	}
	return k
}

// frame is one analysed moment. Its numbers lie in one slice, so that a later
// save can edit them one by one.
type frame struct {
	t    float64
	midi int
	n    []float64 // see the constants, then 12 of chroma, then the features
}

const (
	nIOI = iota
	nF0
	nRMS
	nCentroid
	nRolloff
	nBandwidth
	nZCR
	nCents
	nOnset
	nChroma
	nFeatures = nChroma + 12
)

var (
	minor = []int{0, 2, 3, 5, 7, 8, 10}
	beats = []float64{0.25, 0.25, 0.5, 0.5, 1, 1.5}
)

// next plays one more frame. buf is used for its numbers if it is large enough.
func (k *track) next(buf []float64) frame {
	r := k.r
	ioi := 60 / k.bpm * beats[r.IntN(len(beats))] * r.jitter(0.03)
	k.t += ioi
	k.rms = max(-80, min(-3, k.rms+float64(2*r.norm())))
	k.midi = max(28, min(96, k.midi+r.IntN(9)-4))
	note := k.midi/12*12 + minor[r.IntN(len(minor))]
	cents := f32(12 * r.norm())
	n := append(buf[:0], make([]float64, nFeatures+len(k.timbre))...)
	n[nIOI], n[nRMS], n[nCents] = ioi, f32(k.rms), cents
	n[nF0] = f32(hertz(note) * (1 + float64(cents*0.0005777895)))
	n[nCentroid] = f32(800 + float64(1800*abs(r.norm())))
	n[nRolloff] = f32(n[nCentroid] * (1.6 + float64(0.3*r.Float64())))
	n[nBandwidth] = f32(n[nCentroid] * (0.7 + float64(0.2*r.Float64())))
	n[nZCR] = f32(0.02 + float64(0.1*r.Float64()))
	n[nOnset] = f32(abs(r.norm()))
	for i := range 12 {
		n[nChroma+i] = f32(abs(r.norm()) * 0.1)
	}
	n[nChroma+note%12] = 1
	for i := range k.timbre {
		k.timbre[i] += float64(0.02 * r.norm())
		n[nFeatures+i] = f32(k.timbre[i] + float64(0.05*r.norm()))
	}
	return frame{t: k.t, midi: note, n: n}
}

func abs(x float64) float64 { return max(x, -x) }

// symbol is the letter that a frame is in the automaton's alphabet.
func (f *frame) symbol() int { return f.midi%12*4 + int(-f.n[nRMS]/20) }

// json writes the frame as an audio oracle keeps it.
func (f *frame) json(j *writer, id int, start float64) {
	j.obj()
	j.key("timestamp").num(start + f.t)
	j.key("frame_id").int(id)
	j.key("features").nums(f.n[nFeatures:])
	j.key("audio_data").obj()
	j.key("t").num(start + f.t)
	j.key("rms_db").num(f.n[nRMS])
	j.key("f0").num(f.n[nF0])
	j.key("centroid").num(f.n[nCentroid])
	j.key("rolloff").num(f.n[nRolloff])
	j.key("bandwidth").num(f.n[nBandwidth])
	j.key("zcr").num(f.n[nZCR])
	j.key("ioi").num(f.n[nIOI])
	j.key("midi").int(f.midi)
	j.key("cents").num(f.n[nCents])
	j.key("onset").num(f.n[nOnset])
	j.key("gesture_token").int(f.symbol())
	j.key("chroma").nums(f.n[nChroma:nFeatures])
	j.endObj()
	j.endObj()
}
