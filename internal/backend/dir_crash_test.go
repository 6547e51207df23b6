package backend_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

var packData = bytes.Repeat([]byte("some bytes of a pack. "), 500)

// puts are the ways to create a key that every crash and fault is tried on. The
// directory journal is there beforehand.
var puts = []struct {
	name, key string
	run       func(d *backend.Dir, key string) error
}{
	{"put", "journal/e2", func(d *backend.Dir, key string) error { return d.Put(ctx, key, packData) }},
	{"new directories", "objects/aa/p", func(d *backend.Dir, key string) error { return d.Put(ctx, key, packData) }},
	{"writer", "journal/e2", func(d *backend.Dir, key string) error {
		w, err := d.Create(ctx, key)
		if err != nil {
			return err
		}
		for part := range slices.Chunk(packData, 3000) {
			if _, err := w.Write(part); err != nil {
				return errors.Join(err, w.Abort())
			}
		}
		return w.Commit()
	}},
}

func newStore(t *testing.T) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	d := backend.NewDir(mem)
	if err := errors.Join(d.MakeDirs("journal"), d.Put(ctx, "journal/e1", []byte("first"))); err != nil {
		t.Fatal(err)
	}
	return mem
}

// presence fails the test if the key is there but not whole, or if the entry
// that was acknowledged before is gone.
func presence(t *testing.T, what string, mem *vfs.Mem, key string) bool {
	t.Helper()
	d := backend.NewDir(mem)
	if first, err := backend.ReadAll(ctx, d, "journal/e1", 100); err != nil || string(first) != "first" {
		t.Fatalf("%s: the entry before: %q, %v", what, first, err)
	}
	infos, err := d.List(ctx, "", "", 0)
	if err != nil {
		t.Fatalf("%s: listing: %v", what, err)
	}
	listed := slices.Contains(infos, backend.Info{Key: key, Size: int64(len(packData))})
	data, err := backend.ReadAll(ctx, d, key, 1<<20)
	switch {
	case errors.Is(err, backend.ErrNotFound):
		if listed || len(infos) != 1 {
			t.Fatalf("%s: an absent key, but the list is %v", what, infos)
		}
		return false
	case err != nil || !bytes.Equal(data, packData) || !listed || len(infos) != 2:
		t.Fatalf("%s: %d bytes of %d, %v; the list is %v", what, len(data), len(packData), err, infos)
	}
	return true
}

// wantPutAgain repeats the put after a restart and cuts the power after it.
func wantPutAgain(t *testing.T, what string, mem *vfs.Mem, key string, there bool) {
	t.Helper()
	d := backend.NewDir(mem)
	if err := d.MakeDirs("journal", "objects/aa"); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	err := d.Put(ctx, key, packData)
	if there && !errors.Is(err, backend.ErrExists) || !there && err != nil {
		t.Fatalf("%s: the next put: %v, the key was there: %v", what, err, there)
	}
	if !presence(t, what+", next put", mem, key) {
		t.Fatalf("%s: the key is absent after the next put", what)
	}
	if !there && !presence(t, what+", next put, power cut", mem.CrashClone(nil), key) {
		t.Fatalf("%s: the next put was acknowledged and lost", what)
	}
}

// TestDirCrash dies at every operation of a put.
func TestDirCrash(t *testing.T) {
	for _, p := range puts {
		t.Run(p.name, func(t *testing.T) {
			for k := 0; ; k++ {
				mem := newStore(t)
				f := vfs.NewFault(mem)
				f.CrashAt(k)
				err := p.run(backend.NewDir(f), p.key)
				crashed := f.Count() > k
				if !crashed && err != nil {
					t.Fatalf("without a crash: %v", err)
				}
				if errors.Is(err, backend.ErrExists) {
					t.Fatalf("crash at %d: %v", k, err)
				}
				afterlives := map[string]*vfs.Mem{
					"kill": mem.ProcessCrash(), "power cut": mem.CrashClone(nil),
				}
				for seed := range uint64(40) {
					rng := rand.New(rand.NewPCG(seed, uint64(k)))
					afterlives[fmt.Sprintf("power cut, seed %d", seed)] = mem.CrashClone(rng)
					afterlives[fmt.Sprintf("kill and power cut, seed %d", seed)] = mem.ProcessCrash().CrashClone(rng)
				}
				for name, after := range afterlives {
					what := fmt.Sprintf("crash at %d, %s", k, name)
					there := presence(t, what, after, p.key)
					if err == nil && !there {
						t.Fatalf("%s: the put was acknowledged and lost", what)
					}
					if err != nil && !errors.Is(err, backend.ErrUnknown) && there {
						t.Fatalf("%s: the put failed with %v, and the key is there", what, err)
					}
					wantPutAgain(t, what, after, p.key, there)
				}
				if !crashed {
					if k < 6 {
						t.Fatalf("the put took %d operations", k)
					}
					return
				}
			}
		})
	}
}

