package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mstore/mstore/gc"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// SafetyKept is how long a safety version is kept at least.
const SafetyKept = gc.SafetyKept

// saveUnsafe saves what the checkout is about to overwrite or remove and the
// store does not have, as a safety version: the current head with these files.
func (c *checkout) saveUnsafe(ctx context.Context) error {
	if len(c.unsafe) == 0 {
		return nil
	}
	fail := func(err error) error {
		return as(ErrConflict, fmt.Errorf("%q holds what is not saved anywhere, and it could not be saved: %w; nothing was changed", c.unsafe[0].path, err))
	}
	for range 100 {
		err := c.trySafety(ctx)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return fail(err)
		}
		return nil
	}
	return fail(errAgain)
}

func (c *checkout) trySafety(ctx context.Context) error {
	s := c.s
	sn, err := s.load(ctx)
	if err != nil {
		return err
	}
	name := sn.freeName("safety/", s.o.Clock())
	// The head may name the very same content, but damaged.
	o := CommitOptions{AllowEmpty: true, Message: fmt.Sprintf("what checkout of %s %s would have overwritten", c.v.Name, c.v.ID.Short())}
	parent := s.head().Branch
	if c.bare {
		parent = ""
	}
	cm, err := s.newCommit(ctx, sn, journal.Safety, name, parent, o)
	if err != nil {
		return err
	}
	cm.w = cm.newWriter(ctx)
	for _, f := range c.unsafe {
		id, size, err := c.saveFile(ctx, cm, f.path)
		if err != nil {
			cm.w.Abort()
			return err
		}
		cm.edits = append(cm.edits, objects.TreeEdit{TreeEntry: objects.TreeEntry{Path: f.path, Blob: id, Size: size}})
	}
	sortEdits(cm.edits)
	if err := cm.publish(ctx); err != nil {
		return err
	}
	c.res.Safety, c.res.SafetyName = cm.res.Version, name
	return nil
}

// freeName is a name off the branches that tells the time, such as
// safety/20261123T101500Z.
func (sn *snapshot) freeName(prefix string, now time.Time) string {
	first := prefix + now.UTC().Format("20060102T150405Z")
	name := first
	for i := 2; ; i++ {
		if _, taken := sn.st.Names[name]; !taken {
			return name
		}
		name = fmt.Sprintf("%s-%d", first, i)
	}
}

func (c *checkout) saveFile(ctx context.Context, cm *commit, p string) (objects.BlobID, int64, error) {
	f, err := c.fs.Open(p)
	if err != nil {
		return objects.BlobID{}, 0, err
	}
	defer f.Close()
	return cm.w.Blob(&ctxReader{ctx, f}, 0, cm.like(ctx, p))
}

// hashOf reads a file to tell what it holds.
func hashOf(ctx context.Context, fsys vfs.FS, p string) (id objects.BlobID, err error) {
	f, err := fsys.Open(p)
	if err != nil {
		return id, fmt.Errorf("opening %q: %w", p, err)
	}
	defer f.Close()
	h := objects.NewHasher()
	if _, err := copyBuffer(h, &ctxReader{ctx, f}); err != nil {
		return id, fmt.Errorf("reading %q: %w", p, err)
	}
	return objects.BlobID(h.Sum(nil)), nil
}

func mkdirOut(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making %q: %w", dir, err)
	}
	return nil
}
