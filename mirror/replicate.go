package mirror

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/pack"
)

// Options say what is copied where.
type Options struct {
	Source, Target backend.Backend
	// Fold folds the source's journal now: for a source whose past the target cannot be
	// taken through step by step, since packs of it have gone. nil: it must not be.
	Fold func(context.Context) error
	// From is where the source lies, as far as the target's owner is concerned. It is
	// written into the mark.
	From string
	// Adopt makes also a store a mirror that is not marked as one, if it has nothing of
	// its own.
	Adopt bool
	// Lax copies files also as they are that are damaged at the source, where the target
	// has none.
	Lax    bool
	DryRun bool // nothing is written
	// Ready, if not nil, is called once, before anything is written to the target and when
	// it is clear that it can be a mirror. It may write to the source.
	Ready    func(context.Context) error
	Progress func(done, total int64)
	Warn     func(string)
}

// Result is what Replicate did, or with DryRun would do.
type Result struct {
	Store   [16]byte // the ID
	Created bool     // there was nothing at the target
	Before  uint64   // the target's newest entry; 0 for none
	Number  uint64   // and now
	Time    time.Time
	Packs   int   // copied
	Files   int   // copied, packs included
	Bytes   int64 // of these
	Deleted int   // files that the source has deleted
	Damaged []Damage
}

// attempts bounds how often a copy begins anew because the source went on.
const attempts = 30

// errAgain: what was planned does not fit any more.
var errAgain = errors.New("begin again")

