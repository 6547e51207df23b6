// Package sampling lets tests that try very many cases (a crash at every operation,
// every byte flipped) try some of them in an ordinary run, others in each run, and
// all of them in a long one.
package sampling

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

const (
	// LongEnv is the environment variable that asks for the long form of tests: all
	// cases, and that much time for those without an end ("10m"). See make torture.
	LongEnv = "MSTORE_TORTURE"
	// SeedEnv repeats the choice of a run, whose seed is in its log.
	SeedEnv = "MSTORE_SAMPLE"
)

// Long tells whether all cases are wanted.
func Long() bool { return os.Getenv(LongEnv) != "" }

// Step returns 1 in a long run, else short with -short and plain without it: one
// of how many cases is tried.
func Step(plain, short int) int {
	switch {
	case Long():
		return 1
	case testing.Short():
		return short
	}
	return plain
}

// Of returns a function to be called once for each case, in a fixed order, which
// tells whether this one is tried: one of every Step(plain, short) that follow one
// another, chosen at random. The seed goes to the test's log.
func Of(t testing.TB, plain, short int) func() bool {
	t.Helper()
	step := Step(plain, short)
	if step <= 1 {
		return func() bool { return true }
	}
	seed, err := strconv.ParseUint(os.Getenv(SeedEnv), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("one of %d cases: %s=%d", step, SeedEnv, seed)
	return each(step, seed)
}

// each chooses one of every step.
func each(step int, seed uint64) func() bool {
	rng := rand.New(rand.NewPCG(seed, uint64(step)))
	i, chosen := 0, 0
	return func() bool {
		if i%step == 0 {
			chosen = i + rng.IntN(step)
		}
		i++
		return i-1 == chosen
	}
}
