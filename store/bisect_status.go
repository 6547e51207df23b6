package store

import (
	"context"

	"github.com/mstore/mstore/internal/bisect"
)

// BisectVersion is a version that a search speaks of.
type BisectVersion struct {
	Name string // "v12"
	ID   string // in hex
	// Verdict was given on it; "" for none.
	Verdict Verdict
}

// BisectStatus is how a search stands.
type BisectStatus struct {
	Good, Bad  BisectVersion // the newest good version and the oldest bad one
	First      *Version      // the first bad version; nil: not known
	Next       *Version      // to be tested; nil: no test can tell more
	Left       uint64        // versions that can be tested to any purpose
	Steps      int           // tests that are needed, if none has to be skipped
	Candidates []BisectVersion
	Log        []BisectVersion // the verdicts, in the order in which they were given
	Paths      []string
	Only       int    // versions that changed Paths, if there are Paths
	Dir        string // where versions are tested; "" for a search that is not kept
}

// Status tells how the search stands. Where neither First nor Next is known the first
// bad version is one of Candidates, all of which but the last were skipped.
func (b *Bisect) Status(ctx context.Context) (*BisectStatus, error) {
	d := &BisectStatus{Left: b.search.Left(), Steps: b.search.Steps(), Paths: b.st.Paths, Only: len(b.st.Only)}
	if b.kept {
		d.Dir = b.Dir()
	}
	good, bad := b.search.Range()
	d.Good, d.Bad = shown(b.st.Good, ""), shown(b.st.Bad, "")
	for _, step := range b.st.Steps {
		d.Log = append(d.Log, shown(step.Version, step.Verdict))
	}
	ends := []*BisectVersion{&d.Good, &d.Bad}
	for i, place := range []uint64{good, bad} {
		if i == 0 && place == 0 {
			continue
		}
		v, err := b.at(ctx, place)
		if err != nil {
			return nil, err
		}
		*ends[i] = shown(bisectVersion(v.target), "")
		if _, found := b.search.Found(); i == 1 && found {
			d.First = v
		}
	}
	if d.First != nil {
		return d, nil
	}
	var err error
	if d.Next, err = b.next(ctx); err != nil || d.Next != nil {
		return d, err
	}
	for place := good + 1; place < bad; place++ { // each of them was looked at
		v, err := b.at(ctx, place)
		if err != nil {
			return nil, err
		}
		d.Candidates = append(d.Candidates, shown(bisectVersion(v.target), VerdictSkip))
	}
	d.Candidates = append(d.Candidates, d.Bad)
	return d, nil
}

func shown(v bisect.Version, verdict Verdict) BisectVersion {
	return BisectVersion{Name: v.Name(), ID: v.ID, Verdict: verdict}
}

// Left is the number of versions that can be tested to any purpose, and of tests that
// are needed if none has to be skipped.
func (b *Bisect) Left() (versions uint64, tests int) { return b.search.Left(), b.search.Steps() }
