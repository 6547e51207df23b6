package history

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// numbers is a source that saves nothing and knows every answer.
type numbers struct{ saved, off int }

func (s *numbers) Save(n int) error { s.saved++; return nil }
func (s *numbers) Close() error     { return nil }

func (s *numbers) ID(n int) (string, error) {
	return fmt.Sprintf("%064x", n)[52:] + strings.Repeat("0", 52), nil
}

func (s *numbers) Resolve(rev string) (int, int, error) {
	if back, ok := strings.CutPrefix(rev, "HEAD"); ok {
		n, _ := strconv.Atoi(strings.TrimPrefix(back, "~"))
		return s.saved - n + s.off, 3, nil
	}
	if v, ok := strings.CutPrefix(rev, "v"); ok {
		n, err := strconv.Atoi(v)
		return n + s.off, 2, err
	}
	n, err := strconv.ParseInt(rev, 16, 64)
	return int(n) + s.off, 4, err
}

func TestLookups(t *testing.T) {
	ctx := context.Background()
	s := &numbers{}
	if _, err := Build(ctx, s, 1000, nil); err != nil {
		t.Fatal(err)
	}
	ls, err := Lookups(ctx, s, 1000)
	if err != nil || len(ls) != 4 {
		t.Fatalf("%d lookups, %v", len(ls), err)
	}
	s.off = 1
	if _, err := Lookups(ctx, s, 1000); err == nil {
		t.Error("a wrong answer was accepted")
	}
}

func TestBuildStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	save := Func(func(n int) error {
		if n == 5 {
			cancel()
		}
		return nil
	})
	if _, err := Build(ctx, save, 10, nil); err == nil {
		t.Error("Build went on after it was cancelled")
	}
}
