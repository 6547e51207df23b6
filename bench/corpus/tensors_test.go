package corpus

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// readTensors reads a file as any reader of safetensors would; the numbers of
// each tensor as they are stored.
func readTensors(t *testing.T, path string) map[string][]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(b)
	var head map[string]json.RawMessage
	if err := json.Unmarshal(b[8:8+n], &head); err != nil {
		t.Fatal(err)
	}
	delete(head, "__metadata__")
	b = b[8+n:]
	left, tensors := len(b), map[string][]byte{}
	for name, raw := range head {
		var x struct {
			Dtype   dtype
			Shape   []int
			Offsets [2]int `json:"data_offsets"`
		}
		if err := json.Unmarshal(raw, &x); err != nil {
			t.Fatal(err)
		}
		tensors[name] = b[x.Offsets[0]:x.Offsets[1]]
		size := (&tensor{shape: x.Shape}).len() * x.Dtype.width()
		if size != len(tensors[name]) {
			t.Errorf("%s: %s has %d bytes, its shape gives %d", path, name, len(tensors[name]), size)
		}
		left -= size
	}
	if left != 0 {
		t.Errorf("%s: %d bytes belong to no tensor", path, left)
	}
	return tensors
}

func TestTrain(t *testing.T) {
	dir := t.TempDir()
	if err := Write("train", dir, 0.02); err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]int{"f32": 14, "bf16": 14, "adam": 4} {
		names, err := filepath.Glob(filepath.Join(dir, kind, "*.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if len(names) != want {
			t.Errorf("%s: %d checkpoints, want %d", kind, len(names), want)
		}
	}
	const name = "step0012.safetensors" // the sixth, so there are all kinds of it
	full := readTensors(t, filepath.Join(dir, "f32", name))
	half := readTensors(t, filepath.Join(dir, "bf16", name))
	adam := readTensors(t, filepath.Join(dir, "adam", name))
	if len(full) != 5 || len(half) != 5 || len(adam) != 15 {
		t.Fatalf("%d, %d and %d tensors; want 5, 5 and 15", len(full), len(half), len(adam))
	}
	for tensor, b := range full {
		if string(adam[tensor]) != string(b) {
			t.Errorf("%s: the weights beside the moments are others", tensor)
		}
		for i := range len(b) / 4 {
			x := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			if got := binary.LittleEndian.Uint16(half[tensor][2*i:]); got != toBF16(x) {
				t.Fatalf("%s: number %d is %v, and %#x in bf16", tensor, i, x, got)
			}
		}
	}
}

// The network learns: what is written are the weights of a model that works.
func TestNetworkLearns(t *testing.T) {
	n := newNetwork(1, 32)
	before := n.train(10, 0)
	n.train(300, 2e-3)
	after := n.train(20, 0)
	if before > 0.1 || after < 0.2 {
		t.Errorf("right in %.0f%% of the cases before and %.0f%% after; want under 10%% and over 20%%", 100*before, 100*after)
	}
}

// The gradients are those of the loss: moving one weight a little changes it
// as they say.
func TestGradients(t *testing.T) {
	n := newNetwork(2, 8)
	seen, want := n.text[:window], int(n.text[window])
	loss := func() float64 {
		n.learn(seen, want)
		return -math.Log(float64(batch*n.y[want]) + 1)
	}
	for _, p := range n.params {
		at := len(p.w) / 2
		if p == n.embedding {
			at = int(seen[3])*embed + 5
		}
		clear(p.g)
		loss()
		g := float64(batch * p.g[at])
		const d = 1e-2
		was := p.w[at]
		p.w[at] = was + d
		up := loss()
		p.w[at] = was - d
		down := loss()
		p.w[at] = was
		if got := (up - down) / (2 * d); math.Abs(got-g) > 1e-3+0.05*math.Abs(g) {
			t.Errorf("%s: gradient %v, by differences %v", p.name, g, got)
		}
	}
}

func TestExp(t *testing.T) {
	for x := 0.0; x > -90; x -= 0.37 {
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 1e-13*want {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	if exp(-1e6) != 0 {
		t.Error("no underflow")
	}
}

func TestLarge(t *testing.T) {
	dir := t.TempDir()
	if err := Write("large", dir, 0.01); err != nil {
		t.Fatal(err)
	}
	tensors := readTensors(t, filepath.Join(dir, "large.safetensors"))
	total, small := 0, 0
	for _, b := range tensors {
		total += len(b)
		if len(b) < 2<<20 {
			small++ // the last one may be
		}
		if len(b) > 64<<20 {
			t.Errorf("a tensor of %d bytes", len(b))
		}
	}
	if total > 40e6 || total < 39.9e6 || small > 1 {
		t.Errorf("%d bytes in %d tensors, %d of them under 2 MiB", total, len(tensors), small)
	}
}
