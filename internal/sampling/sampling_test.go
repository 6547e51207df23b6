package sampling

import (
	"slices"
	"testing"
)

func chosen(step int, seed uint64, of int) (at []int) {
	try := each(step, seed)
	for i := range of {
		if try() {
			at = append(at, i)
		}
	}
	return at
}

// One of each run of cases is chosen, in time every one, and a seed chooses again
// what it chose.
func TestEach(t *testing.T) {
	seen := map[int]bool{}
	for seed := range uint64(200) {
		at := chosen(5, seed, 23)
		if len(at) < 4 {
			t.Fatalf("seed %d chooses %v", seed, at)
		}
		for i, n := range at {
			if n/5 != i {
				t.Fatalf("seed %d chooses %v", seed, at)
			}
			seen[n] = true
		}
		if again := chosen(5, seed, 23); !slices.Equal(at, again) {
			t.Fatalf("seed %d chooses %v, then %v", seed, at, again)
		}
	}
	if len(seen) != 23 {
		t.Errorf("%d of 23 cases are ever tried", len(seen))
	}
}

func TestLongRunTriesAll(t *testing.T) {
	t.Setenv(LongEnv, "1s")
	try := Of(t, 5, 50)
	for i := range 100 {
		if !try() {
			t.Fatalf("case %d is left out", i)
		}
	}
	if n := Step(5, 50); n != 1 {
		t.Errorf("one of %d", n)
	}
}

func TestSeedRepeats(t *testing.T) {
	t.Setenv(LongEnv, "")
	t.Setenv(SeedEnv, "7")
	step := Step(5, 50)
	a, b := Of(t, 5, 50), each(step, 7)
	for i := range 500 {
		if a() != b() {
			t.Fatalf("case %d differs", i)
		}
	}
}
