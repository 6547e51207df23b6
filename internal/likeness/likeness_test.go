package likeness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

func compare(t *testing.T, a, b []byte) float64 {
	t.Helper()
	s, err := Of(bytes.NewReader(a), int64(len(a)))
	if err != nil {
		t.Fatal(err)
	}
	like, err := s.Compare(bytes.NewReader(b), int64(len(b)))
	if err != nil || like < 0 || like > 1 {
		t.Fatalf("%v, %v", like, err)
	}
	return like
}

// document is JSON with n numbers, of which those at the places in changed are others.
func document(n int, changed func(i int) bool) []byte {
	rng := rand.New(rand.NewPCG(3, 3))
	var b bytes.Buffer
	b.WriteString(`{"weights": [`)
	for i := range n {
		x := rng.Float64()
		if changed(i) {
			x++
		}
		fmt.Fprintf(&b, "%v, ", x)
	}
	b.WriteString("0]}\n")
	return b.Bytes()
}

func TestText(t *testing.T) {
	never := func(int) bool { return false }
	for _, n := range []int{3, 500, 200_000} {
		a := document(n, never)
		if like := compare(t, a, a); like != 1 {
			t.Errorf("%d numbers: the same is alike by %v", n, like)
		}
	}
	a := document(50_000, never)
	last := 1.0
	for _, part := range []int{100, 20, 5, 2} {
		like := compare(t, a, document(50_000, func(i int) bool { return i%part == 0 }))
		if like >= last || like == 0 {
			t.Errorf("one in %d changed: %v, after %v", part, like, last)
		}
		last = like
	}
	if like := compare(t, a, document(50_000, func(int) bool { return true })); like > 0.01 {
		t.Errorf("all changed: %v", like)
	}
	// Where it was inserted does not matter.
	if like := compare(t, a, append([]byte(`{"more": [1,2,3],`), a[1:]...)); like < 0.99 {
		t.Errorf("inserted: %v", like)
	}
	if like := compare(t, []byte("  \n"), []byte("")); like != 0 {
		t.Errorf("nothing at all: %v", like)
	}
	if like := compare(t, []byte(strings.Repeat("a", 3*blockSize)), []byte(strings.Repeat("a", 3*blockSize))); like != 1 {
		t.Errorf("a word longer than a block: %v", like)
	}
}

func TestBinary(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	a := make([]byte, 1<<20)
	for i := range a {
		a[i] = byte(rng.Uint32())
	}
	a[0] = 0
	if like := compare(t, a, a); like != 1 {
		t.Errorf("the same: %v", like)
	}
	b := bytes.Clone(a)
	for i := 1; i < len(b); i += 2 {
		b[i]++
	}
	if like := compare(t, a, b); like < 0.45 || like > 0.55 {
		t.Errorf("every other byte: %v", like)
	}
	if like := compare(t, a, a[:1000]); like != 0 {
		t.Errorf("another size: %v", like)
	}
	if like := compare(t, []byte{0}, []byte{0}); like != 1 {
		t.Errorf("one byte: %v", like)
	}
	if like := compare(t, document(100, func(int) bool { return false }), a); like != 0 {
		t.Errorf("text and other: %v", like)
	}
}

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func TestReadErrors(t *testing.T) {
	if _, err := Of(broken{}, 10); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	for _, data := range []string{"text", "\x00"} {
		s, err := Of(strings.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Compare(broken{}, int64(len(data))); !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
	}
}
