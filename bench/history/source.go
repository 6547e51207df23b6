package history

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/refs"
	"github.com/mstore/mstore/store"
)

// Models is how many models each version of a history changes that Open begins;
// where it is more than one they are model00.json and so on.
var Models = 1

func init() { Open = openStore }

// batch is how many versions share a pack. A commit would write one of its own;
// so many small files are not what is measured here.
const batch = journal.FoldEvery

const (
	branch = store.DefaultBranch
	path   = "model.json"
)

// source makes a real store, entry by entry as commits would, in memory, and
// copies it to its directory when somebody looks.
type source struct {
	ctx    context.Context
	dir    string // of the store
	closer io.Closer
	disk   backend.Backend
	copied uint64 // the entry up to which disk has it
	b      backend.Backend
	j      *journal.Journal
	st     *journal.State
	parent *objects.Version
	models int // that every version changes
	ids    []objects.VersionID
	ready  []content // of the versions that follow, in packs already
	packs  []pack.Info
}

// content is one version's models and tree.
type content struct {
	models []objects.TreeEntry
	size   int64
	tree   objects.TreeID
}

func openStore(dir string) (Source, error) {
	ctx := context.Background()
	st, _, err := store.Init(ctx, dir, store.Options{})
	if err != nil {
		return nil, err
	}
	s := &source{ctx: ctx, dir: st.Dir(), models: Models}
	if err := st.Close(); err != nil {
		return nil, err
	}
	root, err := vfs.OpenRoot(s.dir)
	if err != nil {
		return nil, err
	}
	d := backend.NewDir(unsynced{root})
	s.disk, s.b, s.closer = d, backend.NewMem(), closers{d, root}
	if err := mirror(ctx, s.disk, s.b); err != nil {
		_ = s.closer.Close()
		return nil, err
	}
	s.j = journal.New(s.b, journal.Options{})
	if s.st, err = s.j.Load(ctx); err == nil && s.st.Versions > 0 {
		err = errors.New("the store is not empty")
	}
	if err != nil {
		_ = s.closer.Close()
		return nil, err
	}
	s.copied = s.st.Number
	return s, nil
}

