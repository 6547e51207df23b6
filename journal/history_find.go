package journal

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/hashindex"
	"github.com/mstore/mstore/objects"
)

// FindSeq returns the first-parent ancestor of t (or t itself) with that
// sequence number.
func (h *History) FindSeq(ctx context.Context, t Target, seq uint64) (Target, error) {
	for {
		if seq == t.Seq {
			return t, nil
		}
		if seq > t.Seq || seq == 0 {
			return Target{}, ErrNotFound
		}
		found, ok, err := h.onLine(ctx, t.Line, seq)
		if ok || err != nil {
			return found, err
		}
		// The line begins later: go on from where it forked off.
		start, err := h.Entry(ctx, t.Line)
		if err != nil {
			return Target{}, err
		}
		op := start.Commit()
		if op == nil {
			return Target{}, fmt.Errorf("line %d: %w", t.Line, ErrCorrupt)
		}
		if op.Target.Seq <= seq {
			return Target{}, fmt.Errorf("line %d lacks version %d: %w", t.Line, seq, ErrCorrupt)
		}
		if op.Parent.Entry == 0 {
			return Target{}, ErrNotFound
		}
		t = op.Parent
	}
}

// onLine finds a version by its place on a line.
func (h *History) onLine(ctx context.Context, line, seq uint64) (Target, bool, error) {
	for i := len(h.s.tail) - 1; i >= 0; i-- {
		for _, op := range h.s.tail[i].Ops {
			if op.Kind == OpCommit && op.Target.Line == line && op.Target.Seq == seq {
				return op.Target, true, nil
			}
		}
	}
	for b, err := range h.blocksFrom(ctx, line) {
		if err != nil {
			return Target{}, false, err
		}
		for _, span := range b.Lines {
			if span.Line != line || seq < span.First || seq > span.Last {
				continue
			}
			for n := b.First; n < b.First+uint64(b.Count); n++ {
				e, err := h.Entry(ctx, n)
				if err != nil {
					return Target{}, false, err
				}
				if op := e.Commit(); op != nil && op.Target.Line == line && op.Target.Seq == seq {
					return op.Target, true, nil
				}
			}
		}
	}
	return Target{}, false, nil
}

// FindID returns the versions whose ID begins with a prefix of hex digits, at
// most limit of them.
func (h *History) FindID(ctx context.Context, hexPrefix string, limit int) ([]Target, error) {
	var want objects.VersionID
	padded := hexPrefix
	if len(padded)%2 == 1 {
		padded += "0"
	}
	raw, err := hex.DecodeString(padded)
	if err != nil || len(raw) > len(want) {
		return nil, fmt.Errorf("%q: %w", hexPrefix, objects.ErrBadID)
	}
	copy(want[:], raw)
	for {
		archives, generation := h.open(ctx)
		out, err := h.findID(ctx, archives, want, hexPrefix, limit)
		if err == nil || !h.refresh(ctx, generation, err) {
			return out, err
		}
	}
}

func (h *History) findID(ctx context.Context, archives []*archive, want objects.VersionID, hexPrefix string, limit int) ([]Target, error) {
	var out []Target
	for i := range h.s.tail {
		for _, op := range h.s.tail[i].Ops {
			if op.Kind == OpCommit && len(out) < limit && op.Target.ID.String()[:len(hexPrefix)] == hexPrefix {
				out = append(out, op.Target)
			}
		}
	}
	for _, a := range archives {
		if len(out) >= limit {
			break
		}
		rows, err := a.find(want[:], 4*len(hexPrefix), limit-len(out))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			t, err := h.target(ctx, a, r)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
		}
	}
	return out, nil
}

// Has finds the version with an ID, the newest place where it is recorded. It costs a
// read or two for each archive segment, of which there are few, and is meant to be
// asked often. Errors are those of Entry.
func (h *History) Has(ctx context.Context, id objects.VersionID) (Target, bool, error) {
	if t, ok := h.recorded()[id]; ok {
		return t, true, nil
	}
	for {
		archives, generation := h.open(ctx)
		t, err := h.hasID(ctx, archives, id)
		if err == nil || !h.refresh(ctx, generation, err) {
			return t, t.Entry != 0, err
		}
	}
}

// recorded are the versions of the tail.
func (h *History) recorded() map[objects.VersionID]Target {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.versions == nil {
		h.versions = map[objects.VersionID]Target{}
		for i := range h.s.tail {
			for k := range h.s.tail[i].Ops {
				if op := &h.s.tail[i].Ops[k]; op.Kind == OpCommit {
					h.versions[op.Target.ID] = op.Target
				}
			}
		}
	}
	return h.versions
}

func (h *History) hasID(ctx context.Context, archives []*archive, id objects.VersionID) (Target, error) {
	for i := len(archives) - 1; i >= 0; i-- {
		a := archives[i]
		rows, err := a.find(id[:], 8*objects.IDSize, 1<<20)
		if err != nil {
			return Target{}, err
		}
		if len(rows) == 0 {
			continue
		}
		return h.target(ctx, a, rows[len(rows)-1])
	}
	return Target{}, nil
}

// target reads the version that a row of an archive names.
func (h *History) target(ctx context.Context, a *archive, r idRow) (Target, error) {
	e, err := h.Entry(ctx, r.Entry)
	if err != nil {
		return Target{}, err
	}
	op := e.Commit()
	if op == nil || op.Target.ID != r.ID {
		return Target{}, a.fail(fmt.Errorf("version %s: %w", r.ID, ErrCorrupt))
	}
	return op.Target, nil
}

// find returns up to limit rows whose ID begins with so many bits of prefix.
func (a *archive) find(prefix []byte, bits, limit int) ([]idRow, error) {
	var rows []idRow
	err := a.ids.Prefix(prefix, bits, func(b []byte) bool {
		if r := parseIDRow(b); r.Entry <= a.limit {
			rows = append(rows, r)
		}
		return len(rows) < limit
	})
	if errors.Is(err, backend.ErrNotFound) {
		return nil, a.fail(fmt.Errorf("%w: %w", ErrMissing, err))
	}
	if errors.Is(err, hashindex.ErrCorrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err != nil {
		return nil, a.fail(err)
	}
	return rows, nil
}
