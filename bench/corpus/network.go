package corpus

import "math"

// Sizes of the network beside its hidden layer.
const (
	symbols = 96 // space to tilde, and the line feed
	window  = 16 // symbols that it sees
	embed   = 24 // numbers for each of them
	batch   = 16 // examples in a step
)

// network predicts the next symbol of a text from the window before it: an
// embedding, one hidden layer with ReLU, softmax. It learns in float32 with
// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015), by
// one goroutine and with every product rounded, so that its weights are the
// same bytes on every machine.
type network struct {
	r      rng
	text   []byte // symbols
	hidden int
	step   int
	params []*param

	embedding, in, inBias, out, outBias *param

	// of one example: inputs, hidden layer, outputs, and the gradients of the
	// first two; those of the outputs take their place
	x, h, y, dx, dh []float32
}

// param is one tensor that is learnt, in rows: its weights, their gradients and
// the optimiser's moments.
type param struct {
	name       string
	shape      []int
	w, g, m, v []float32
}

func (p *param) row(of []float32, i int) []float32 {
	n := p.shape[len(p.shape)-1]
	return of[i*n : i*n+n]
}

func newNetwork(seed uint64, hidden int) *network {
	n := &network{r: newRNG(seed, 1), text: prose(newRNG(seed, 2), 200_000), hidden: hidden}
	add := func(name string, deviation float64, shape ...int) *param {
		p := &param{name: name, shape: shape}
		size := (&tensor{shape: shape}).len()
		p.w, p.g, p.m, p.v = make([]float32, size), make([]float32, size), make([]float32, size), make([]float32, size)
		n.r.fill(p.w, 0, deviation)
		n.params = append(n.params, p)
		return p
	}
	n.embedding = add("embed.weight", 0.1, symbols, embed)
	n.in, n.inBias = add("fc1.weight", 0.05, window*embed, hidden), add("fc1.bias", 0, hidden)
	n.out, n.outBias = add("out.weight", 0.04, hidden, symbols), add("out.bias", 0, symbols)
	n.x, n.dx = make([]float32, window*embed), make([]float32, window*embed)
	n.h, n.dh, n.y = make([]float32, hidden), make([]float32, hidden), make([]float32, symbols)
	return n
}

// train makes steps of the given size, each on a batch drawn from the text, and
// returns how often the likeliest symbol was the right one.
func (n *network) train(steps int, rate float32) float64 {
	right := 0
	for range steps {
		for _, p := range n.params {
			clear(p.g)
		}
		for range batch {
			at := n.r.IntN(len(n.text) - window)
			if n.learn(n.text[at:at+window], int(n.text[at+window])) {
				right++
			}
		}
		n.step++
		n.adam(rate)
	}
	return float64(right) / float64(steps*batch)
}

// learn adds what one example gives to the gradients.
func (n *network) learn(seen []byte, want int) bool {
	for k, s := range seen {
		copy(n.x[k*embed:], n.embedding.row(n.embedding.w, int(s)))
	}
	copy(n.h, n.inBias.w)
	for i, x := range n.x {
		addScaled(n.h, x, n.in.row(n.in.w, i))
	}
	copy(n.y, n.outBias.w)
	for j, h := range n.h {
		if h <= 0 {
			n.h[j] = 0
			continue
		}
		addScaled(n.y, h, n.out.row(n.out.w, j))
	}
	best := softmax(n.y)

	n.y[want]--
	for i := range n.y {
		n.y[i] /= batch
	}
	addScaled(n.outBias.g, 1, n.y)
	for j, h := range n.h {
		n.dh[j] = 0
		if h > 0 {
			addScaled(n.out.row(n.out.g, j), h, n.y)
			n.dh[j] = dot(n.out.row(n.out.w, j), n.y)
		}
	}
	addScaled(n.inBias.g, 1, n.dh)
	for i, x := range n.x {
		addScaled(n.in.row(n.in.g, i), x, n.dh)
		n.dx[i] = dot(n.in.row(n.in.w, i), n.dh)
	}
	for k, s := range seen {
		addScaled(n.embedding.row(n.embedding.g, int(s)), 1, n.dx[k*embed:][:embed])
	}
	return best == want
}

// adam moves the weights along their gradients.
func (n *network) adam(rate float32) {
	const keep1, keep2, tiny = float32(0.9), float32(0.999), float32(1e-8)
	pow1, pow2 := 1.0, 1.0 // by products: math.Pow may differ in its last bit
	for range n.step {
		pow1, pow2 = float64(pow1*0.9), float64(pow2*0.999)
	}
	size := rate / float32(1-pow1)
	root := float32(math.Sqrt(1 - pow2))
	for _, p := range n.params {
		for i, g := range p.g {
			m := float32(keep1*p.m[i]) + float32((1-keep1)*g)
			v := float32(keep2*p.v[i]) + float32(float32((1-keep2)*g)*g)
			p.m[i], p.v[i] = m, v
			p.w[i] -= float32(size*m) / (float32(math.Sqrt(float64(v)))/root + tiny)
		}
	}
}

// addScaled adds a*x to dst, which is as long.
func addScaled(dst []float32, a float32, x []float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] += float32(a * v)
	}
}

// dot is the sum of products, in four sums side by side.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float32(a[0] * b[0])
		s1 += float32(a[1] * b[1])
		s2 += float32(a[2] * b[2])
		s3 += float32(a[3] * b[3])
		a, b = a[4:], b[4:]
	}
	for i := range a {
		s0 += float32(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// softmax makes probabilities of y and tells which is the greatest.
func softmax(y []float32) (best int) {
	for i, v := range y {
		if v > y[best] {
			best = i
		}
	}
	top, sum := y[best], float32(0)
	for i, v := range y {
		y[i] = float32(exp(float64(v - top)))
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
	return best
}

// exp is e to the power of x <= 0 by its series, and 0 where float32 ends.
// math.Exp is written in assembly for some processors.
func exp(x float64) float64 {
	if x < -100 {
		return 0
	}
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := x - float64(k*math.Ln2)
	sum := 1.0
	for i := 12.0; i > 0; i-- {
		sum = 1 + float64(sum*r)/i
	}
	return math.Ldexp(sum, int(k))
}

// prose makes a text of made-up words, few of them often, in sentences; as
// symbols, which the letters are counted from.
func prose(r rng, size int) []byte {
	const letters, vowels = "bcdfghjklmnprstvwz", "aeiou"
	words := make([]string, 1500)
	for i := range words {
		for range 1 + r.IntN(3) {
			words[i] += letters[r.IntN(len(letters)):][:1] + vowels[r.IntN(len(vowels)):][:1]
			if r.chance(3) {
				words[i] += letters[r.IntN(len(letters)):][:1]
			}
		}
	}
	var b []byte
	for len(b) < size {
		start := len(b)
		for range 4 + r.IntN(12) {
			u := r.Float64()
			b = append(b, words[int(float64(len(words))*u*u*u)]...)
			if r.chance(9) {
				b = append(b, ',')
			}
			b = append(b, ' ')
		}
		b[start] -= 'a' - 'A'
		b[len(b)-1] = '.'
		b = append(b, " \n"[r.IntN(2)])
	}
	for i, c := range b {
		if b[i] = c - ' '; c == '\n' {
			b[i] = symbols - 1
		}
	}
	return b
}