// TestDirFault fails every operation of a put in several ways.
func TestDirFault(t *testing.T) {
	faults := map[string]func(f *vfs.Fault, k int){
		"EIO":        func(f *vfs.Fault, k int) { f.FailAt(k, syscall.EIO) },
		"no space":   func(f *vfs.Fault, k int) { f.FailAt(k, vfs.ErrNoSpace) },
		"torn write": func(f *vfs.Fault, k int) { f.ShortAt(k, 1000, vfs.ErrNoSpace) },
		"afterwards": func(f *vfs.Fault, k int) { f.FailAfter(k, syscall.EIO) },
		"from then":  func(f *vfs.Fault, k int) { f.FailFrom(k, syscall.EIO) },
	}
	for _, p := range puts {
		for name, fault := range faults {
			t.Run(p.name+"/"+name, func(t *testing.T) {
				for k := 0; ; k++ {
					mem := newStore(t)
					f := vfs.NewFault(mem)
					fault(f, k)
					d := backend.NewDir(f)
					err := p.run(d, p.key)
					done := f.Count() <= k
					what := fmt.Sprintf("fault at %d", k)
					if !done {
						what += fmt.Sprintf(" (%s)", f.Ops()[k].Kind)
					}
					there := presence(t, what, mem, p.key)
					switch {
					case errors.Is(err, backend.ErrUnknown):
					case err == nil && !presence(t, what+", power cut", mem.CrashClone(nil), p.key):
						t.Fatalf("%s: the put was acknowledged and lost", what)
					case err != nil && there:
						t.Fatalf("%s: the put failed with %v, and the key is there", what, err)
					}
					f.Reset()
					// Who cannot remove cannot clean up, nor who does not know
					// that the file was made.
					cleans := done || name == "EIO" || name == "no space" || name == "torn write"
					if !done {
						// A removal that failed is Sweep's business.
						kind := opKind(t, p.run, p.key, k)
						cleans = cleans && kind != vfs.OpRemove
					}
					if left := leftovers(t, mem); cleans && len(left) > 0 {
						t.Fatalf("%s left %q behind, error %v", what, left, err)
					}
					// The same process goes on.
					err = d.Put(ctx, p.key, packData)
					if there && !errors.Is(err, backend.ErrExists) || !there && err != nil {
						t.Fatalf("%s: the next put: %v", what, err)
					}
					if !there && !presence(t, what+", next put, power cut", mem.CrashClone(nil), p.key) {
						t.Fatalf("%s: the next put was acknowledged and lost", what)
					}
					if done {
						return
					}
				}
			})
		}
	}
}

// opKind returns the kind of operation k of a put that nothing hinders.
func opKind(t *testing.T, run func(*backend.Dir, string) error, key string, k int) string {
	t.Helper()
	f := vfs.NewFault(newStore(t))
	if err := run(backend.NewDir(f), key); err != nil {
		t.Fatal(err)
	}
	return f.Ops()[k].Kind
}

// TestDirDirSync: a link that may not last is not called a success, nor a
// failure.
func TestDirDirSync(t *testing.T) {
	mem := newStore(t)
	f := vfs.NewFault(mem)
	f.OnOp(func(op vfs.Op) error {
		if op.Kind == vfs.OpSyncDir {
			return syscall.EIO
		}
		return nil
	})
	err := backend.NewDir(f).Put(ctx, "journal/e2", packData)
	if !errors.Is(err, backend.ErrUnknown) || !errors.Is(err, syscall.EIO) {
		t.Errorf("error is %v", err)
	}
	if left := leftovers(t, mem); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// TestDirLinkAnswers: a network file system may do a link and report an error,
// "exists" among them.
func TestDirLinkAnswers(t *testing.T) {
	for _, errno := range []error{syscall.EEXIST, syscall.EIO} {
		mem := newStore(t)
		f := vfs.NewFault(mem)
		link := 0
		if err := backend.NewDir(f).Put(ctx, "journal/e2", packData); err != nil {
			t.Fatal(err)
		}
		for _, op := range f.Ops() {
			if op.Kind == vfs.OpLink {
				link = op.N
			}
		}
		f.Reset()
		f.FailAfter(link, errno)
		if err := backend.NewDir(f).Put(ctx, "journal/e3", packData); err != nil {
			t.Errorf("a link that was made and answered %v: %v", errno, err)
		}
		f.Reset()
		f.FailAt(link, errno)
		err := backend.NewDir(f).Put(ctx, "journal/e4", packData)
		if err == nil || errors.Is(err, backend.ErrUnknown) {
			t.Errorf("a link that was not made and answered %v: %v", errno, err)
		}
		if left := leftovers(t, mem); len(left) > 0 {
			t.Errorf("left %q", left)
		}
	}
}

func TestDirFullDisk(t *testing.T) {
	mem := newStore(t)
	used := mem.Used()
	for room := int64(0); room < int64(len(packData)); room += 777 {
		for _, p := range puts {
			mem.SetCapacity(used + room)
			err := p.run(backend.NewDir(mem), p.key)
			if !errors.Is(err, vfs.ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("%s with %d bytes free: %v", p.name, room, err)
			}
			if presence(t, p.name, mem, p.key) {
				t.Fatalf("%s with %d bytes free: the key is there", p.name, room)
			}
			if left := leftovers(t, mem); len(left) > 0 || mem.Used() != used {
				t.Fatalf("%s left %q, %d bytes more", p.name, left, mem.Used()-used)
			}
		}
	}
	mem.SetCapacity(used + int64(len(packData)))
	wantPutAgain(t, "with just enough room", mem, "journal/e2", false)
}
