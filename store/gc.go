package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/mstore/mstore/gc"
	"github.com/mstore/mstore/gc/policy"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// GCOptions are the settings of GC.
type GCOptions struct {
	// Rules are added to the store's policy for this run, over its rules for all
	// models: "keep-last" to "10". See gc/policy for all of them.
	Rules  map[string]string
	DryRun bool
	Now    bool // no grace: what is let go is removed at once
	// Auto: nothing is done unless it pays.
	Auto bool
}

// GCItem is what the policy said of one content of a model.
type GCItem struct {
	Version string // "v3": that brought the content
	ID      objects.VersionID
	Branch  string // that it was committed to
	Path    string
	Blob    objects.BlobID
	Size    int64 // bytes of the model
	Stored  int64 // of an expired one: bytes that nothing else needs
	Keep    bool
	Reasons []string
}

// GCResult is what GC did, or would do.
type GCResult struct {
	DryRun    bool
	Policy    string    // in one line; "" when it keeps everything
	Keep      int       // so many contents are kept
	Expire    int       // and so many let go
	Reference time.Time // durations count back from here
	Branches  []string  // deleted, by their ttl
	Safety    []string  // safety versions that were deleted
	Condemned int64     // bytes of packs that will be removed, not before Until
	Until     time.Time
	Removed   int   // packs
	Freed     int64 // bytes less; of a dry run: that would be freed in the end
	Left      int   // packs that stay because some of it cannot be read
	Repack    RepackResult

	c *gc.CollectResult // nil: nothing was looked at
}

// Items yields what was said of each content, by version, then path.
func (r *GCResult) Items() iter.Seq[GCItem] {
	return func(yield func(GCItem) bool) {
		if r.c == nil {
			return
		}
		name, of := "", -1
		for i := range r.c.Items {
			it := &r.c.Items[i]
			v := &r.c.Versions[it.Version]
			if of != it.Version {
				name, of = "v"+strconv.FormatUint(v.Seq, 10), it.Version
			}
			if !yield(GCItem{Version: name, ID: v.ID, Branch: v.Branch, Path: it.Path, Blob: it.Blob,
				Size: it.Size, Stored: r.c.Stored[i], Keep: it.Keep, Reasons: it.Reasons}) {
				return
			}
		}
	}
}

// Kept and Expired list the items by what becomes of them.
func (r *GCResult) Kept() []GCItem { return r.having(true) }

// Expired lists what is let go.
func (r *GCResult) Expired() []GCItem { return r.having(false) }

func (r *GCResult) having(keep bool) (out []GCItem) {
	for it := range r.Items() {
		if it.Keep == keep {
			out = append(out, it)
		}
	}
	return out
}

// DefaultGrace is how long what was let go stays recoverable.
const DefaultGrace = 14 * 24 * time.Hour

// graceOf is the setting gc.grace.
func graceOf(st *journal.State) time.Duration {
	if d, err := policy.ParseDuration(st.Config["gc.grace"]); err == nil {
		return d
	}
	return DefaultGrace
}

// GC lets go what the store's policy does not keep, removes what was let go before
// and whose grace is over, and takes less space for the rest. An empty policy keeps
// everything. Branch heads, tags, the last three positions of aliases, holds and
// safety versions are kept whatever the policy says. It refuses (ErrDamaged) while
// something that must be kept is missing, and on any error of reading. Others may
// read and commit meanwhile; interrupted at any moment, it does no harm.
func (s *Store) GC(ctx context.Context, o GCOptions) (*GCResult, error) {
	st, err := s.j.Load(ctx)
	if err != nil {
		return nil, classify(err)
	}
	p, err := policy.Parse(st.Config)
	if err != nil {
		return nil, classify(err)
	}
	for _, rule := range slices.Sorted(maps.Keys(o.Rules)) {
		if err := p.Set(rule, o.Rules[rule]); err != nil {
			return nil, classify(err)
		}
	}
	if o.Auto && !s.gcPays(st) {
		return &GCResult{}, nil
	}
	if !o.DryRun {
		if err := errors.Join(notMirror(st), s.writable(ctx)); err != nil {
			return nil, err
		}
	}
	c, err := s.collector().Collect(ctx, gc.CollectOptions{Policy: p, DryRun: o.DryRun, Now: o.Now, Grace: graceOf(st),
		Clock: s.o.Clock(), Branch: s.head().Branch, Dead: func(unnamed []pack.Info) []pack.Info { return s.dead(unnamed, o) }})
	if err != nil {
		return nil, classify(err)
	}
	res := newGCResult(c)
	res.DryRun = o.DryRun
	if !p.Empty() {
		res.Policy = p.String()
	}
	if o.DryRun {
		return res, nil
	}
	r, err := s.repack(ctx, RepackOptions{})
	if errors.Is(err, gc.ErrGone) { // another process does it
		r, err = &RepackResult{}, nil
	}
	if err != nil {
		return res, err
	}
	res.Repack = *r
	res.Freed += r.Before - r.After
	res.Left += r.Left
	s.sweepAfter(ctx, o.Now)
	s.protectOrWarn(ctx, true)
	return res, s.noteGC(ctx)
}

