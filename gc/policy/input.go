package policy

import (
	"fmt"
	"time"

	"github.com/mstore/mstore/objects"
)

// Change is what a version did at one path.
type Change struct {
	Path    string
	Blob    objects.BlobID // of what it put there
	Size    int64
	Removed bool // it put nothing there
	Gone    bool // what it put there is expired or lost already
}

// Version is what rules ask of a version.
type Version struct {
	Entry            uint64 // of the journal
	Seq              uint64 // as in vN
	ID               objects.VersionID
	Parent           int    // index of the first parent, smaller than the version's own; -1 for none
	Merged           []int  // indexes of the further parents, smaller than the version's own
	Branch           string // that it was committed to
	Safety           bool   // it is a safety version, off the branches
	Time             time.Time
	Author           string
	Message          string
	Source           string
	Params           map[string]any
	Metrics          map[string]any
	Meta             map[string]any
	Errors, Warnings int // what validation said
	Tags             []string
	Aliases          []string
	Models           int
	Bytes            int64
	Changes          []Change // against the first parent, sorted by path, each path once
}

// eachParent calls fn with the index of each parent.
func (v *Version) eachParent(fn func(p int)) {
	if v.Parent >= 0 {
		fn(v.Parent)
	}
	for _, p := range v.Merged {
		fn(p)
	}
}

// Head is a branch and its newest version.
type Head struct {
	Branch  string
	Version int // index
}

// Pin keeps what is in force at a version, whatever the rules say.
type Pin struct {
	Version int    // index
	Path    string // "": of all paths
	Reason  string // why, as the result shows it
}

// Input is a history. Evaluate only reads it.
type Input struct {
	Versions []Version // in the order of the journal
	Heads    []Head
	Pins     []Pin
	// Now is the reference; zero: the time of the last version that is no
	// safety version.
	Now time.Time
	// SafetyReason is why a safety version that nothing pins goes: "safety
	// version older than 30 days".
	SafetyReason string
}

// reference is the moment that durations count back from.
func (in *Input) reference() time.Time {
	if !in.Now.IsZero() {
		return in.Now
	}
	for i := len(in.Versions) - 1; i >= 0; i-- {
		if v := &in.Versions[i]; !v.Safety {
			return v.Time
		}
	}
	return time.Time{}
}

// check demands that indexes point where they may.
func (in *Input) check() error {
	for i := range in.Versions {
		if p := in.Versions[i].Parent; p < -1 || p >= i {
			return fmt.Errorf("version %d of the policy's input has the parent %d", i, p)
		}
		for _, p := range in.Versions[i].Merged {
			if p < 0 || p >= i {
				return fmt.Errorf("version %d of the policy's input has the further parent %d", i, p)
			}
		}
	}
	for _, h := range in.Heads {
		if h.Version < 0 || h.Version >= len(in.Versions) {
			return fmt.Errorf("branch %q of the policy's input is at version %d of %d", h.Branch, h.Version, len(in.Versions))
		}
	}
	for _, p := range in.Pins {
		if p.Version < 0 || p.Version >= len(in.Versions) {
			return fmt.Errorf("pin %q of the policy's input is at version %d of %d", p.Reason, p.Version, len(in.Versions))
		}
	}
	return nil
}