// mirror makes the packs and the journal of to those of from.
func mirror(ctx context.Context, from, to backend.Backend) error {
	for _, prefix := range []string{pack.Prefix, "journal/"} {
		want, err := from.List(ctx, prefix, "", 0)
		if err != nil {
			return err
		}
		have, err := to.List(ctx, prefix, "", 0)
		if err != nil {
			return err
		}
		old := map[string]bool{}
		for _, i := range have {
			old[i.Key] = true
		}
		for _, i := range want {
			if old[i.Key] {
				delete(old, i.Key)
				continue
			}
			data, err := backend.ReadAll(ctx, from, i.Key, i.Size)
			if err == nil {
				err = to.Put(ctx, i.Key, data)
			}
			if err != nil {
				return err
			}
		}
		for key := range old {
			if err := to.Delete(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *source) flush() error {
	if s.copied == s.st.Number {
		return nil
	}
	s.copied = s.st.Number
	return mirror(s.ctx, s.b, s.disk)
}

// Save implements Source: version n is one journal entry, and its batch's pack
// comes before.
func (s *source) Save(n int) error {
	if len(s.ready) == 0 {
		if err := s.prepare(n); err != nil {
			return err
		}
	}
	c := s.ready[0]
	s.ready = s.ready[1:]
	v := &objects.Version{Tree: c.tree, Seq: 1, Generation: 1, Author: "bench", Message: "save", Models: len(c.models), Bytes: c.size,
		Time:    time.Unix(1_700_000_000+int64(n), 0).UTC(),
		Params:  map[string]any{"step": int64(n)},
		Metrics: map[string]any{"loss": 1 / float64(n)}}
	if s.parent != nil {
		v.Changed = len(c.models)
	} else {
		v.Added = len(c.models)
	}
	for i, m := range c.models {
		ch := objects.Change{Path: m.Path, Status: objects.Added, Blob: m.Blob, Size: m.Size}
		if s.parent != nil {
			ch.Status, ch.PrevSize = objects.Changed, s.parent.Changes[i].Size
		}
		v.Changes = append(v.Changes, ch)
	}
	return s.append(v)
}

func (s *source) set() *pack.Set { return pack.NewSet(s.b, s.st.Packs, s.st.Segments, s.st.Hidden()) }

// prepare writes the pack of the versions from n on.
func (s *source) prepare(n int) error {
	r := objects.NewReader(s.b, pack.NewSet(s.b, nil, nil, nil)) // nothing occurs twice
	w := objects.NewWriter(s.ctx, s.b, r, objects.WriterOptions{NewName: func() (p pack.Name) {
		_, _ = rand.Read(p[:]) // never returns an error since Go 1.24
		return p
	}})
	for i := n; i < n+batch; i++ {
		var c content
		var err error
		for k := 0; k < max(s.models, 1) && err == nil; k++ {
			m, text := objects.TreeEntry{Path: path}, fmt.Appendf(nil, `{"step": %d}`, i)
			if s.models > 1 {
				m.Path, text = fmt.Sprintf("model%02d.json", k), fmt.Appendf(nil, `{"step": %d, "model": %d}`, i, k)
			}
			m.Blob, m.Size, err = w.Blob(bytes.NewReader(text), 0, objects.BlobID{})
			c.models, c.size = append(c.models, m), c.size+m.Size
		}
		if err == nil {
			edits := make([]objects.TreeEdit, len(c.models))
			for k, m := range c.models {
				edits[k] = objects.TreeEdit{TreeEntry: m}
			}
			var tree *objects.Tree
			if tree, err = objects.OpenTree(objects.TreeID{}, r).Apply(s.ctx, edits, w.TreeNode); err == nil {
				c.tree = tree.ID
				s.ready = append(s.ready, c)
			}
		}
		if err != nil {
			w.Abort()
			return err
		}
	}
	packs, err := w.Finish(nil)
	s.packs = packs
	return err
}

// ID implements Source. It copies what was made, so that no lookup's time holds
// that.
func (s *source) ID(n int) (string, error) {
	if err := s.flush(); err != nil {
		return "", err
	}
	if n < 1 || n > len(s.ids) {
		return "", fmt.Errorf("there is no version %d", n)
	}
	return s.ids[n-1].String(), nil
}

// Resolve implements Source. The reads are all that a process makes of the
// store's files, the one of the format line included.
func (s *source) Resolve(rev string) (n, reads int, err error) {
	if err := s.flush(); err != nil {
		return 0, 0, err
	}
	root, err := vfs.OpenRoot(s.dir)
	if err != nil {
		return 0, 0, err
	}
	d := backend.NewDir(root)
	defer closers{d, root}.Close()
	c := backend.NewCounter(d)
	if _, err := backend.ReadAll(s.ctx, c, "format", 256); err != nil {
		return 0, 0, err
	}
	j := journal.New(c, journal.Options{})
	st, err := j.Load(s.ctx)
	if err != nil {
		return 0, 0, err
	}
	r := refs.Resolver{History: j.History(st), Branch: branch, Now: st.Time}
	t, err := r.Resolve(s.ctx, rev)
	k := c.Counts()
	return int(t.Seq), int(k.Gets + k.Lists + k.Stats), err
}

// Close implements Source: then the store is on the disk.
func (s *source) Close() error { return errors.Join(s.flush(), s.closer.Close()) }

type closers []io.Closer

func (cs closers) Close() error {
	var errs []error
	for _, c := range cs {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// unsynced is a file system that syncs nothing: a store that is made for one
// run need not survive a power cut.
type unsynced struct{ vfs.FS }

func (u unsynced) SyncDir(string) error { return nil }

func (u unsynced) Create(name string) (vfs.File, error) {
	f, err := u.FS.Create(name)
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

type unsyncedFile struct{ vfs.File }

func (unsyncedFile) Sync() error { return nil }
