package bisect

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func version(seq uint64) Version {
	return Version{Seq: seq, ID: strings.Repeat("ab", 32), Entry: seq + 1, Line: 1}
}

func newState(t testing.TB, good, bad uint64) *State {
	t.Helper()
	s, err := NewState(version(good), version(bad))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPlaces(t *testing.T) {
	s := newState(t, 10, 20)
	for _, c := range []struct{ seq, place uint64 }{{10, 0}, {3, 0}, {11, 1}, {20, 10}} {
		if got := s.Place(c.seq); got != c.place {
			t.Errorf("v%d is at %d, want %d", c.seq, got, c.place)
		}
	}
	s.Only = []uint64{12, 15, 19}
	for _, c := range []struct{ seq, place uint64 }{{10, 0}, {11, 0}, {12, 1}, {14, 1}, {15, 2}, {19, 3}, {20, 3}} {
		if got := s.Place(c.seq); got != c.place {
			t.Errorf("v%d is at %d, want %d", c.seq, got, c.place)
		}
	}
	for place, seq := range []uint64{10, 12, 15, 19} {
		if got := s.Seq(uint64(place)); got != seq {
			t.Errorf("at %d is v%d, want v%d", place, got, seq)
		}
	}
}

func TestNewStateRefuses(t *testing.T) {
	for _, good := range []uint64{5, 6} {
		if _, err := NewState(version(good), version(5)); !errors.Is(err, ErrContradiction) {
			t.Errorf("good v%d, bad v5: %v", good, err)
		}
	}
}

func TestStateRoundTrip(t *testing.T) {
	s := newState(t, 10, 20)
	s.Paths, s.Only = []string{"a.json"}, []uint64{12, 15, 19}
	s.Steps = []Step{{version(15), Skip}, {version(12), Good}}
	s.Trees = []string{strings.Repeat("01", 32)}
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseState(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s, got); d != "" {
		t.Error(d)
	}
}

func TestParseStateRefuses(t *testing.T) {
	b, err := newState(t, 10, 20).Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	id := strings.Repeat("ab", 32)
	for name, text := range map[string]string{
		"empty":            "",
		"cut off":          good[:len(good)/2],
		"another format":   strings.Replace(good, `"format":1`, `"format":2`, 1),
		"good after bad":   strings.Replace(good, `"seq":10`, `"seq":21`, 1),
		"a short ID":       strings.Replace(good, id, "abab", 1),
		"a wrong verdict":  strings.Replace(good, `"steps":[]`, `"steps":[{"seq":12,"id":"`+id+`","verdict":"fine"}]`, 1),
		"a contradiction":  strings.Replace(good, `"steps":[]`, `"steps":[{"seq":20,"id":"`+id+`","verdict":"good"}]`, 1),
		"beyond the range": strings.Replace(good, `"steps":[]`, `"steps":[{"seq":30,"id":"`+id+`","verdict":"bad"}]`, 1),
		"unordered":        strings.Replace(good, `"steps":[]`, `"only":[15,12],"steps":[]`, 1),
		"no tree":          strings.Replace(good, `"steps":[]`, `"trees":["xy"],"steps":[]`, 1),
	} {
		if text == good {
			t.Fatalf("%s: the test changes nothing", name)
		}
		if _, err := ParseState([]byte(text)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever stands in the file is refused or is a search that comes to an end.
func FuzzParseState(f *testing.F) {
	s := newState(f, 10, 40)
	s.Steps = []Step{{version(25), Skip}, {version(17), Bad}}
	b, err := s.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":1,"only":[1]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseState(b)
		if err != nil {
			return
		}
		search, err := s.Search()
		if err != nil {
			t.Fatal(err)
		}
		for range 64 {
			at, ok := search.Next()
			if !ok {
				break
			}
			if seq := s.Seq(at); s.Place(seq) != at {
				t.Fatalf("v%d is at %d, not %d", seq, s.Place(seq), at)
			}
			if err := search.Mark(at, Bad); err != nil {
				t.Fatal(err)
			}
		}
		if _, ok := search.Next(); ok {
			t.Fatal("the search does not end")
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseState(again); err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
	})
}
