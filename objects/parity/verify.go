package parity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/zeebo/blake3"
)

// Verify reads the whole parity file and checks that it is, byte for byte, what
// Write made it. An error that wraps ErrCorrupt says which parts are not, and
// wraps the backend's error where one of them could not be read: Heal writes
// the file anew. It does not look at the protected files.
func (g *Group) Verify(ctx context.Context) error {
	key := g.name.Key()
	info, err := g.b.Stat(ctx, key)
	if err != nil {
		return err
	}
	src := &source{ctx: ctx, b: g.b}
	defer src.close()
	var wrong []string
	var errs []error
	note := func(err error, format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf(format, args...))
		if err != nil {
			errs = append(errs, err)
		}
	}
	if info.Size != g.loc.file {
		note(nil, "%d bytes long, must be %d", info.Size, g.loc.file)
	}
	head := g.encode()
	check := func(what string, off int64, want []byte) {
		got := make([]byte, len(want))
		if err := src.read(key, off, got, g.loc.file); err != nil || !bytes.Equal(got, want) {
			note(err, "%s damaged", what)
		}
	}
	check("prefix", 0, g.loc.encode(prefixMagic))
	check("first header", g.loc.front(), head)
	bad, failed, err := g.lookAtParity(&checker{src, blake3.New(), make([]byte, block)})
	if err != nil {
		return err
	}
	if n := count(bad); n > 0 {
		note(failed, "%d of %d parity shards damaged", n, g.m)
	}
	check("second header", g.loc.back(), head)
	check("trailer", g.loc.file-locatorSize, g.loc.encode(trailerMagic))
	if err := ctx.Err(); err != nil {
		return err
	}
	if wrong == nil {
		return nil
	}
	err = fmt.Errorf("%q: %s: %w", key, strings.Join(wrong, ", "), ErrCorrupt)
	return errors.Join(append([]error{err}, errs...)...)
}
