package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/parity"
)

var roomy = fsFacts{free: 500e9, total: 1000e9, filesFree: 1e6, filesTotal: 2e6, kind: "ext4"}

// examine runs Doctor on a store in memory, on a disk with plenty of room.
func examine(t *testing.T, s *Store, m vfs.FS, change func(*doctor)) *Health {
	t.Helper()
	d := &doctor{s: s, now: s.o.Clock(), facts: func(string) (fsFacts, error) { return roomy, nil }, fs: vfs.Sub(m, DirName), many: manyPacks}
	if change != nil {
		change(d)
	}
	h, err := d.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func wantCheck(t *testing.T, h *Health, name, status, detail, next string) {
	t.Helper()
	i := slices.IndexFunc(h.Checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check %s", name)
	}
	c := h.Checks[i]
	if c.Status != status || !strings.Contains(c.Detail, detail) || c.Next != next {
		t.Errorf("%s: %s, %q, next %q; want %s, …%q…, next %q", name, c.Status, c.Detail, c.Next, status, detail, next)
	}
	if h.OK != (h.Count(CheckFailed) == 0) {
		t.Errorf("OK is %v with %d failed", h.OK, h.Count(CheckFailed))
	}
}

// doctorStore has a few versions of one model, is checked and tidied up.
func doctorStore(t *testing.T, versions int) (*Store, *vfs.Mem) {
	t.Helper()
	s, m := newMemStore(t)
	for i := range versions {
		write(t, m, "m.json", model(uint64(i), 3000))
		save(t, s, CommitOptions{Paths: []string{"m.json"}})
	}
	mustFsck(t, s)
	return s, m
}

func setShared(t *testing.T, s *Store, key, value string) {
	t.Helper()
	_, err := s.update(t.Context(), func(*snapshot) ([]journal.Op, error) {
		return []journal.Op{{Kind: journal.OpSetConfig, Key: key, Value: value}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDoctorHealthy(t *testing.T) {
	s, m := doctorStore(t, 3)
	h := examine(t, s, m, nil)
	var names []string
	for _, c := range h.Checks {
		names = append(names, c.Name)
		if c.Status != CheckOK || c.Detail == "" || c.Next != "" {
			t.Errorf("%+v", c)
		}
	}
	want := strings.Fields("store scrub space packs parity condemned gc debris index clock permissions filesystem")
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if !h.OK || h.Count(CheckOK) != len(want) {
		t.Errorf("%+v", h)
	}
	// The exported way, which knows no file system here.
	got, err := s.Doctor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(got.Checks, h.Checks, func(a, b Check) bool { return a.Name == b.Name }) {
		t.Errorf("%+v", got.Checks)
	}
}

func TestDoctorChangesNothing(t *testing.T) {
	s, m := doctorStore(t, 3)
	before := m.Used()
	for range 3 {
		examine(t, s, m, nil)
	}
	if m.Used() != before {
		t.Errorf("%d bytes before, %d after", before, m.Used())
	}
}

func TestDoctorStore(t *testing.T) {
	s, m := doctorStore(t, 1)
	wantCheck(t, examine(t, s, m, nil), "store", CheckOK, fmt.Sprintf("format %d, 1 version, 2 entries since", journal.Format), "")
	write(t, m, DirName+"/format", []byte("something else"))
	s, err := openSame(m)
	if err != nil {
		t.Fatal(err)
	}
	wantCheck(t, examine(t, s, m, nil), "store", CheckWarning, "is damaged", "mstore fsck --repair")
	if err := m.Remove(DirName + "/format"); err != nil {
		t.Fatal(err)
	}
	s = newStore(m, s.b, s.o)
	s.b.(interface{ Close() error }).Close()
	wantCheck(t, examine(t, s, m, nil), "store", CheckWarning, "is lost", "mstore init")
}

// openSame opens the store in m anew, with a clock that goes on.
func openSame(m *vfs.Mem) (*Store, error) {
	return openMem(context.Background(), m, ticking(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), time.Minute))
}

func TestDoctorJournalDamaged(t *testing.T) {
	s, m := doctorStore(t, 2)
	entries, err := m.ReadDir(DirName + "/journal")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		write(t, m, DirName+"/journal/"+e.Name(), []byte("MSTORE no more"))
	}
	s.b.(interface{ Close() error }).Close()
	d := &doctor{s: s, now: s.o.Clock(), facts: func(string) (fsFacts, error) { return roomy, nil }, fs: vfs.Sub(m, DirName)}
	h, err := d.run(t.Context())
	if !errors.Is(err, ErrDamaged) || h == nil {
		t.Fatalf("%v, %v", h, err)
	}
	wantCheck(t, h, "store", CheckFailed, "the journal cannot be read", "mstore fsck --repair")
	wantCheck(t, h, "space", CheckOK, "", "")
	wantCheck(t, h, "permissions", CheckOK, "", "")
	if h.Count(CheckFailed) != 1 {
		t.Errorf("%+v", h.Checks)
	}

	for _, e := range entries {
		if err := m.Remove(DirName + "/journal/" + e.Name()); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := s.Doctor(t.Context()); h != nil || !errors.Is(err, ErrNoStore) {
		t.Errorf("without a journal: %v, %v", h, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if h, err := s.Doctor(ctx); h != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, %v", h, err)
	}
}

func TestDoctorScrub(t *testing.T) {
	s, m := newMemStore(t)
	wantCheck(t, examine(t, s, m, nil), "scrub", CheckOK, "nothing to check", "")
	write(t, m, "m.json", model(1, 300))
	save(t, s, CommitOptions{Paths: []string{"m.json"}})
	wantCheck(t, examine(t, s, m, nil), "scrub", CheckWarning, "never", "mstore fsck")
	now := s.o.Clock()
	for _, c := range []struct {
		file                 map[string]any
		status, detail, next string
	}{
		{map[string]any{"full": now, "ok": true}, CheckOK, "is intact", ""},
		{map[string]any{"full": now.Add(-31 * 24 * time.Hour), "ok": true}, CheckWarning, "1 month ago", "mstore fsck"},
		{map[string]any{"full": now, "ok": false, "problems": 3}, CheckFailed, "found 3 problems", "mstore fsck --repair"},
		{map[string]any{"sampled": now, "ok": true}, CheckWarning, "never everything", "mstore fsck"},
		{map[string]any{"sampled": now, "ok": false, "problems": 1}, CheckFailed, "found 1 problem", "mstore fsck --repair"},
		{map[string]any{}, CheckWarning, "never", "mstore fsck"},
		{map[string]any{"full": "yesterday"}, CheckWarning, "never", "mstore fsck"},
	} {
		b, err := json.Marshal(c.file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, m, scrubFile, b)
		wantCheck(t, examine(t, s, m, func(d *doctor) { d.now = now }), "scrub", c.status, c.detail, c.next)
	}
}

func TestDoctorSpace(t *testing.T) {
	s, m := doctorStore(t, 1)
	broken := errors.New("no answer")
	for _, c := range []struct {
		name                 string
		facts                fsFacts
		err                  error
		status, detail, next string
	}{
		{"plenty", roomy, nil, CheckOK, "500 GB of 1.0 TB free (50%)", ""},
		{"much of very much", fsFacts{free: 200e9, total: 20e12}, nil, CheckOK, "(1%)", ""},
		{"a small part", fsFacts{free: 9e9, total: 100e9}, nil, CheckWarning, "(9%)", "mstore gc"},
		{"less than a repack needs", fsFacts{free: 900e6, total: 2e9}, nil, CheckWarning, "less than the 1.0 GB that gc may need", "mstore gc"},
		{"almost nothing", fsFacts{free: 99e6, total: 200e6}, nil, CheckFailed, "saves will soon fail", "mstore gc"},
		{"no inodes", fsFacts{free: 500e9, total: 1000e9, filesFree: 5, filesTotal: 1000}, nil, CheckWarning, "room for 5 more files", "mstore gc"},
		{"not known", fsFacts{}, errors.ErrUnsupported, CheckOK, "not known", ""},
		{"no answer", fsFacts{}, broken, CheckFailed, "no answer", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := examine(t, s, m, func(d *doctor) { d.facts = func(string) (fsFacts, error) { return c.facts, c.err } })
			wantCheck(t, h, "space", c.status, c.detail, c.next)
			if c.err == broken { // the others are made all the same
				wantCheck(t, h, "filesystem", CheckFailed, "no answer", "")
				wantCheck(t, h, "permissions", CheckOK, "", "")
			}
		})
	}
}

func TestDoctorFilesystem(t *testing.T) {
	s, m := doctorStore(t, 1)
	for kind, c := range map[string][2]string{
		"":        {CheckOK, "nothing is known"},
		"xfs":     {CheckOK, "xfs"},
		"overlay": {CheckOK, "overlay"},
		"nfs":     {CheckWarning, "network file system (nfs)"},
		"smbfs":   {CheckWarning, "network file system (smbfs)"},
		"9p":      {CheckWarning, "network file system (9p)"},
		"fuse":    {CheckWarning, "FUSE file system (fuse)"},
		"macfuse": {CheckWarning, "FUSE file system (macfuse)"},
		"tmpfs":   {CheckWarning, "a restart loses all of it"},
	} {
		h := examine(t, s, m, func(d *doctor) {
			d.facts = func(string) (fsFacts, error) { return fsFacts{free: 1e12, total: 2e12, kind: kind}, nil }
		})
		wantCheck(t, h, "filesystem", c[0], c[1], "")
	}
	f, err := statFS(t.TempDir())
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	if err == nil && (f.total == 0 || f.free > f.total) {
		t.Errorf("%+v", f)
	}
}

func TestDoctorPacks(t *testing.T) {
	s, m := doctorStore(t, 4)
	wantCheck(t, examine(t, s, m, nil), "packs", CheckOK, ", 4 of them as saves have left them", "")
	wantCheck(t, examine(t, s, m, func(d *doctor) { d.many = 3 }), "packs", CheckWarning, "takes longer", "mstore gc")
	if _, err := s.GC(t.Context(), GCOptions{}); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, examine(t, s, m, func(d *doctor) { d.many = 0 }), "packs", CheckOK, "1 pack of", "")

	sn, err := s.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	live, err := sn.h.LivePacks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name := DirName + "/" + live[0].Name.Key()
	data := read(t, m, name)
	damaged := slices.Clone(data)
	damaged[len(damaged)-5] ^= 1
	write(t, m, name, damaged)
	if s, err = openSame(m); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, examine(t, s, m, nil), "packs", CheckFailed, "the index of 1 cannot be read", "mstore fsck --repair")
	write(t, m, name, data[:len(data)-1])
	wantCheck(t, examine(t, s, m, nil), "packs", CheckFailed, "1 are missing or not as long", "mstore fsck --repair")
	if err := m.Remove(name); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, examine(t, s, m, nil), "packs", CheckFailed, live[0].Name.String(), "mstore fsck --repair")
}

func TestDoctorParity(t *testing.T) {
	s, m := doctorStore(t, 3)
	wantCheck(t, examine(t, s, m, nil), "parity", CheckOK, "get it when the journal is folded next", "")
	if _, err := s.GC(t.Context(), GCOptions{}); err != nil {
		t.Fatal(err)
	}
	h := examine(t, s, m, nil)
	wantCheck(t, h, "parity", CheckOK, "have parity", "")
	if i := slices.IndexFunc(h.Checks, func(c Check) bool { return c.Name == "parity" }); strings.Contains(h.Checks[i].Detail, "0 B") {
		t.Error(h.Checks[i].Detail)
	}

	// Folded, and the parity is lost.
	st, err := s.j.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.j.Fold(t.Context(), st, s.packSet(st)); err != nil {
		t.Fatal(err)
	}
	infos, err := s.b.List(t.Context(), parity.Prefix, "", 0)
	if err != nil || len(infos) == 0 {
		t.Fatal(infos, err)
	}
	for _, i := range infos {
		if err := s.b.Delete(t.Context(), i.Key); err != nil {
			t.Fatal(err)
		}
	}
	wantCheck(t, examine(t, s, m, nil), "parity", CheckWarning, "in 1 pack have none", "mstore gc")
	setShared(t, s, "store.parity", "off")
	wantCheck(t, examine(t, s, m, nil), "parity", CheckOK, "switched off", "")
}

func TestDoctorCondemnedAndGC(t *testing.T) {
	s, m := doctorStore(t, 5)
	wantCheck(t, examine(t, s, m, nil), "gc", CheckOK, "it never ran from here; there is no retention policy", "")
	setShared(t, s, "gc.keep-last", "1")
	wantCheck(t, examine(t, s, m, nil), "gc", CheckOK, "it never ran from here; the policy is keep-last 1", "")
	if _, err := s.GC(t.Context(), GCOptions{}); err != nil {
		t.Fatal(err)
	}
	h := examine(t, s, m, nil)
	wantCheck(t, h, "gc", CheckOK, "it last ran on 2026-11-", "")
	wantCheck(t, h, "condemned", CheckOK, "can be taken back ('mstore undelete') until 2026-11-", "")
	h = examine(t, s, m, func(d *doctor) { d.now = d.now.Add(20 * 24 * time.Hour) })
	wantCheck(t, h, "condemned", CheckOK, "are due for removal by the next gc", "mstore gc")
	setShared(t, s, "gc.keep-last", "some")
	wantCheck(t, examine(t, s, m, nil), "gc", CheckWarning, "makes no sense", "mstore config")
}

func TestDoctorDebris(t *testing.T) {
	s, m := doctorStore(t, 2)
	write(t, m, DirName+"/objects/0123456789abcdef0123456789abcdef.pack", make([]byte, 1000))
	write(t, m, DirName+"/journal/"+vfs.TempName(), make([]byte, 500))
	now := s.o.Clock()
	wantCheck(t, examine(t, s, m, func(d *doctor) { d.now = now }), "debris", CheckOK, "2 files of saves that are under way", "")
	later := func(d *doctor) { d.now = now.Add(30 * time.Hour) }
	wantCheck(t, examine(t, s, m, later), "debris", CheckWarning, "1 pack that the journal does not name and 1 temporary file, older than a day, take 1.5 kB", "mstore gc --now")
	setShared(t, s, "gc.keep-last", "1") // which --now would carry out without a grace
	wantCheck(t, examine(t, s, m, later), "debris", CheckWarning, "1 pack", "mstore gc")
}

func TestDoctorClock(t *testing.T) {
	s, m := doctorStore(t, 1)
	st, err := s.j.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[time.Time][2]string{
		st.Time.Add(-4 * time.Minute):               {CheckOK, "it is 2026-11-02"},
		st.Time.Add(-6 * time.Minute):               {CheckWarning, "the newest entry of the journal is of 2026-11-02"},
		time.Date(1970, 1, 1, 0, 1, 0, 0, time.UTC): {CheckWarning, "set its clock"},
	} {
		wantCheck(t, examine(t, s, m, func(d *doctor) { d.now = now }), "clock", want[0], want[1], "")
	}
}

func TestDoctorPermissions(t *testing.T) {
	_, m := doctorStore(t, 1)
	for _, c := range []struct {
		at             string
		err            error
		status, detail string
	}{
		{DirName + "/journal", fs.ErrPermission, CheckWarning, "only read it"},
		{DirName + "/objects", fs.ErrPermission, CheckWarning, "only read it"},
		{DirName + "/objects", syscall.EROFS, CheckFailed, "cannot be written to"},
		{DirName + "/journal", vfs.ErrNoSpace, CheckFailed, "cannot be written to"},
		{workDir, fs.ErrPermission, CheckWarning, "but not the workspace"},
	} {
		f := vfs.NewFault(m)
		s, err := openMem(t.Context(), f, testClock())
		if err != nil {
			t.Fatal(err)
		}
		f.OnOp(func(op vfs.Op) error {
			if op.Kind == vfs.OpCreate && strings.HasPrefix(op.Name, c.at+"/.tmp-") {
				return &fs.PathError{Op: "create", Path: op.Name, Err: c.err}
			}
			return nil
		})
		wantCheck(t, examine(t, s, f, nil), "permissions", c.status, c.detail, "")
	}
	s, err := openSame(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := removeAll(m, DirName+"/objects"); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, examine(t, s, m, nil), "permissions", CheckFailed, "objects, is missing", "mstore fsck --repair")
	if _, err := m.Stat(DirName + "/objects"); err == nil {
		t.Error("doctor made the directory that was missing")
	}
}

func removeAll(m *vfs.Mem, dir string) error {
	entries, err := m.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, m.Remove(dir+"/"+e.Name()))
	}
	return errors.Join(err, m.Remove(dir))
}

