package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
)

// bundleOf makes a bundle of a store in a file.
func bundleOf(t testing.TB, s *Store, revs ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.bundle")
	if _, err := s.BundleCreate(context.Background(), BundleOptions{File: file, Revs: revs}); err != nil {
		t.Fatal(err)
	}
	return file
}

// sameHistory compares all versions of a branch here with what they hold.
func sameHistory(t testing.TB, s *Store, branch string, want ledger) {
	t.Helper()
	for i, w := range want {
		v, err := s.Show(context.Background(), fmt.Sprintf("%s@v%d", branch, i+1))
		if err != nil {
			t.Fatal(err)
		}
		got, err := modelsOf(s, v)
		if err == nil {
			err = sameFiles(got, w)
		}
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
	}
}

func TestBundle(t *testing.T) {
	ctx := context.Background()
	full, _ := newDirStore(t)
	want := saveHistory(t, full, 8)
	all, tail := bundleOf(t, full), bundleOf(t, full, "v5..main")
	if a, b := sizeOf(t, all), sizeOf(t, tail); b > a*3/4 {
		t.Errorf("all takes %d bytes, three of eight versions %d", a, b)
	}
	s, m := newMemStore(t)
	if _, err := s.BundleApply(ctx, BundleApplyOptions{File: tail}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "v5") {
		t.Fatalf("a bundle that needs v5: %v", err)
	}
	first := bundleOf(t, full, "v5")
	for range 2 {
		if _, err := s.BundleApply(ctx, BundleApplyOptions{File: first, FastForward: true}); err != nil {
			t.Fatal(err)
		}
	}
	res, err := s.BundleApply(ctx, BundleApplyOptions{File: tail, FastForward: true})
	if err != nil || res.Versions != 3 {
		t.Fatalf("%+v, %v", res, err)
	}
	sameHistory(t, s, "main", want)
	sameHistory(t, s, "bundle/main", want)
	mustFsck(t, s)
	if _, err := s.Checkout(ctx, CheckoutOptions{Rev: "main"}); err != nil {
		t.Fatal(err)
	}
	if got, err := onDisk(m); err != nil || sameFiles(got, want[7]) != nil {
		t.Fatal(err, sameFiles(got, want[7]))
	}
	for _, file := range []string{all, tail, first} {
		if _, rep, err := BundleVerify(ctx, file, Options{}); err != nil || !rep.OK {
			t.Fatalf("%s: %+v, %v", file, rep, err)
		}
	}
}

func sizeOf(t testing.TB, file string) int64 {
	t.Helper()
	fi, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Size()
}

// TestBundleOfPart: what is promised is fetched for a bundle, unless it is left out.
func TestBundleOfPart(t *testing.T) {
	ctx := context.Background()
	s, _, _, _, want := newPartial(t, 5)
	all := promisedIn(t, s)
	bundleOf(t, s, "v4..v5")
	if n := promisedIn(t, s); n < all-3 {
		t.Fatalf("for one version %d contents were fetched", all-n)
	}
	file := bundleOf(t, s)
	if n := promisedIn(t, s); n != 0 {
		t.Fatalf("%d contents are promised still", n)
	}
	other, _ := newMemStore(t)
	if _, err := other.BundleApply(ctx, BundleApplyOptions{File: file}); err != nil {
		t.Fatal(err)
	}
	sameHistory(t, other, "bundle/main", want)
	part, _, _, dir, _ := newPartial(t, 2)
	plug := unplug(t, dir)
	defer plug()
	file = filepath.Join(t.TempDir(), "y")
	if _, err := part.BundleCreate(ctx, BundleOptions{File: file}); !errors.Is(err, ErrPromised) {
		t.Fatalf("a bundle without the remote: %v", err)
	}
	if _, err := os.Stat(file); !notExist(err) {
		t.Fatal("half a bundle is there")
	}
}

// TestBundleOnPart: a bundle that leaves out what is promised where it is applied.
func TestBundleOnPart(t *testing.T) {
	full, dir := newDirStore(t)
	want := saveHistory(t, full, 3)
	m := vfs.NewMem()
	clonePart(t, full, m, dir, nil)
	write(t, full.root, "a.json", model(500, 9000))
	save(t, full, CommitOptions{Paths: []string{"a.json"}})
	want = append(want, want[2].with("a.json", string(model(500, 9000))))
	s, err := openOn(m, laterClock())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.BundleApply(context.Background(), BundleApplyOptions{File: bundleOf(t, full, "v3..main")}); err != nil {
		t.Fatal(err)
	}
	sameHistory(t, s, "bundle/main", want)
}

