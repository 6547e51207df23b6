package parity

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Heal writes the parity file anew, to the same bytes, from the files that it
// protects. They must be intact: ErrDamaged says that one is not, or cannot be
// read, and is to be rebuilt first. Only if it returns nil is what was written right; after an
// error it is worth nothing. Errors of w pass through;
// ErrCorrupt: the hashes of the parity are not those of the parity, so the
// header was written by mistake or malice, and only Write helps. Memory: as
// Write.
func (g *Group) Heal(ctx context.Context, w io.Writer) error {
	r := g.reader(ctx)
	defer r.src.close()
	e, err := newEncoder(r)
	if err != nil {
		return err
	}
	out := &output{w: w}
	_, err = g.write(out, e, false)
	if err == nil {
		return nil
	}
	if out.err == nil && ctx.Err() == nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrDamaged) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("healing %q: %w", g.name.Key(), err)
}

// output remembers that it was the writing that failed.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		o.err = err
	}
	return n, err
}