func newGCResult(c *gc.CollectResult) *GCResult {
	res := &GCResult{c: c, Reference: c.Reference, Branches: c.Branches, Safety: c.Safety, Until: c.Until, Removed: len(c.Removed), Freed: c.Freed, Left: len(c.Left)}
	for i := range c.Items {
		if c.Items[i].Keep {
			res.Keep++
		} else {
			res.Expire++
		}
	}
	for _, p := range c.Condemned {
		res.Condemned += p.Size
	}
	return res
}

// unnamedFile remembers when packs that the journal does not name were first seen.
const unnamedFile = workDir + "/unnamed"

// writerPatience is how long a pack that the journal does not name is left to its
// writer.
const writerPatience = 24 * time.Hour

// dead tells which packs that the journal does not name have been there so long that
// their writers must have died; all of them when there is no grace. A writer that
// lives all the same is not harmed: it loses its turn and starts over.
func (s *Store) dead(unnamed []pack.Info, o GCOptions) (out []pack.Info) {
	if o.Now || o.DryRun {
		return unnamed
	}
	seen := map[string]time.Time{}
	if b, err := vfs.ReadFile(s.root, unnamedFile, 1<<24); err == nil {
		_ = json.Unmarshal(b, &seen) // what cannot be read is seen for the first time
	}
	now := map[string]time.Time{}
	for _, p := range unnamed {
		at, ok := seen[p.Name.String()]
		if !ok || at.After(s.o.Clock()) {
			at = s.o.Clock()
		}
		now[p.Name.String()] = at
		if s.o.Clock().Sub(at) >= writerPatience {
			out = append(out, p)
		}
	}
	if b, err := json.Marshal(now); err == nil && (len(now) > 0 || len(seen) > 0) {
		_ = s.writeWork(unnamedFile, b, false)
	}
	return out
}

// sweepAfter removes unfinished files: of writers that died more than a day ago, or,
// with no grace, of all that are not at work now.
func (s *Store) sweepAfter(ctx context.Context, now bool) {
	if !now {
		s.sweep(ctx)
		return
	}
	if d, ok := s.b.(*backend.Dir); ok {
		_, _, _ = d.SweepDead(ctx, ".")
		return
	}
	_, _ = backend.Tidy(ctx, s.b, longUpload)
}

// longUpload is how long a writer in a bucket, which cannot be asked whether it still
// lives, is given for one pack even when there is no grace.
const longUpload = 6 * time.Hour

// writable tells whether the store can be written to at all, before anything is
// begun.
func (s *Store) writable(ctx context.Context) error {
	w, err := s.b.Create(ctx, "journal/probe")
	if err == nil {
		err = w.Abort()
	}
	if err != nil {
		return classify(fmt.Errorf("the store cannot be written to: %w", err))
	}
	return nil
}

// gcFile remembers the state after the last gc.
const gcFile = workDir + "/gc"

type lastGC struct {
	Time  time.Time `json:"time"`
	Entry uint64    `json:"entry"`
}

func (s *Store) noteGC(ctx context.Context) error {
	st, err := s.j.Load(ctx)
	if err != nil {
		return classify(err)
	}
	b, err := json.Marshal(lastGC{s.o.Clock(), st.Number})
	if err == nil {
		_ = s.writeWork(gcFile, b, false) // it is there for --auto only
	}
	return nil
}

func (s *Store) lastGC() (l lastGC, ok bool) {
	b, err := vfs.ReadFile(s.root, gcFile, 1<<12)
	return l, err == nil && json.Unmarshal(b, &l) == nil
}

// autoPacks is how many packs must have come since the last gc for --auto.
const autoPacks = 256

// gcPays tells whether enough has come together since the last gc.
func (s *Store) gcPays(st *journal.State) bool {
	if off := s.setting(st, "gc.auto"); off != "" {
		if on, err := strconv.ParseBool(off); err == nil && !on {
			return false
		}
	}
	last, ok := s.lastGC()
	if ok && st.Number < last.Entry+autoPacks {
		return false
	}
	return ok || st.Number >= autoPacks
}
