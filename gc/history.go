package gc

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mstore/mstore/gc/policy"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// SafetyKept is how long a safety version is kept at least.
const SafetyKept = 30 * 24 * time.Hour

// aliasPositions is how many of an alias's last positions are protected.
const aliasPositions = 3

// history is what was ever committed, as a policy sees it.
type history struct {
	in      policy.Input
	byEntry map[uint64]int            // entry of a version -> its index
	gone    map[objects.BlobID]bool   // named by an expiry, some time
	old     map[string]journal.Target // safety versions that are to go

	// promised are contents that another store has; nil: there is none.
	promised map[objects.BlobID]bool

	all   bool
	paths map[string]string // each once, however many versions name it
}

// readHistory reads every version. What a version changed is taken from its record,
// and from its trees where there are too many changes for that.
// all tells whether more of a version is wanted than what it changed, and when.
func (c *Collector) readHistory(ctx context.Context, st *journal.State, r *objects.Reader, all bool, now time.Time) (*history, error) {
	h := &history{all: all, paths: map[string]string{}, byEntry: map[uint64]int{}, gone: map[objects.BlobID]bool{}, old: map[string]journal.Target{}}
	h.in.SafetyReason = "safety version older than 30 days"
	jh := c.Journal.History(st)
	promises := func(*journal.Op) bool { return false }
	if c.Promised != nil {
		var err error
		if promises, err = c.Promised(ctx, jh); err != nil {
			return nil, err
		}
	}
	for e, err := range jh.Entries(ctx, 0) {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i := range e.Ops {
			for _, x := range e.Ops[i].Expired {
				h.gone[x.Blob] = true
			}
		}
		if err := h.add(ctx, jh, e, r); err != nil {
			return nil, err
		}
		if op := e.Commit(); op != nil && promises(op) {
			h.promise(&h.in.Versions[len(h.in.Versions)-1])
		}
	}
	return h, h.protect(ctx, jh, st, now)
}

func (h *history) add(ctx context.Context, jh *journal.History, e *journal.Entry, r *objects.Reader) error {
	rec, id, err := e.Version()
	if err != nil || rec == nil {
		return err
	}
	op := e.Commit()
	v := policy.Version{Entry: e.Number, Seq: rec.Seq, ID: id, Parent: -1, Branch: op.Branch(), Safety: op.NameKind == journal.Safety,
		Time: rec.Time, Models: rec.Models, Bytes: rec.Bytes}
	if h.all {
		v.Author, v.Message, v.Source, v.Params, v.Metrics = rec.Author, rec.Message, rec.Source, rec.Params, rec.Metrics
		v.Meta, v.Errors, v.Warnings = rec.Meta, rec.Quality.Errors, rec.Quality.Warnings
	}
	if n := len(h.in.Versions); n > 0 && h.in.Versions[n-1].Branch == v.Branch {
		v.Branch = h.in.Versions[n-1].Branch
	}
	for k, p := range op.Parents() {
		i, ok := h.byEntry[p.Entry]
		switch {
		case !ok:
			return fmt.Errorf("a parent of the version of entry %d is not in the journal: %w", e.Number, journal.ErrCorrupt)
		case k == 0:
			v.Parent = i
		default:
			v.Merged = append(v.Merged, i)
		}
	}
	changes, err := jh.Changes(ctx, rec, op.Parent, r)
	if err != nil {
		return fmt.Errorf("what v%d %s changed: %w", rec.Seq, id.Short(), err)
	}
	v.Changes = make([]policy.Change, len(changes))
	for i, ch := range changes {
		path, known := h.paths[ch.Path]
		if !known {
			path = strings.Clone(ch.Path)
			h.paths[path] = path
		}
		v.Changes[i] = policy.Change{Path: path, Blob: ch.Blob, Size: ch.Size, Removed: ch.Status == objects.Removed}
	}
	h.byEntry[e.Number] = len(h.in.Versions)
	h.in.Versions = append(h.in.Versions, v)
	return nil
}

// protect lists what is kept whatever a policy says.
func (h *history) protect(ctx context.Context, jh *journal.History, st *journal.State, now time.Time) error {
	in := &h.in
	pin := func(t journal.Target, path, reason string) {
		if i, ok := h.byEntry[t.Entry]; ok {
			in.Pins = append(in.Pins, policy.Pin{Version: i, Path: path, Reason: reason})
		}
	}
	// The newest version that is not dated later than now: neither clock is believed
	// when it is ahead of the other.
	for i := len(in.Versions) - 1; i >= 0 && in.Now.IsZero(); i-- {
		if !in.Versions[i].Safety && !in.Versions[i].Time.After(now) {
			in.Now = in.Versions[i].Time
		}
	}
	for _, n := range st.SortedNames(0) {
		i, known := h.byEntry[n.To.Entry]
		switch n.Kind {
		case journal.Branch:
			if known {
				in.Heads = append(in.Heads, policy.Head{Branch: n.Name, Version: i})
			}
		case journal.Remote:
			switch {
			case n.IsIncoming() && now.Sub(n.Time) > SafetyKept: // whoever sent it does not come back
				h.old[n.Name] = n.To
			case known:
				in.Heads = append(in.Heads, policy.Head{Branch: n.Name, Version: i})
			}
		case journal.Tag:
			pin(n.To, "", "tag "+n.Name)
			if known {
				in.Versions[i].Tags = append(in.Versions[i].Tags, n.Name)
			}
		case journal.Alias:
			if known {
				in.Versions[i].Aliases = append(in.Versions[i].Aliases, n.Name)
			}
			left := aliasPositions
			for m, err := range jh.Moves(ctx, n.Name) {
				if err != nil {
					return err
				}
				if m.To.Entry == 0 || m.Kind != journal.Alias {
					continue
				}
				reason := "alias " + n.Name
				if left < aliasPositions {
					reason += "@{" + strconv.Itoa(aliasPositions-left) + "}"
				}
				pin(m.To, "", reason)
				if left--; left == 0 {
					break
				}
			}
		case journal.Safety:
			if known && in.Now.Sub(in.Versions[i].Time) > SafetyKept {
				h.old[n.Name] = n.To
			} else {
				pin(n.To, "", n.Name)
			}
		}
	}
	for _, x := range st.SortedHolds() {
		reason := "held"
		if x.Reason != "" {
			reason += ": " + x.Reason
		}
		pin(x.To, x.Path, reason)
	}
	return nil
}

// promise notes that another store has what a version brought.
func (h *history) promise(v *policy.Version) {
	if h.promised == nil {
		h.promised = map[objects.BlobID]bool{}
	}
	for i := range v.Changes {
		if !v.Changes[i].Removed {
			h.promised[v.Changes[i].Blob] = true
		}
	}
}

// markGone marks what is not here and need not be: no pack lists it, and an entry let it
// go, or another store promises it.
func (h *history) markGone(iv *inventory) {
	for i := range h.in.Versions {
		for k := range h.in.Versions[i].Changes {
			ch := &h.in.Versions[i].Changes[k]
			ch.Gone = !ch.Removed && (h.gone[ch.Blob] || h.promised[ch.Blob]) && !iv.hasBlob(ch.Blob)
		}
	}
}