// TestBundleDamaged: whatever is cut or flipped, nothing wrong becomes visible.
func TestBundleDamaged(t *testing.T) {
	ctx := context.Background()
	full, _ := newDirStore(t)
	want := saveHistory(t, full, 2)
	good, err := os.ReadFile(bundleOf(t, full))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 20261130))
	n := 60
	if testing.Short() {
		n = 12
	}
	seen := 0
	for i := range n {
		bad := bytes.Clone(good)
		what := ""
		switch i % 3 {
		case 0:
			bad = bad[:rng.IntN(len(bad))]
			what = fmt.Sprintf("cut to %d", len(bad))
		case 1:
			at := rng.IntN(len(bad))
			bad[at] ^= 1 << rng.IntN(8)
			what = fmt.Sprintf("bit flipped at %d", at)
		case 2:
			at := rng.IntN(len(bad))
			for k := at; k < min(at+rng.IntN(2000), len(bad)); k++ {
				bad[k] = byte(rng.Uint32())
			}
			what = fmt.Sprintf("overwritten at %d", at)
		}
		file := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(file, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		s, m := newMemStore(t)
		_, err := s.BundleApply(ctx, BundleApplyOptions{File: file})
		if err == nil {
			sameHistory(t, s, "bundle/main", want)
		} else {
			seen++
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNoStore) && !errors.Is(err, ErrFormat) {
				t.Errorf("%s: %v", what, err)
			}
			sn, lerr := s.load(ctx)
			if lerr != nil || len(sn.st.Names) > 0 && len(sn.st.SortedNames(Branch)) > 0 {
				t.Fatalf("%s: %v, %v", what, sn.st.Names, lerr)
			}
			for _, n := range sn.st.SortedNames(journal.Remote) {
				if !n.IsIncoming() {
					t.Fatalf("%s: %q is visible", what, n.Name)
				}
			}
			// The right one still applies, on top of what came.
			if err := os.WriteFile(file, good, 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := s.BundleApply(ctx, BundleApplyOptions{File: file}); err != nil {
				t.Fatalf("%s, then whole: %v", what, err)
			}
			sameHistory(t, s, "bundle/main", want)
		}
		mustFsck(t, s)
		if got, err := onDisk(m); err != nil || len(got) > 0 {
			t.Fatalf("%s: files %v, %v", what, got, err)
		}
	}
	t.Logf("%d of %d were seen", seen, n)
}

// TestBundleFaults fails each operation while a bundle is made: there is a whole one, the
// one before, or none, and nothing else.
func TestBundleFaults(t *testing.T) {
	ctx := context.Background()
	full, _ := newDirStore(t)
	saveHistory(t, full, 2)
	for name, fault := range map[string]func(f *vfs.Fault, k int){
		"EIO":      func(f *vfs.Fault, k int) { f.FailAt(k, syscall.EIO) },
		"no space": func(f *vfs.Fault, k int) { f.ShortAt(k, 10, vfs.ErrNoSpace) },
	} {
		t.Run(name, func(t *testing.T) {
			for k := 0; ; k++ {
				if testing.Short() && k%5 != 0 && k > 3 {
					continue
				}
				m := vfs.NewMem()
				write(t, m, "keep", []byte("mine"))
				f := vfs.NewFault(m)
				fault(f, k)
				_, err := full.bundleInto(ctx, f, "x", BundleOptions{})
				done := f.Count() <= k
				if done && err != nil {
					t.Fatal(err)
				}
				wantBundle(t, m, err == nil, fmt.Sprintf("fault at %d: %v", k, err))
				if done {
					return
				}
			}
		})
	}
}

func wantBundle(t *testing.T, m *vfs.Mem, whole bool, what string) {
	t.Helper()
	b, err := vfs.ReadFile(m, "x", 1<<30)
	switch {
	case notExist(err) && !whole:
	case err != nil:
		t.Fatalf("%s: %v", what, err)
	default:
		if _, err := readBundle(context.Background(), bytes.NewReader(b), int64(len(b))); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	if string(read(t, m, "keep")) != "mine" {
		t.Fatalf("%s: another file has changed", what)
	}
}

// TestBundleCrash: a power cut leaves a whole bundle or none; the next one sweeps.
func TestBundleCrash(t *testing.T) {
	ctx := context.Background()
	full, _ := newDirStore(t)
	saveHistory(t, full, 2)
	for k := 0; ; k++ {
		if testing.Short() && k%5 != 0 {
			continue
		}
		m := vfs.NewMem()
		write(t, m, "keep", []byte("mine"))
		syncAll(t, m, ".")
		f := vfs.NewFault(m)
		f.CrashAt(k)
		_, err := full.bundleInto(ctx, f, "x", BundleOptions{})
		done := f.Count() <= k
		rng := rand.New(rand.NewPCG(crashSeed, uint64(k)))
		for name, after := range map[string]*vfs.Mem{"killed": m.ProcessCrash(), "power cut": m.CrashClone(nil), "partial power cut": m.CrashClone(rng)} {
			wantBundle(t, after, err == nil, fmt.Sprintf("%s at %d: %v", name, k, err))
		}
		if done {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

// TestBundleFullDisk: nothing is left of a bundle that has no room.
func TestBundleFullDisk(t *testing.T) {
	full, _ := newDirStore(t)
	saveHistory(t, full, 2)
	for room := int64(100); ; room *= 3 {
		m := vfs.NewMem()
		m.SetCapacity(m.Used() + room)
		_, err := full.bundleInto(context.Background(), m, "x", BundleOptions{})
		if err == nil {
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%d bytes free: %v", room, err)
		}
		entries, rerr := m.ReadDir(".")
		if rerr != nil || len(entries) > 0 {
			t.Fatalf("%d bytes free: left %v, %v", room, entries, rerr)
		}
	}
}

// FuzzBundle: whatever the bytes, reading them as a bundle neither panics nor hangs.
func FuzzBundle(f *testing.F) {
	ctx := context.Background()
	dir := f.TempDir()
	s, _, err := Init(ctx, dir, Options{Clock: testClock()})
	if err != nil {
		f.Fatal(err)
	}
	defer s.Close()
	write(f, s.root, "a", []byte("content"))
	save(f, s, CommitOptions{Paths: []string{"a"}})
	good, err := os.ReadFile(bundleOf(f, s))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		at, err := readBundle(ctx, bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		far := newStore(vfs.NewMem(), at, Options{})
		sn, err := far.load(ctx)
		if err != nil {
			return
		}
		for _, n := range sn.st.SortedNames(0) {
			v, err := sn.version(ctx, n.To)
			if err != nil {
				continue
			}
			for m, err := range far.Models(ctx, v, "") {
				if err != nil {
					break
				}
				if r, err := sn.open(ctx, v, m); err == nil {
					_, _ = r.WriteTo(io.Discard)
				}
			}
		}
	})
}
