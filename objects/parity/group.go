package parity

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mstore/mstore/internal/backend"
)

// Group is a group of files and its parity file. Its methods must not be called
// concurrently.
type Group struct {
	*header
	b    backend.Backend
	loc  locator
	seen *look // what the last look found; nil: none yet
	hold int64 // bytes that Rebuild restores at a time
}

// Open reads a header of a parity file. It is enough that one of the two
// headers is intact and one of prefix and trailer, at the place where it
// belongs. ErrCorrupt: they are not; ErrFormat: it is of a newer format. Errors
// of the backend pass through; backend.ErrNotFound is one of them.
func Open(ctx context.Context, b backend.Backend, name Name) (*Group, error) {
	info, err := b.Stat(ctx, name.Key())
	if err != nil {
		return nil, err
	}
	o := &opener{ctx: ctx, b: b, name: name, size: info.Size}
	for _, end := range []struct {
		off   int64
		magic string
	}{{0, prefixMagic}, {info.Size - locatorSize, trailerMagic}} {
		loc, ok := o.locator(end.off, end.magic)
		if !ok {
			continue
		}
		for _, off := range []int64{loc.front(), loc.back()} {
			if h := o.header(loc, off); h != nil {
				return &Group{header: h, b: b, loc: loc, hold: restoreBytes}, nil
			}
		}
	}
	return nil, fmt.Errorf("opening %q: %w", name.Key(), o.verdict())
}

// opener tries the places where a header may be, and remembers what went wrong.
type opener struct {
	ctx  context.Context
	b    backend.Backend
	name Name
	size int64
	errs []error
}

func (o *opener) read(off, n int64) []byte {
	if off < 0 || n > o.size-off {
		o.errs = append(o.errs, fmt.Errorf("the file ends at %d: %w", o.size, ErrCorrupt))
		return nil
	}
	p := make([]byte, n)
	if err := backend.ReadFull(o.ctx, o.b, o.name.Key(), p, off); err != nil {
		o.errs = append(o.errs, err)
		return nil
	}
	return p
}

func (o *opener) locator(off int64, magic string) (locator, bool) {
	p := o.read(off, locatorSize)
	if p == nil {
		return locator{}, false
	}
	loc, err := parseLocator(p, magic)
	if err == nil && loc.name != o.name {
		err = fmt.Errorf("it is %s: %w", loc.name, ErrCorrupt)
	}
	if err != nil {
		o.errs = append(o.errs, err)
		return locator{}, false
	}
	return loc, true
}

func (o *opener) header(loc locator, off int64) *header {
	p := o.read(off, loc.header)
	if p == nil {
		return nil
	}
	h, err := decodeHeader(p)
	if err == nil && (h.name != o.name || h.locate(h.name, len(p)) != loc) {
		err = fmt.Errorf("header is of another file: %w", ErrCorrupt)
	}
	if err != nil {
		o.errs = append(o.errs, err)
		return nil
	}
	return h
}

// verdict is why a file cannot be opened. A backend that cannot be read says
// nothing about the file, and comes first.
func (o *opener) verdict() error {
	if err := o.ctx.Err(); err != nil {
		return err
	}
	worst := o.errs[0]
	for _, err := range o.errs {
		switch {
		case errors.Is(err, ErrFormat):
			worst = err
		case !errors.Is(err, ErrCorrupt):
			return err
		}
	}
	return worst
}

// Name is the name of the parity file.
func (g *Group) Name() Name { return g.name }

// Files are the files of the group, by ascending keys. The caller owns the
// slice.
func (g *Group) Files() []FileInfo { return slices.Clone(g.files) }

// Info describes the parity file as it should be.
func (g *Group) Info() Info { return Info{g.name, g.loc.file, g.total} }

// Shards tells how many shards there are, and how many bytes each has. As many
// damaged shards as there are parity shards can be rebuilt.
func (g *Group) Shards() (data, parity int, size int64) { return g.k, g.m, g.size }

// Percent is how many bytes the parity file has for a hundred bytes of data, or
// 0 when the data is empty.
func (g *Group) Percent() float64 {
	if g.total == 0 {
		return 0
	}
	return 100 * float64(g.loc.file) / float64(g.total)
}

// reader reads the shards of the group. The caller closes its source.
func (g *Group) reader(ctx context.Context) *columns {
	return &columns{layout: g.layout, src: &source{ctx: ctx, b: g.b}, key: g.name.Key(), parity: g.loc.parity()}
}