func TestDoctorWorldWritable(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("mode bits say nothing")
	}
	s := diskStore(t, 1)
	dir := filepath.Join(s.Dir(), "objects")
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	h, err := s.Doctor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantCheck(t, h, "permissions", CheckWarning, "everybody on this machine", "chmod o-w '"+dir+"'")
}

func diskStore(t *testing.T, versions int) *Store {
	t.Helper()
	dir := t.TempDir()
	s, _, err := Init(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for i := range versions {
		if err := os.WriteFile(filepath.Join(dir, "m.json"), model(uint64(i), 300), 0o644); err != nil {
			t.Fatal(err)
		}
		save(t, s, CommitOptions{Paths: []string{"m.json"}})
	}
	return s
}

// held is a journal that looks at the store while the index is being built.
type held struct {
	indexSource
	look func()
}

func (h *held) Versions(ctx context.Context, n uint64, fn func(index.Record) error) error {
	h.look()
	return h.indexSource.Versions(ctx, n, fn)
}

func TestDoctorIndex(t *testing.T) {
	s := diskStore(t, 3)
	look := func() *Health {
		t.Helper()
		h, err := s.Doctor(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	wantCheck(t, look(), "index", CheckOK, "none yet", "")
	dir := filepath.Join(s.Root(), filepath.FromSlash(workDir), "index")
	if _, err := os.Stat(dir); err == nil {
		t.Error("doctor made the index")
	}
	if _, err := s.Reindex(t.Context()); err != nil {
		t.Skip(err) // no locks on this system
	}
	wantCheck(t, look(), "index", CheckOK, "3 versions in ", "")
	if err := s.SetConfig(t.Context(), "user.name", "x", false); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, look(), "index", CheckOK, "1 entry behind the journal", "")
	sn, err := s.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	held := &held{indexSource{sn}, func() { wantCheck(t, look(), "index", CheckOK, "another process is at work", "") }}
	if err := s.index.Rebuild(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "SEAL")); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, look(), "index", CheckWarning, "cannot be used", "mstore reindex")
}

func TestDoctorSecond(t *testing.T) {
	s := diskStore(t, 2)
	copied := filepath.Join(t.TempDir(), "copy")
	setShared(t, s, secondStore, copied)
	look := func() *Health {
		t.Helper()
		h, err := s.Doctor(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	wantCheck(t, look(), "second", CheckFailed, "cannot be opened", "mstore config store.second")
	if err := os.CopyFS(copied, os.DirFS(s.Dir())); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, look(), "second", CheckOK, "the same journal", "")
	if err := s.SetConfig(t.Context(), "user.name", "x", false); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, look(), "second", CheckOK, "1 entry behind", "")
	other, err := Open(t.Context(), s.Root(), Options{StoreDir: copied})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, name := range []string{"y", "z"} {
		if err := other.SetConfig(t.Context(), "user.name", name, false); err != nil {
			t.Fatal(err)
		}
	}
	wantCheck(t, look(), "second", CheckWarning, "it has 1 entry that this store does not have", "")
	setShared(t, s, secondStore, diskStore(t, 1).Root())
	wantCheck(t, look(), "second", CheckWarning, "not a copy of this store", "mstore config store.second")
}
