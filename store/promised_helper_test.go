package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// newDirStore makes a store in a directory of the disk, and returns the directory.
func newDirStore(t testing.TB) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	s, _, err := Init(context.Background(), dir, Options{Clock: testClock()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, dir
}

// saveHistory saves n versions of two JSON models and one that does not compress, and
// returns what each version has.
func saveHistory(t testing.TB, s *Store, n int) ledger {
	t.Helper()
	var all ledger
	f := files{}
	for i := range n {
		a := model(1, 60_000)
		copy(a[1000:], fmt.Sprintf("%20d", i))
		f = f.with("a.json", string(a), fmt.Sprintf("dir/m%d.json", i%3), string(model(uint64(100+i), 3000)))
		if i%2 == 0 {
			f = f.with("weights.bin", noise(byte(i), 30_000))
		}
		for p, data := range f {
			write(t, s.root, p, []byte(data))
		}
		save(t, s, CommitOptions{Paths: []string{"."}})
		all = append(all, f)
	}
	return all
}

// clonePart makes, below an empty fsys, a store that has all that full has, but for the
// content that keep does not name, which the remote origin at url promises.
func clonePart(t testing.TB, full *Store, fsys vfs.FS, url string, keep func(objects.BlobID) bool) {
	t.Helper()
	ctx := context.Background()
	if err := fsys.MkdirAll(DirName); err != nil {
		t.Fatal(err)
	}
	b := backend.NewDir(vfs.Sub(fsys, DirName))
	infos, err := full.b.List(ctx, "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		if err := copyKey(ctx, b, full.b, i.Key); err != nil {
			t.Fatal(err)
		}
	}
	s := newStore(fsys, b, Options{Clock: laterClock()})
	sn, err := s.load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	old, err := sn.h.LivePacks(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w := objects.NewWriter(ctx, b, objects.NewReader(b, pack.NewSet(b, nil, nil, nil)), objects.WriterOptions{NewName: newPackName})
	keepPiece := map[pack.Key]bool{}
	readRemote(t, sn, func(id objects.BlobID) {
		if keep == nil || !keep(id) {
			return
		}
		keepPiece[pack.Key(id)] = true
		rc, err := sn.r.Recipe(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range rc.Parts {
			keepPiece[pack.Key(p.Piece)] = true
		}
	})
	for l, err := range sn.r.Set().Locs(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Kind == pack.KindLabel || l.Kind != pack.KindTree && !keepPiece[l.Key] {
			continue
		}
		if err := w.Move(ctx, sn.r, l, nil, true, func(err error) { t.Error(err) }); err != nil {
			t.Fatal(err)
		}
	}
	made, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	ops := []journal.Op{{Kind: journal.OpAddPacks, Packs: made}, {Kind: journal.OpRemovePacks, Packs: old},
		{Kind: journal.OpSetConfig, Key: "remote.origin.url", Value: url},
		{Kind: journal.OpSetConfig, Key: "remote.origin.id", Value: hex.EncodeToString(sn.st.Store[:])},
		{Kind: journal.OpSetConfig, Key: "remote.origin.partial", Value: "depth=1"}}
	for _, n := range sn.st.SortedNames(journal.Branch) {
		ops = append(ops, journal.Op{Kind: journal.OpSetName, NameKind: journal.Remote, Name: "origin/" + n.Name, Target: n.To})
	}
	if _, _, err := s.appendOps(ctx, func(*snapshot) ([]journal.Op, error) { return ops, nil }); err != nil {
		t.Fatal(err)
	}
	objects.DeletePacks(ctx, b, old)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func copyKey(ctx context.Context, to, from backend.Backend, key string) error {
	r, err := from.Get(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := to.Create(ctx, key)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	return w.Commit()
}

// readRemote calls fn with every content of a history.
func readRemote(t testing.TB, sn *snapshot, fn func(objects.BlobID)) {
	t.Helper()
	ctx := context.Background()
	for e, err := range sn.h.Entries(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		v, err := sn.versionOf(e)
		if err != nil {
			t.Fatal(err)
		}
		if v == nil {
			continue
		}
		for _, ch := range v.Changes {
			if ch.Status != objects.Removed {
				fn(ch.Blob)
			}
		}
	}
}

// newPartial makes a full store on disk, and one in memory that was promised all content.
func newPartial(t testing.TB, versions int) (s, full *Store, m *vfs.Mem, dir string, want ledger) {
	t.Helper()
	full, dir = newDirStore(t)
	want = saveHistory(t, full, versions)
	m = vfs.NewMem()
	clock := laterClock()
	m.SetClock(clock)
	clonePart(t, full, m, dir, nil)
	s, err := openOn(m, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, full, m, dir, want
}

// promisedIn counts the contents that are promised.
func promisedIn(t testing.TB, s *Store) int {
	t.Helper()
	rep, err := s.Fsck(context.Background(), FsckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range rep.Problems {
		t.Errorf("fsck: %+v", p)
	}
	return rep.Promised
}

// take moves a store's directory away, and back.
func unplug(t testing.TB, dir string) (plug func()) {
	t.Helper()
	at, away := filepath.Join(dir, DirName), filepath.Join(dir, "away")
	rename(t, at, away)
	return func() { rename(t, away, at) }
}
