package bisect

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// Version names one version of the line.
type Version struct {
	Seq   uint64 `json:"seq"` // as in v12
	ID    string `json:"id"`  // 64 hex digits
	Entry uint64 `json:"entry,omitempty"`
	Line  uint64 `json:"line,omitempty"`
}

// Name is "v12".
func (v Version) Name() string { return fmt.Sprintf("v%d", v.Seq) }

func (v Version) valid() bool { return isHash(v.ID) && v.Seq > 0 }

func isHash(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 32 && hex.EncodeToString(raw) == s
}

// Step is one verdict.
type Step struct {
	Version
	Verdict Verdict `json:"verdict"`
}

// State is a search as it is kept between commands. Good and Bad are where it began.
type State struct {
	Format int      `json:"format"`
	Good   Version  `json:"good"`
	Bad    Version  `json:"bad"`
	Paths  []string `json:"paths,omitempty"`
	// Only, if not empty, are the candidates, ascending: all others hold the same, as
	// far as Paths go, as the nearest one before them.
	Only  []uint64 `json:"only,omitempty"`
	Steps []Step   `json:"steps"`
	// Trees are those of which the scratch directory may hold models, in hex.
	Trees []string `json:"trees,omitempty"`
}

const format = 1

// NewState begins a search; a good version that is not older than the bad one is
// ErrContradiction.
func NewState(good, bad Version) (*State, error) {
	if good.Seq >= bad.Seq {
		return nil, ErrContradiction
	}
	return &State{Format: format, Good: good, Bad: bad, Steps: []Step{}}, nil
}

// ParseState reads what Encode wrote, and whatever says the same; all else is
// ErrDamaged.
func ParseState(b []byte) (*State, error) {
	s := &State{}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	ok := s.Format == format && s.Good.valid() && s.Bad.valid() && s.Good.Seq < s.Bad.Seq
	last := s.Good.Seq
	for _, seq := range s.Only {
		ok = ok && seq > last && seq <= s.Bad.Seq
		last = seq
	}
	for _, step := range s.Steps {
		ok = ok && step.valid() && step.Seq <= s.Bad.Seq
	}
	for _, tree := range s.Trees {
		ok = ok && isHash(tree)
	}
	if !ok {
		return nil, ErrDamaged
	}
	if _, err := s.Search(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return s, nil
}

// Encode writes the state.
func (s *State) Encode() ([]byte, error) {
	b, err := json.Marshal(s)
	return append(b, '\n'), err
}

// Search is the search as the verdicts have left it.
func (s *State) Search() (*Search, error) {
	n := s.Bad.Seq - s.Good.Seq
	if len(s.Only) > 0 {
		n = uint64(len(s.Only))
	}
	search := New(n)
	for _, step := range s.Steps {
		if err := search.Mark(s.Place(step.Seq), step.Verdict); err != nil {
			return nil, fmt.Errorf("%s is %s: %w", step.Name(), step.Verdict, err)
		}
	}
	return search, nil
}

// Place is where a version stands among the candidates: of what lies between two, the
// place of the one before.
func (s *State) Place(seq uint64) uint64 {
	if seq <= s.Good.Seq {
		return 0
	}
	if len(s.Only) == 0 {
		return seq - s.Good.Seq
	}
	i, found := slices.BinarySearch(s.Only, seq)
	if found {
		i++
	}
	return uint64(i)
}

// Seq is the number of the version at a place.
func (s *State) Seq(place uint64) uint64 {
	switch {
	case place == 0:
		return s.Good.Seq
	case len(s.Only) == 0:
		return s.Good.Seq + place
	}
	return s.Only[place-1]
}
