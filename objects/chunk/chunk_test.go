package chunk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func cut(t interface{ Fatal(...any) }, r io.Reader) (pieces []Piece) {
	c := New(r)
	for {
		p, err := c.Next(nil)
		if err == io.EOF {
			return pieces
		}
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, p)
		if p.Last {
			if _, err := c.Next(nil); err != io.EOF {
				t.Fatal("a piece after the last:", err)
			}
			return pieces
		}
	}
}

func join(pieces []Piece) (all []byte) {
	for _, p := range pieces {
		all = append(all, p.Raw...)
	}
	return all
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func TestPiecesJoinToTheWhole(t *testing.T) {
	data := random(20 << 20)
	for _, n := range []int{0, 1, Min - 1, Min, Min + 1, 3 << 20, len(data)} {
		want := cut(t, bytes.NewReader(data[:n]))
		if !bytes.Equal(join(want), data[:n]) {
			t.Fatalf("%d bytes do not come back", n)
		}
		for i, p := range want {
			if len(p.Raw) > Max || (len(p.Raw) < Min && i < len(want)-1) {
				t.Errorf("piece %d of %d bytes", i, len(p.Raw))
			}
		}
		// The cuts do not depend on how the reader gives its bytes.
		for _, r := range []io.Reader{iotest.HalfReader(bytes.NewReader(data[:n])), iotest.DataErrReader(bytes.NewReader(data[:n]))} {
			if got := cut(t, r); len(got) != len(want) {
				t.Errorf("%d pieces, want %d", len(got), len(want))
			}
		}
	}
}

func TestNoBoundaryCutsAtMax(t *testing.T) {
	pieces := cut(t, bytes.NewReader(make([]byte, 2*Max+5)))
	if len(pieces) != 3 || len(pieces[0].Raw) != Max || len(pieces[2].Raw) != 5 {
		t.Fatal(len(pieces))
	}
}

func TestInsertionKeepsMostPieces(t *testing.T) {
	data := random(30 << 20)
	seen := map[string]bool{}
	for _, p := range cut(t, bytes.NewReader(data)) {
		seen[string(p.Raw)] = true
	}
	edited := append(append(append([]byte{}, data[:10<<20]...), "inserted"...), data[10<<20:]...)
	fresh := 0
	for _, p := range cut(t, bytes.NewReader(edited)) {
		if !seen[string(p.Raw)] {
			fresh++
		}
	}
	if fresh > 3 {
		t.Errorf("%d new pieces after one insertion", fresh)
	}
}

func TestReadErrorIsPassedOn(t *testing.T) {
	boom := errors.New("boom")
	c := New(io.MultiReader(bytes.NewReader(random(Min+Max)), iotest.ErrReader(boom)))
	for range 10 {
		if _, err := c.Next(nil); err != nil {
			if err != boom {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no error")
}

func benchmarkCut(b *testing.B, data []byte) {
	b.SetBytes(int64(len(data)))
	buf := make([]byte, 0, Max)
	for b.Loop() {
		c := New(bytes.NewReader(data))
		for {
			if p, _ := c.Next(buf); p.Last {
				break
			}
		}
	}
}

func BenchmarkCut(b *testing.B)     { benchmarkCut(b, random(64<<20)) }
func BenchmarkCutJSON(b *testing.B) { benchmarkCut(b, jsonFile(5_000_000, 0)) }
func BenchmarkCutTensors(b *testing.B) {
	benchmarkCut(b, safetensorsFile("", f32(1, "a", 2048, 2048), f32(2, "b", 2048), f32(3, "c", 4096, 2048)))
}

// A header of 10,000 tensors, and one of 10.
func BenchmarkHeader(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		var all []sample
		for i := range n {
			all = append(all, f32(1, fmt.Sprintf("model.layers.%d.mlp.up_proj.weight", i), 1))
		}
		data := safetensorsFile("", all...)
		head := data[:len(data)-4*n]
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				c := New(bytes.NewReader(head))
				if _, err := c.Next(nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
