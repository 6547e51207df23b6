package corpus

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// rng is a source of numbers that are the same on every machine.
type rng struct{ *rand.Rand }

func newRNG(seed, stream uint64) rng { return rng{rand.New(rand.NewPCG(seed, stream))} }

// norm draws from nearly a normal distribution (mean 0, deviation 1, never
// beyond 4.9): the sum of eight 16-bit uniforms. Exact in integers, unlike a
// method that takes logarithms.
func (r rng) norm() float64 {
	a, b := r.Uint64(), r.Uint64()
	const lanes = 0x0000ffff0000ffff
	s := a&lanes + a>>16&lanes + b&lanes + b>>16&lanes
	sum := int64(s>>32) + int64(s&math.MaxUint32)
	const deviation = 53509.94 // of the sum: 65536 * sqrt(8/12)
	return float64(sum-4*65535) / deviation
}

// fill sets dst to norm draws, as norm itself would.
func (r rng) fill(dst []float32, mean, deviation float64) {
	for i := range dst {
		dst[i] = float32(mean + float64(deviation*r.norm()))
	}
}

func (r rng) chance(oneIn int) bool { return r.IntN(oneIn) == 0 }

// jitter is near 1, off by about rel.
func (r rng) jitter(rel float64) float64 { return 1 + float64(rel*r.norm()) }

// weight is at least 1 and heavy-tailed, like file sizes.
func (r rng) weight(tail float64) float64 {
	u := r.Float64()
	return 1 + float64(tail*u*u)/(1.02-u)
}

// f32 rounds to single precision and back: what array libraries hand to a
// JSON writer, 17 digits long when printed.
func f32(x float64) float64 { return float64(float32(x)) }

// semitone[i] is 2^(i/12) rounded.
var semitone = [12]float64{1, 1.0594630943592953, 1.122462048309373, 1.189207115002721, 1.2599210498948732, 1.3348398541700344,
	1.4142135623730951, 1.4983070768766815, 1.5874010519681994, 1.681792830507429, 1.7817974362806785, 1.8877486253633868}

// hertz is the frequency of a MIDI note, A4 = 69 = 440 Hz.
func hertz(note int) float64 {
	k := note - 69 + 120
	return math.Ldexp(440*semitone[k%12], k/12-10)
}

// isqrt is the whole part of the square root.
func isqrt(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	x := uint64(1) << ((bits.Len64(n) + 1) / 2)
	for {
		y := (x + n/x) / 2
		if y >= x {
			return x
		}
		x = y
	}
}
