package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/pack"
)

// The status of a Check.
const (
	CheckOK      = "ok"
	CheckWarning = "warning" // it works, and somebody should look
	CheckFailed  = "failed"  // something does not work, or could not be looked at
)

// Check is what Doctor found out about one thing.
type Check struct {
	Name   string // one word, the same in every version: "space"
	Status string // CheckOK, CheckWarning or CheckFailed
	Detail string // a sentence for people
	Next   string // the command to type; "" when there is none
}

// Health is what Doctor found out.
type Health struct {
	OK     bool // nothing failed; there may be warnings
	Checks []Check
}

// Count tells how many checks have a status.
func (h *Health) Count(status string) (n int) {
	for _, c := range h.Checks {
		if c.Status == status {
			n++
		}
	}
	return n
}

// Doctor looks at the health of the store, of the disk it lies on and of the
// workspace, without reading content: that is Fsck. Nothing is changed; to see
// whether the store can be written to, temporary files are made and removed. A
// check that cannot be made has failed, and the others are made all the same. When
// the journal cannot be read, the error is that of reading it, and Health has the
// checks that do without. With any other error, which is ErrNoStore or the
// context's, Health is nil.
func (s *Store) Doctor(ctx context.Context) (*Health, error) {
	d := &doctor{s: s, now: s.o.Clock(), facts: statFS, many: manyPacks}
	if s.dir != "" {
		root, err := vfs.OpenRoot(s.dir)
		if err != nil {
			return nil, as(ErrNoStore, fmt.Errorf("opening the store: %w", err))
		}
		defer root.Close()
		d.fs = root
	}
	return d.run(ctx)
}

// doctor is one run of Doctor.
type doctor struct {
	s     *Store
	now   time.Time
	facts func(dir string) (fsFacts, error) // errors.ErrUnsupported: nobody knows
	fs    vfs.FS                            // the store directory; nil where it is none
	many  int                               // packs that no repack has made

	h       Health
	sn      *snapshot // nil: the journal cannot be read
	live    []pack.Info
	files   map[pack.Name]int64 // sizes of the pack files
	packErr error               // why live and files are not known
}

func (d *doctor) run(ctx context.Context) (*Health, error) {
	var damage error
	if d.sn, damage = d.s.load(ctx); damage != nil {
		d.sn = nil
		if errors.Is(damage, ErrNoStore) || ctx.Err() != nil {
			return nil, damage
		}
	} else {
		d.packErr = d.survey(ctx)
	}
	d.check(ctx, "store", func(ctx context.Context) (Check, error) { return d.store(ctx, damage) })
	const anywhere, inDir, inBucket = 0, 1, 2
	kind := inDir
	if isURL(d.s.location) {
		kind = inBucket
	}
	for _, c := range []struct {
		name    string
		look    func(context.Context) (Check, error)
		journal bool // it cannot be made without
		where   int
	}{
		{"bucket", d.bucket, false, inBucket},
		{"scrub", d.scrub, false, anywhere},
		{"space", d.space, false, inDir},
		{"packs", d.packs, true, anywhere},
		{"parity", d.parity, true, anywhere},
		{"condemned", d.condemned, true, anywhere},
		{"gc", d.gc, true, anywhere},
		{"debris", d.debris, true, anywhere},
		{"uploads", d.uploads, false, inBucket},
		{"cache", d.cache, false, inBucket},
		{"index", d.index, true, anywhere},
		{"clock", d.clock, false, anywhere},
		{"permissions", d.permissions, false, inDir},
		{"filesystem", d.filesystem, false, inDir},
		{"mirror", d.mirrors, true, anywhere},
		{"second", d.second, true, anywhere},
	} {
		if c.where != anywhere && c.where != kind || d.sn == nil && c.journal || c.name == "second" && d.s.setting(d.sn.st, secondStore) == "" || c.name == "mirror" && !d.hasMirrors() {
			continue
		}
		d.check(ctx, c.name, c.look)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	d.h.OK = d.h.Count(CheckFailed) == 0
	return &d.h, damage
}

// check makes one check, and once more if it could not be made: others may have
// folded, or removed packs, since it began.
func (d *doctor) check(ctx context.Context, name string, look func(context.Context) (Check, error)) {
	c, err := look(ctx)
	if err != nil && ctx.Err() == nil {
		c, err = look(ctx)
	}
	if err != nil {
		c = failed("", "it could not be looked at: %v", err)
	}
	c.Name = name
	d.h.Checks = append(d.h.Checks, c)
}

func fine(format string, args ...any) Check {
	return Check{Status: CheckOK, Detail: fmt.Sprintf(format, args...)}
}

func warning(next, format string, args ...any) Check {
	return Check{Status: CheckWarning, Detail: fmt.Sprintf(format, args...), Next: next}
}

func failed(next, format string, args ...any) Check {
	return Check{Status: CheckFailed, Detail: fmt.Sprintf(format, args...), Next: next}
}

// survey learns which packs there should be and which there are, of one moment:
// while the journal goes on and some seem to be missing, it looks again.
func (d *doctor) survey(ctx context.Context) error {
	for try := 0; ; try++ {
		live, err := d.sn.h.LivePacks(ctx)
		if err != nil {
			return err
		}
		infos, err := d.s.b.List(ctx, pack.Prefix, "", 0)
		if err != nil {
			return err
		}
		d.live, d.files = live, map[pack.Name]int64{}
		for _, i := range infos {
			if name, ok := pack.ParseKey(i.Key); ok {
				d.files[name] = i.Size
			}
		}
		now, err := d.s.load(ctx)
		if err != nil {
			return err
		}
		if try == 3 || now.st.Number == d.sn.st.Number || len(d.missing()) == 0 {
			return nil
		}
		d.sn = now
	}
}

// missing lists the packs that are not there as they were written.
func (d *doctor) missing() (out []pack.Name) {
	for _, p := range d.live {
		if size, ok := d.files[p.Name]; !ok || size != p.Size {
			out = append(out, p.Name)
		}
	}
	return out
}

// foldLate is how many entries since the last fold say that folding does not work.
const foldLate = 4 * journal.FoldEvery

func (d *doctor) store(ctx context.Context, damage error) (Check, error) {
	if damage != nil {
		c := failed("", "the journal cannot be read, and what needs it was not looked at: %v", damage)
		if errors.Is(damage, ErrDamaged) {
			c.Next = "mstore fsck --repair"
		}
		return c, nil
	}
	line, err := backend.ReadAll(ctx, d.s.b, formatKey, 256)
	if err != nil && !errors.Is(err, backend.ErrNotFound) {
		return Check{}, err
	}
	var format int
	if err != nil {
		return warning("mstore init", "the line that names its format is lost; nothing else is"), nil
	}
	if _, err := fmt.Sscanf(string(line), "mstore store, format %d\n", &format); err != nil {
		return warning("mstore fsck --repair", "the line that names its format is damaged; nothing else is"), nil
	}
	st := d.sn.st
	since := st.Number - st.Watermark()
	if since > foldLate {
		return warning("", "%s in the journal since the last fold, which is due at %d: the next save folds it, or says why it cannot",
			numberOf(int(since), "entry", "entries"), journal.FoldEvery), nil
	}
	return fine("format %d, %s, %s since the last fold of the journal", format,
		numberOf(int(st.Versions), "version", "versions"), numberOf(int(since), "entry", "entries")), nil
}

func numberOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}

func byteCount(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
