package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/objects/parity"
)

// damaged makes what says that bytes are wrong ErrDamaged, and what says that a file
// has vanished errGone; other errors stay.
func damaged(err error) error {
	switch {
	case err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, errGone):
		return err
	case errors.Is(err, backend.ErrNotFound):
		return fmt.Errorf("%w: %w", errGone, err)
	}
	for _, t := range []error{pack.ErrCorrupt, pack.ErrFormat, pack.ErrNotFound, objects.ErrCorrupt, objects.ErrMissing, codec.ErrCorrupt, codec.ErrUnknown,
		journal.ErrCorrupt, journal.ErrMissing, journal.ErrFormat, journal.ErrNotFound, parity.ErrCorrupt, parity.ErrFormat, io.ErrUnexpectedEOF} {
		if errors.Is(err, t) {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return err
}

// keepPieces bounds the decoded pieces that are kept as bases, for each pack that is
// being checked, in bytes.
const keepPieces = 16 << 20

// packCheck verifies a pack whole: its layout, its index, and each record by its
// checksum and, unless shallow, its hash, decoded. st is a snapshot whose packs have the
// bases, and other, if not nil, a backend that may have them too.
func packCheck(st *journal.State, shared *pack.Set, other backend.Backend, shallow bool) check {
	return func(ctx context.Context, b backend.Backend, key string, size int64) error {
		name, ok := pack.ParseKey(key)
		if !ok {
			return fmt.Errorf("%q is not the key of a pack: %w", key, ErrDamaged)
		}
		x, err := pack.OpenIndex(ctx, b, pack.Info{Name: name, Size: size})
		if err != nil {
			return damaged(err)
		}
		var rows []pack.Row
		for r, err := range x.Rows() {
			if err != nil {
				return damaged(err)
			}
			rows = append(rows, r)
		}
		slices.SortFunc(rows, func(a, b pack.Row) int { return cmp.Or(cmp.Compare(a.Off, b.Off), cmp.Compare(a.Kind, b.Kind)) })
		if err := pack.CheckLayout(ctx, b, x, rows); err != nil {
			return damaged(err)
		}
		reader := func(b backend.Backend) *objects.Reader {
			set := pack.NewSet(b, st.Packs, st.Segments, st.Hidden())
			set.Inherit(shared)
			r := objects.NewReader(b, set)
			r.KeepPieces(keepPieces)
			return r
		}
		r := reader(b)
		var second *objects.Reader
		var buf []byte
		for _, row := range rows {
			if row.Kind == pack.KindLabel {
				continue
			}
			loc := pack.Loc{Pack: name, Row: row}
			if shallow {
				_, _, err = pack.Read(ctx, b, loc)
			} else {
				_, err = r.ReadAt(ctx, buf[:0], loc)
			}
			if a, ok := b.(*arriving); err != nil && ok && other != nil && !shallow && ctx.Err() == nil {
				if second == nil { // a base may be damaged here, and not there
					second = reader(&arriving{other, a.key, a.from, a.size})
				}
				if _, serr := second.ReadAt(ctx, buf[:0], loc); serr == nil {
					err = nil
				}
			}
			if err != nil {
				return damaged(err)
			}
		}
		return nil
	}
}

// segmentCheck verifies an index segment: that it is the one that the journal names,
// and every page of it.
func segmentCheck(info pack.SegmentInfo) check {
	return func(ctx context.Context, b backend.Backend, _ string, size int64) error {
		if size != info.Size {
			return fmt.Errorf("it has %d bytes, not %d: %w", size, info.Size, ErrDamaged)
		}
		g, err := pack.OpenSegment(ctx, b, info)
		if err != nil {
			return damaged(err)
		}
		for _, err := range g.Locs() {
			if err != nil {
				return damaged(err)
			}
		}
		return nil
	}
}

func archiveCheck(st *journal.State) check {
	return func(ctx context.Context, b backend.Backend, key string, _ int64) error {
		return damaged(journal.CheckArchive(ctx, b, st, key))
	}
}

func parityCheck(ctx context.Context, b backend.Backend, key string, _ int64) error {
	name, ok := parity.ParseKey(key)
	if !ok {
		return fmt.Errorf("%q is not the key of a parity file: %w", key, ErrDamaged)
	}
	g, err := parity.Open(ctx, b, name)
	if err == nil {
		err = g.Verify(ctx)
	}
	return damaged(err)
}