// Replicate makes the target a copy of the source as it is now. What is there already
// is not copied again, so that a copy that was cut off goes on where it was. Any number
// of them may run at once, while others read both and write to the source. Errors wrap
// ErrOther, ErrDiverged, ErrAhead, ErrPromoted, ErrNotEmpty, ErrDamaged (the Result
// says which files), or those of the backends; the target is consistent after each.
func Replicate(ctx context.Context, o Options) (*Result, error) {
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	c := &copying{o: o, from: o.Source, to: o.Target, sj: journal.New(o.Source, journal.Options{}), tj: journal.New(o.Target, journal.Options{}),
		res: &Result{}, gone: map[string]uint64{}, bad: map[string]error{}}
	var err error
	for range attempts {
		if err = c.once(ctx); err == nil || ctx.Err() != nil || !errors.Is(err, errGone) && !errors.Is(err, errAgain) {
			break
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.bad)) {
		c.res.Damaged = append(c.res.Damaged, Damage{key, c.bad[key]})
	}
	if err == nil {
		return c.res, nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return c.res, err
}

// copying is one run of Replicate.
type copying struct {
	o        Options
	from, to backend.Backend
	sj, tj   *journal.Journal
	res      *Result
	begun    bool
	folds    int
	noFold   bool
	gone     map[string]uint64 // files that were not there, and the source's number then
	bad      map[string]error  // files that are damaged at the source

	src, dst *journal.Survey
	fresh    bool               // there is no journal at the target
	had      map[string]int64   // packs, index segments and parity of the target, at the beginning
	has      map[string]int64   // and of the source, later
	named    map[pack.Name]bool // that the source's newest state needs
	data     map[string][]byte  // small files of the source that were read
	done     int64
}

// once copies one snapshot. What it lists of the target it lists before the source: what
// is in the first listing and not in the second, the source has deleted.
func (c *copying) once(ctx context.Context) (err error) {
	if err := c.look(ctx); err != nil {
		return err
	}
	if err := c.relation(ctx); err != nil {
		return err
	}
	st := c.src.State
	if !c.begun {
		c.begun = true
		c.res.Store, c.res.Created = st.Store, c.fresh
		if !c.fresh {
			c.res.Before = c.dst.State.Number
		}
	}
	if ready := c.o.Ready; ready != nil && !c.o.DryRun {
		c.o.Ready = nil
		if err := ready(ctx); err != nil {
			return err
		}
		return errAgain
	}
	c.res.Number, c.res.Time = st.Number, st.Time
	p, err := c.plan(ctx)
	if err != nil {
		return err
	}
	if c.o.DryRun {
		for _, f := range p.all() {
			c.count(f.key, f.size)
		}
		c.res.Deleted = len(c.surplus(c.src.Checkpoints))
		return nil
	}
	if err := c.mark(ctx); err != nil {
		return err
	}
	if err := c.files(ctx, p.packs, c.packOf); err != nil {
		return err
	}
	if err := c.files(ctx, p.indexes, c.segmentOf); err != nil {
		return err
	}
	if err := c.files(ctx, p.archives, c.archiveOf); err != nil {
		return err
	}
	if len(c.bad) > 0 && !c.o.Lax {
		return c.broken()
	}
	if err := c.settle(); err != nil {
		return err
	}
	if err := c.journal(ctx, p); err != nil {
		return err
	}
	now, err := c.confirm(ctx)
	if err != nil {
		return err
	}
	if err := c.parity(ctx, p.parity); err != nil {
		return err
	}
	return c.clean(ctx, now)
}

// look lists and reads what there is, the target first.
func (c *copying) look(ctx context.Context) (err error) {
	c.data, c.has, c.had = map[string][]byte{}, map[string]int64{}, map[string]int64{}
	c.dst, err = c.tj.Survey(ctx)
	c.fresh = errors.Is(err, journal.ErrNotStore)
	if err != nil && !c.fresh {
		return fmt.Errorf("the mirror: %w", damaged(err))
	}
	if !c.fresh && c.dst.State == nil {
		return fmt.Errorf("the mirror: %w", &targetError{damaged(c.dst.Err)})
	}
	for _, x := range []struct {
		b    backend.Backend
		into map[string]int64
	}{{c.to, c.had}, {c.from, c.has}} {
		for _, prefix := range []string{"objects/", "parity/"} {
			infos, err := x.b.List(ctx, prefix, "", 0)
			if err != nil {
				return err
			}
			for _, i := range infos {
				x.into[i.Key] = i.Size
			}
		}
	}
	if c.src, err = c.sj.Survey(ctx); err != nil {
		return err
	}
	if c.src.State == nil {
		return damaged(c.src.Err)
	}
	for _, x := range c.src.Damaged {
		c.o.Warn(fmt.Sprintf("%s is damaged, and not copied: %v", x.Key, x.Err))
	}
	return nil
}

// targetError is damage of the target, not of the source.
type targetError struct{ error }

func (e *targetError) Unwrap() error { return e.error }

// OfTarget tells whether an error is damage of the target: what it has is to be repaired,
// not what it mirrors.
func OfTarget(err error) bool {
	var t *targetError
	return errors.As(err, &t)
}

// relation refuses a target that is not what the source was.
func (c *copying) relation(ctx context.Context) error {
	st := c.src.State
	if c.fresh {
		return c.empty(ctx)
	}
	now := c.dst.State
	if now.Store != st.Store {
		return fmt.Errorf("%w: its ID is %x, not %x", ErrOther, now.Store, st.Store)
	}
	common := min(now.Number, st.Number)
	there, err := c.tj.History(now).Hash(ctx, common)
	if err != nil {
		return &targetError{damaged(err)}
	}
	here, err := c.sj.History(st).Hash(ctx, common)
	if err != nil {
		return damaged(err)
	}
	if there != here {
		return fmt.Errorf("%w: entry %d or one before it is another", ErrDiverged, common)
	}
	if now.Number > st.Number {
		if !c.dst.Mirror {
			return fmt.Errorf("%w: %d of them, up to entry %d", ErrDiverged, now.Number-st.Number, now.Number)
		}
		if newer, err := c.sj.Load(ctx); err == nil && newer.Number >= now.Number { // another run was faster
			return errAgain
		}
		return fmt.Errorf("%w: it is at entry %d, this store at %d", ErrAhead, now.Number, st.Number)
	}
	if !c.dst.Mirror && !c.o.Adopt {
		return ErrPromoted
	}
	return nil
}

// markText is what the mark says.
func (c *copying) markText() []byte {
	id := c.src.State.Store
	return fmt.Appendf(nil, "mirror of store %s\nfrom %s\n", hex.EncodeToString(id[:]), c.o.From)
}

// Mark reads what the mark of a mirror says: where the store lies that it mirrors. ok is
// false when there is none.
func Mark(ctx context.Context, b backend.Backend) (id, from string, ok bool, err error) {
	data, err := backend.ReadAll(ctx, b, journal.MirrorKey, 1<<16)
	if errors.Is(err, backend.ErrNotFound) {
		return "", "", false, nil
	}
	if err != nil {
		return "", "", false, err
	}
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	id = string(bytes.TrimPrefix(first, []byte("mirror of store ")))
	return id, string(bytes.TrimPrefix(line, []byte("from "))), true, nil
}

// empty refuses a target that has no journal, but something else, unless an earlier
// copy has begun it.
func (c *copying) empty(ctx context.Context) error {
	id, _, ok, err := Mark(ctx, c.to)
	if err != nil {
		return err
	}
	if want := c.src.State.Store; ok && id != hex.EncodeToString(want[:]) {
		return fmt.Errorf("%w: it is a mirror of store %s, not %x", ErrOther, id, want)
	}
	if ok {
		return nil
	}
	infos, err := c.to.List(ctx, "", "", 1)
	if err == nil && len(infos) > 0 {
		err = fmt.Errorf("%w: %q", ErrNotEmpty, infos[0].Key)
	}
	return err
}

// mark makes the target known as a mirror, before anything else is there.
func (c *copying) mark(ctx context.Context) error {
	if c.dst != nil && c.dst.Mirror {
		return nil
	}
	err := c.to.Put(ctx, journal.MirrorKey, c.markText())
	if errors.Is(err, backend.ErrExists) {
		return nil
	}
	return err
}

// settle makes durable what is there in directories, before anything names it: a copy
// that was cut off may have left it without.
func (c *copying) settle() error {
	if d, ok := c.to.(interface{ SyncDirs(...string) error }); ok {
		return d.SyncDirs("objects", "journal")
	}
	return nil
}

func (c *copying) count(key string, size int64) {
	c.res.Files++
	c.res.Bytes += size
	if isPack(key) {
		c.res.Packs++
	}
}

// broken is the error that says that the source must be repaired first.
func (c *copying) broken() error {
	keys := slices.Sorted(maps.Keys(c.bad))
	err := fmt.Errorf("%s: %w", keys[0], c.bad[keys[0]])
	if more := len(keys) - 1; more > 0 {
		err = fmt.Errorf("%w (and %d more)", err, more)
	}
	return fmt.Errorf("what the journal names cannot be copied: %w", damaged(err))
}

// Promote makes a mirror a store of its own, that is written to.
func Promote(ctx context.Context, b backend.Backend) error {
	err := b.Delete(ctx, journal.MirrorKey)
	if d, ok := b.(interface{ SyncDirs(...string) error }); ok && err == nil {
		err = d.SyncDirs("journal")
	}
	return err
}
