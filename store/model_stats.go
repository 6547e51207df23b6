package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/codec"
)

// ModelVersion tells what one version of a model takes, as it is stored now: a
// repack changes it. Where the version removed the model, all but the first two
// fields are zero.
type ModelVersion struct {
	Version  *Version
	Status   objects.Status // added, changed or removed
	Blob     objects.BlobID
	Size     int64      // bytes
	Added    int64      // stored bytes of those of its pieces that no earlier version of the model has
	Pieces   int        // of which it is made
	Codecs   []codec.ID // that its pieces are stored with, ascending
	Depth    int        // of the longest chain of bases below one of its pieces
	Expired  *Expiry    // not nil: its content was let go, and takes nothing
	Promised *Promise   // not nil: its content lies at a remote alone, and takes nothing
}

// ModelStats tells what the versions of one model take, that led to the version
// that rev names ("" is HEAD) and changed the model: the newest n, or all when n
// is 0, newest first. The whole history is looked at in any case. Content is
// neither decoded nor verified. Errors wrap ErrNotFound where no version has
// such a model, and ErrDamaged where a piece is lost or what is known of it
// cannot be read.
func (s *Store) ModelStats(ctx context.Context, rev, path string, n int) ([]ModelVersion, error) {
	var out []ModelVersion
	err := s.twice(ctx, func(sn *snapshot) error {
		c := &modelCounter{sn: sn, path: path, limit: n, pieces: map[objects.PieceID]*countedPiece{}}
		for v, err := range s.Log(ctx, LogOptions{Rev: rev, Paths: []string{path}}) {
			if err != nil {
				return err
			}
			if err := c.version(ctx, v); err != nil {
				return err
			}
		}
		if !c.found && c.dir {
			return as(ErrNotFound, fmt.Errorf("%q is a directory, not a model", path))
		}
		if !c.found {
			return as(ErrNotFound, fmt.Errorf("no version has a model %q", path))
		}
		out = c.result()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// modelCounter meets the versions of a model, newest first.
type modelCounter struct {
	sn    *snapshot
	path  string
	limit int
	found bool // the model
	dir   bool // something below it

	out    []ModelVersion
	pieces map[objects.PieceID]*countedPiece // of those in out
}

// countedPiece is what is remembered of a piece.
type countedPiece struct {
	stored int64
	depth  int
	codec  codec.ID
	oldest int // version in out that has it; -1 for an older one
}

func (c *modelCounter) version(ctx context.Context, v *Version) error {
	changes, err := c.sn.changes(ctx, v)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(changes, func(x objects.Change) bool { return x.Path == c.path })
	c.dir = c.dir || slices.ContainsFunc(changes, func(x objects.Change) bool {
		return c.path == "." || strings.HasPrefix(x.Path, c.path+"/")
	})
	if i < 0 {
		return nil
	}
	c.found = true
	x := changes[i]
	m := ModelVersion{Version: v, Status: x.Status}
	old := c.limit > 0 && len(c.out) == c.limit
	if x.Status != objects.Removed {
		m.Blob, m.Size = x.Blob, x.Size
		if err := c.count(ctx, &m, old); err != nil {
			x, xerr := c.sn.expiry(ctx, m.Blob)
			if xerr == nil && x == nil {
				m.Promised, xerr = c.sn.promise(ctx, m.Blob)
			}
			if xerr != nil || x == nil && m.Promised == nil {
				return damagedModel(v, c.path, err)
			}
			m.Expired, m.Pieces, m.Depth, m.Codecs = x, 0, 0, nil
		}
	}
	if !old {
		c.out = append(c.out, m)
	}
	return nil
}

// count looks at the pieces of a version. What an old one has is not new in a
// later one; nothing else is asked of it.
func (c *modelCounter) count(ctx context.Context, m *ModelVersion, old bool) error {
	rc, err := c.sn.recipe(ctx, Model{c.path, m.Blob, m.Size})
	if err != nil {
		return err
	}
	for _, part := range rc.Parts {
		p := c.pieces[part.Piece]
		if old {
			if p != nil {
				p.oldest = -1
			}
			continue
		}
		if p == nil {
			info, err := c.sn.piece(ctx, part)
			if err != nil {
				return err
			}
			p = &countedPiece{stored: info.Stored, depth: info.Depth, codec: info.Codec}
			c.pieces[part.Piece] = p
		}
		p.oldest = len(c.out)
		m.Depth = max(m.Depth, p.depth)
		if !slices.Contains(m.Codecs, p.codec) {
			m.Codecs = append(m.Codecs, p.codec)
		}
	}
	m.Pieces = len(rc.Parts)
	slices.Sort(m.Codecs)
	return nil
}

func (c *modelCounter) result() []ModelVersion {
	for _, p := range c.pieces {
		if p.oldest >= 0 {
			c.out[p.oldest].Added += p.stored
		}
	}
	return c.out
}
