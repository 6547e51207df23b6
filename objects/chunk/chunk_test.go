package chunk

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func cut(t testing.TB, r io.Reader) (pieces [][]byte) {
	c := New(r)
	for {
		p, last, err := c.Next(nil)
		if err == io.EOF {
			return pieces
		}
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, p)
		if last {
			if _, _, err := c.Next(nil); err != io.EOF {
				t.Fatal("a piece after the last:", err)
			}
			return pieces
		}
	}
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
		if !bytes.Equal(bytes.Join(want, nil), data[:n]) {
			t.Fatalf("%d bytes do not come back", n)
		}
		for i, p := range want {
			if len(p) > Max || (len(p) < Min && i < len(want)-1) {
				t.Errorf("piece %d of %d bytes", i, len(p))
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
	if len(pieces) != 3 || len(pieces[0]) != Max || len(pieces[2]) != 5 {
		t.Fatal(len(pieces))
	}
}

func TestInsertionKeepsMostPieces(t *testing.T) {
	data := random(30 << 20)
	seen := map[string]bool{}
	for _, p := range cut(t, bytes.NewReader(data)) {
		seen[string(p)] = true
	}
	edited := append(append(append([]byte{}, data[:10<<20]...), "inserted"...), data[10<<20:]...)
	fresh := 0
	for _, p := range cut(t, bytes.NewReader(edited)) {
		if !seen[string(p)] {
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
		if _, _, err := c.Next(nil); err != nil {
			if err != boom {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no error")
}

func BenchmarkCut(b *testing.B) {
	data := random(64 << 20)
	b.SetBytes(int64(len(data)))
	buf := make([]byte, 0, Max)
	for b.Loop() {
		c := New(bytes.NewReader(data))
		for {
			if _, last, _ := c.Next(buf); last {
				break
			}
		}
	}
}
