package gc

import (
	"context"
	"fmt"
	"strconv"
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
}

// readHistory reads every version. What a version changed is taken from its record,
// and from its trees where there are too many changes for that.
func (c *Collector) readHistory(ctx context.Context, st *journal.State, r *objects.Reader) (*history, error) {
	h := &history{byEntry: map[uint64]int{}, gone: map[objects.BlobID]bool{}, old: map[string]journal.Target{}}
	h.in.SafetyReason = "safety version older than 30 days"
	jh := c.Journal.History(st)
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
	}
	return h, h.protect(ctx, jh, st)
}

func (h *history) add(ctx context.Context, jh *journal.History, e *journal.Entry, r *objects.Reader) error {
	rec, id, err := e.Version()
	if err != nil || rec == nil {
		return err
	}
	op := e.Commit()
	v := policy.Version{Entry: e.Number, Seq: rec.Seq, ID: id, Parent: -1, Branch: op.Name, Safety: op.NameKind == journal.Safety,
		Time: rec.Time, Author: rec.Author, Message: rec.Message, Source: rec.Source, Params: rec.Params, Metrics: rec.Metrics,
		Models: rec.Models, Bytes: rec.Bytes}
	if op.Parent.Entry != 0 {
		i, ok := h.byEntry[op.Parent.Entry]
		if !ok {
			return fmt.Errorf("the parent of the version of entry %d is not in the journal: %w", e.Number, journal.ErrCorrupt)
		}
		v.Parent = i
	}
	changes, err := jh.Changes(ctx, rec, op.Parent, r)
	if err != nil {
		return fmt.Errorf("what v%d %s changed: %w", rec.Seq, id.Short(), err)
	}
	v.Changes = make([]policy.Change, len(changes))
	for i, ch := range changes {
		v.Changes[i] = policy.Change{Path: ch.Path, Blob: ch.Blob, Size: ch.Size, Removed: ch.Status == objects.Removed}
	}
	h.byEntry[e.Number] = len(h.in.Versions)
	h.in.Versions = append(h.in.Versions, v)
	return nil
}

// protect lists what is kept whatever a policy says.
func (h *history) protect(ctx context.Context, jh *journal.History, st *journal.State) error {
	in := &h.in
	pin := func(t journal.Target, path, reason string) {
		if i, ok := h.byEntry[t.Entry]; ok {
			in.Pins = append(in.Pins, policy.Pin{Version: i, Path: path, Reason: reason})
		}
	}
	var newest time.Time
	for i := len(in.Versions) - 1; i >= 0 && newest.IsZero(); i-- {
		if !in.Versions[i].Safety {
			newest = in.Versions[i].Time
		}
	}
	for _, n := range st.SortedNames(0) {
		i, known := h.byEntry[n.To.Entry]
		switch n.Kind {
		case journal.Branch:
			if known {
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
			if known && newest.Sub(in.Versions[i].Time) > SafetyKept {
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
