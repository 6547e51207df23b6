package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
)

// formatKey holds a line for people and for older programs: which format the
// store has. The journal and the packs say it again, with checksums.
const formatKey = "format"

var formatLine = fmt.Sprintf("mstore store, format %d\n", journal.Format)

// formatNote remembers in the workspace of which store the line was read, where that
// costs a request. A store that a newer program has changed since is known by the files
// of its journal.
const formatNote = workDir + "/format"

func (s *Store) formatKnown() bool {
	if s.dir != "" || s.root == nil {
		return false
	}
	b, err := vfs.ReadFile(s.root, formatNote, 1<<10)
	return err == nil && string(b) == cacheName(s.location)
}

func (s *Store) noteFormat() {
	if s.dir == "" && s.location != "" && s.root != nil {
		_ = s.writeWork(formatNote, []byte(cacheName(s.location)), false)
	}
}

func (s *Store) writeFormat(ctx context.Context) error {
	if err := s.checkFormat(ctx); err == nil {
		if _, err := s.b.Stat(ctx, formatKey); err == nil {
			return nil
		}
	}
	err := s.b.Put(ctx, formatKey, []byte(formatLine))
	if errors.Is(err, backend.ErrExists) {
		return s.checkFormat(ctx)
	}
	if err == nil {
		s.noteFormat()
	}
	return err
}

// checkFormat refuses a store whose format line names a newer format. A line
// that is lost or unreadable is left to fsck.
func (s *Store) checkFormat(ctx context.Context) error {
	b, err := backend.ReadAll(ctx, backend.Uncached(s.b), formatKey, 256)
	if err != nil {
		if outOfReach(err) || ctx.Err() != nil {
			return classify(err)
		}
		return nil
	}
	var n int
	if _, err := fmt.Sscanf(string(b), "mstore store, format %d\n", &n); err != nil {
		return nil
	}
	if n <= journal.Format {
		s.noteFormat()
		return nil
	}
	return fmt.Errorf("%q has format %d, this program reads up to %d: %w", LocationName(cmp.Or(s.location, s.dir)), n, journal.Format, ErrFormat)
}
