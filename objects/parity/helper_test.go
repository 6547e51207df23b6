package parity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"slices"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

var ctx = context.Background()

var testName = Name{0xab, 1, 2, 3, 15: 0xff}

// fixture is a group of files in a backend in memory.
type fixture struct {
	t     testing.TB
	b     *backend.Mem
	files []File
	want  map[string][]byte // what was protected, and the parity file
}

func random(seed int64, n int) []byte {
	p := make([]byte, n)
	rand.New(rand.NewSource(seed)).Read(p)
	return p
}

// protect makes a group of random files of those sizes.
func protect(t testing.TB, percent float64, sizes ...int) *fixture {
	t.Helper()
	f := &fixture{t: t, b: backend.NewMem(), want: map[string][]byte{}}
	for i, n := range sizes {
		key := fmt.Sprintf("objects/%05d", i)
		f.want[key] = random(int64(i+1), n)
		f.set(key, f.want[key])
		f.files = append(f.files, File{Key: key, Size: int64(n)})
	}
	info, err := Write(ctx, f.b, testName, f.files, percent)
	if err != nil {
		t.Fatal(err)
	}
	par := f.get(testName.Key())
	if info.Size != int64(len(par)) || info.Name != testName {
		t.Fatalf("%+v of %d bytes", info, len(par))
	}
	f.want[testName.Key()] = par
	return f
}

func (f *fixture) get(key string) []byte {
	f.t.Helper()
	p, err := backend.ReadAll(ctx, f.b, key, 1<<40)
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// set replaces the content of a key; nil removes it.
func (f *fixture) set(key string, p []byte) {
	f.t.Helper()
	if err := f.b.Delete(ctx, key); err != nil && !errors.Is(err, backend.ErrNotFound) {
		f.t.Fatal(err)
	}
	if p == nil {
		return
	}
	if err := f.b.Put(ctx, key, p); err != nil {
		f.t.Fatal(err)
	}
}

// reset makes everything intact again.
func (f *fixture) reset() {
	f.t.Helper()
	for key, p := range f.want {
		f.set(key, p)
	}
}

// edit replaces a key by what change makes of a copy of its content.
func (f *fixture) edit(key string, change func(p []byte) []byte) {
	f.t.Helper()
	f.set(key, change(slices.Clone(f.want[key])))
}

func (f *fixture) open() *Group {
	f.t.Helper()
	return openIn(f.t, f.b)
}

func openIn(t testing.TB, b backend.Backend) *Group {
	t.Helper()
	g, err := Open(ctx, b, testName)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (f *fixture) damage(g *Group) Damage {
	f.t.Helper()
	d, err := g.Damage(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

// rebuild demands that a file is rebuilt to what it was.
func (f *fixture) rebuild(g *Group, key string) {
	f.t.Helper()
	if err := f.try(g, key); err != nil {
		f.t.Fatal(err)
	}
}

// try rebuilds a file; success with wrong bytes is fatal.
func (f *fixture) try(g *Group, key string) error {
	f.t.Helper()
	var w bytes.Buffer
	err := g.Rebuild(ctx, key, &w)
	if err == nil && !bytes.Equal(w.Bytes(), f.want[key]) {
		f.t.Fatalf("%s is rebuilt to other bytes", key)
	}
	return err
}

// heal demands that the parity file is made anew to what it was.
func (f *fixture) heal(g *Group) {
	f.t.Helper()
	var w bytes.Buffer
	if err := g.Heal(ctx, &w); err != nil {
		f.t.Fatal(err)
	}
	if !bytes.Equal(w.Bytes(), f.want[testName.Key()]) {
		f.t.Fatal("the parity file is healed to other bytes")
	}
}

// intact demands that nothing is wrong.
func (f *fixture) intact(g *Group) {
	f.t.Helper()
	if err := g.Verify(ctx); err != nil {
		f.t.Fatal(err)
	}
	if d := f.damage(g); d.Files != nil || d.Shards != 0 || d.Parity != d.ParityShards || !d.Repairable() {
		f.t.Fatalf("%+v", d)
	}
}

var errMedium = errors.New("medium error")

// flaky fails reads that touch ranges of keys.
type flaky struct {
	backend.Backend
	bad map[string][]Range
}

func (f *flaky) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	r, err := f.Backend.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	return &flakyReader{r, f.bad[key], off}, nil
}

type flakyReader struct {
	io.ReadCloser
	bad []Range
	off int64
}

func (r *flakyReader) Read(p []byte) (int, error) {
	for _, b := range r.bad {
		if r.off < b.Off+b.Len && b.Off < r.off+int64(len(p)) {
			if b.Off <= r.off {
				return 0, errMedium
			}
			p = p[:b.Off-r.off]
		}
	}
	n, err := r.ReadCloser.Read(p)
	r.off += int64(n)
	return n, err
}
