package gitinfo

import (
	"cmp"
	"context"
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// suspect is a file whose content must be looked at.
type suspect struct {
	entry *index.Entry
	path  string
	stamp stamp
}

// differ reports whether a file on disk differs from the index. What is cheap
// comes first: a difference that lstat or the memory shows spares the reading,
// and small files are read before large ones.
func (r reader) differ(ctx context.Context, w *worktree, ix *indexFile, mem *memory) (bool, error) {
	now := r.now()
	suspects, changed, err := w.examine(ctx, ix)
	if changed || err != nil {
		return changed, err
	}
	unread := suspects[:0]
	for _, s := range suspects {
		f, ok := mem.recall(s.entry.Name, s.stamp)
		switch {
		case !ok:
			unread = append(unread, s)
		case !f.is(s.entry.Hash):
			return true, nil
		}
	}
	slices.SortStableFunc(unread, func(a, b suspect) int { return cmp.Compare(a.stamp.size, b.stamp.size) })
	for _, s := range unread {
		if r.hashed != nil {
			r.hashed(s.entry.Name)
		}
		f, steady, err := hashFile(ctx, s.path, s.stamp)
		switch {
		case isMissing(err):
			return true, nil
		case err != nil:
			return false, err
		}
		if steady && s.stamp.settled(now) {
			mem.learn(s.entry.Name, f)
		}
		if !f.is(s.entry.Hash) {
			return true, nil
		}
	}
	mem.complete = true
	return false, nil
}

// examine compares the files with the index by lstat, and links by their
// target. It returns the files that this does not decide.
func (w *worktree) examine(ctx context.Context, ix *indexFile) (suspects []suspect, changed bool, err error) {
	dirs := dirWalk{root: w.root}
	for i, e := range ix.entries {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		if e.Mode == filemode.Submodule || e.SkipWorktree || ix.assumed[i] {
			continue
		}
		path := filepath.Join(w.root, filepath.FromSlash(e.Name))
		var st fileStat
		there, err := dirs.enter(e.Name)
		if there && err == nil {
			st, err = lstat(path)
		}
		switch {
		case err != nil && !isMissing(err):
			return nil, false, err
		case e.IntentToAdd:
			// git counts such a file as added, and forgives its absence.
			if there && err == nil {
				return nil, true, nil
			}
			continue
		case !there || err != nil || !w.sameKind(e, st):
			return nil, true, nil
		case !ix.uncertain(e, st.stamp):
			continue
		case st.kind == kindLink:
			same, err := sameLink(path, e.Hash)
			if !same || err != nil {
				return nil, err == nil, err
			}
			continue
		}
		suspects = append(suspects, suspect{e, path, st.stamp})
	}
	return suspects, false, nil
}

// sameKind compares types and the executable bit.
func (w *worktree) sameKind(e *index.Entry, st fileStat) bool {
	if e.Mode == filemode.Symlink {
		return st.kind == kindLink || st.kind == kindFile && !w.conf.symlinks
	}
	return st.kind == kindFile && (!w.conf.fileMode || st.exec == (e.Mode&0o100 != 0))
}

var emptyBlob = plumbing.NewHash("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")

// uncertain reports whether the content may differ from the entry's though the
// file is there: lstat tells another story than when the entry was made; or the
// file changed no earlier than the index, so that a later edit may have left
// its times as they were; or git wrote size 0 to say that it is not sure.
func (ix *indexFile) uncertain(e *index.Entry, s stamp) bool {
	if e.Size != uint32(s.size) || e.Size == 0 && e.Hash != emptyBlob {
		return true
	}
	if e.ModifiedAt.IsZero() || e.ModifiedAt.UnixNano() != s.mtime {
		return true
	}
	if s.ctime != 0 && !e.CreatedAt.IsZero() && e.CreatedAt.UnixNano() != s.ctime {
		return true
	}
	if e.ModifiedAt.Nanosecond() == 0 { // perhaps all that was known
		return e.ModifiedAt.Unix() >= ix.mtime.Unix()
	}
	return !e.ModifiedAt.Before(ix.mtime)
}

func sameLink(path string, want plumbing.Hash) (bool, error) {
	target, err := os.Readlink(path)
	if err != nil {
		return false, err
	}
	target = filepath.ToSlash(target)
	return plumbing.Hash(sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(target), target))) == want, nil
}
