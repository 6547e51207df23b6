package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

// summary is a comparison on one line a model: status, paths, kind.
func summary(t *testing.T, s *Store, o DiffOptions) []string {
	t.Helper()
	d, err := s.Diff(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for m, err := range d.Models(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s %s %s", m.Status, m.Path(), m.Kind)
		if m.From != nil && m.From.Path != m.Path() {
			line += " from " + m.From.Path
		}
		if m.Err != nil {
			line += " " + m.Err.Error()
		}
		out = append(out, line)
	}
	if len(out) != d.Len() {
		t.Errorf("%d models, Len says %d", len(out), d.Len())
	}
	return out
}

// weights is a safetensors file of F32 tensors of n elements each, named t0, t1 and so on.
func weights(t testing.TB, n int, seeds ...uint64) []byte {
	t.Helper()
	header := map[string]any{}
	var data []byte
	for i, seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		from := len(data)
		for range n {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(r.NormFloat64())))
		}
		header[fmt.Sprintf("t%d", i)] = map[string]any{"dtype": "F32", "shape": []int{n}, "data_offsets": []int{from, len(data)}}
	}
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head, data)
}

func TestDiffVersions(t *testing.T) {
	s, fsys := newMemStore(t)
	for p, b := range map[string][]byte{
		"same": []byte("same\n"), "d/a.json": []byte(`{"x":1}`), "d/gone.txt": []byte("gone\n"), "bin": {0, 1},
		"w.safetensors": weights(t, 10, 1, 2), "kind": []byte("text\n"), "old/name": model(1, 2000), "edited/name": model(2, 40000),
		"bad.json": []byte(`{"x":1}`), "both": []byte(`{"x":1}`),
	} {
		write(t, fsys, p, b)
	}
	save(t, s, CommitOptions{Paths: []string{"."}, Metrics: map[string]any{"loss": 0.5}})
	for p, b := range map[string][]byte{
		"d/a.json": []byte(`{"x":2}`), "d/new.txt": []byte("new\n"), "bin": {0, 2},
		"w.safetensors": weights(t, 10, 1, 3), "kind": {0, 1, 2}, "new/name": model(1, 2000), "moved/name": append(model(2, 40000), " \n"...),
		"bad.json": []byte(`{"x":`), "both": []byte("text\n"),
	} {
		write(t, fsys, p, b)
	}
	for _, p := range []string{"d/gone.txt", "old/name", "edited/name"} {
		if err := fsys.Remove(p); err != nil {
			t.Fatal(err)
		}
	}
	save(t, s, CommitOptions{Paths: []string{"."}, Metrics: map[string]any{"loss": 0.25}, Message: "second"})
	want := []string{
		"changed bad.json text", "changed bin binary", "changed both text", "changed d/a.json json", "removed d/gone.txt text",
		"added d/new.txt text", "changed kind binary", "renamed moved/name json from edited/name", "renamed new/name json from old/name",
		"changed w.safetensors tensors",
	}
	if d := cmp.Diff(want, summary(t, s, DiffOptions{From: "v1", To: "v2"})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want[3:6], summary(t, s, DiffOptions{From: "v1", To: "v2", Paths: []string{"d"}})); d != "" {
		t.Error(d)
	}
	for _, o := range []DiffOptions{{From: "v2", To: "v2"}, {}, {From: "v2", Paths: []string{"d", "bin"}}} {
		if got := summary(t, s, o); len(got) > 0 {
			t.Errorf("%+v: %q", o, got)
		}
	}
	for _, to := range []string{"", "v2"} {
		if _, err := s.Diff(t.Context(), DiffOptions{From: "v1", To: to, Paths: []string{"bin", "nosuch"}}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), `"nosuch"`) {
			t.Errorf("a path that is nowhere: %v", err)
		}
	}
	d, err := s.Diff(t.Context(), DiffOptions{From: "v1", To: "v2"})
	if err != nil {
		t.Fatal(err)
	}
	fields := []FieldDiff{{"metrics", "loss", 0.5, 0.25}, {"message", "", nil, "second"}}
	if d := cmp.Diff(fields, d.Fields[:2]); d != "" {
		t.Error(d)
	}
	for m, err := range d.Models(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		switch m.Path() {
		case "d/a.json":
			if m.JSON == nil || m.JSON.Totals.Numbers != 1 {
				t.Errorf("%+v", m.JSON)
			}
		case "w.safetensors":
			if m.Tensors == nil || m.Tensors.Counts.Changed != 1 || m.Tensors.Counts.Equal != 1 {
				t.Errorf("%+v", m.Tensors)
			}
		case "moved/name":
			if m.JSON == nil || m.Similarity <= 0.9 || m.Similarity >= 1 {
				t.Errorf("similarity %v", m.Similarity)
			}
		case "new/name":
			if m.JSON != nil || m.Similarity != 1 {
				t.Errorf("similarity %v", m.Similarity)
			}
		case "bad.json", "kind", "both":
			if m.Note == "" {
				t.Errorf("%s: no note", m.Path())
			}
		}
	}
	for _, as := range []DiffKind{DiffText, DiffBinary} {
		got := summary(t, s, DiffOptions{From: "v1", To: "v2", Paths: []string{"d/a.json", "kind", "w.safetensors"}, Compare: Compare{As: as}})
		want := []string{"changed d/a.json " + string(as), "changed kind binary", "changed w.safetensors binary"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
}

// Of the working directory the tracked models count: those of the version and those of
// the current branch.
func TestDiffWorkingDirectory(t *testing.T) {
	s, fsys := newMemStore(t)
	write(t, fsys, "a", []byte("a\n"))
	write(t, fsys, "b", []byte("b\n"))
	save(t, s, CommitOptions{Paths: []string{"."}})
	write(t, fsys, "c", []byte("c\n"))
	save(t, s, CommitOptions{Paths: []string{"c"}})
	write(t, fsys, "a", []byte("A\n"))
	write(t, fsys, "untracked", []byte("u\n"))
	if err := fsys.Remove("b"); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string][]string{
		"":   {"changed a text", "removed b text"},
		"v1": {"changed a text", "removed b text", "added c text"},
	} {
		if d := cmp.Diff(want, summary(t, s, DiffOptions{From: from})); d != "" {
			t.Errorf("%q: %s", from, d)
		}
	}
	if d := cmp.Diff([]string{"added c text"}, summary(t, s, DiffOptions{From: "v1", Paths: []string{"c"}})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"changed a text"}, summary(t, s, DiffOptions{From: "v1", Paths: []string{"a", ".", "a"}})[:1]); d != "" {
		t.Error(d)
	}
	if got := summary(t, s, DiffOptions{From: "v1", Paths: []string{"a", ".", "a"}}); len(got) != 3 {
		t.Errorf("paths that overlap: %q", got)
	}
	d, err := s.Diff(t.Context(), DiffOptions{From: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	for m, err := range d.Models(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Path() == "a" && (m.To.Blob != objects.HashBlob([]byte("A\n")) || m.To.Size != 2 || m.Text.Added != 1) {
			t.Errorf("%+v %+v", m.To, m.Text)
		}
	}
}

func TestDiffModels(t *testing.T) {
	s, fsys := newMemStore(t)
	write(t, fsys, "a.json", []byte(`{"x":[1,2]}`))
	write(t, fsys, "b.json", []byte(`{"x":[1,3]}`))
	write(t, fsys, "t.txt", []byte("text\n"))
	write(t, fsys, "w.safetensors", weights(t, 10, 1))
	save(t, s, CommitOptions{Paths: []string{"."}})
	side := func(p string) ModelSide { return ModelSide{Rev: "v1", Path: p} }
	_, m, err := s.DiffModels(t.Context(), side("a.json"), side("b.json"), Compare{})
	if err != nil || m.JSON == nil || m.JSON.Totals.Count() != 1 || m.Status != DiffChanged {
		t.Errorf("%+v, %v", m, err)
	}
	_, m, err = s.DiffModels(t.Context(), side("a.json"), side("a.json"), Compare{})
	if err != nil || m.Status != DiffSame || m.Kind != DiffJSON {
		t.Errorf("%+v, %v", m, err)
	}
	var kinds *KindsError
	for _, p := range []string{"t.txt", "w.safetensors"} {
		if _, _, err := s.DiffModels(t.Context(), side("a.json"), side(p), Compare{}); !errors.As(err, &kinds) || !errors.Is(err, ErrUsage) {
			t.Errorf("%s: %v", p, err)
		}
		if _, m, err := s.DiffModels(t.Context(), side("a.json"), side(p), Compare{As: DiffBinary}); err != nil || m.Kind != DiffBinary {
			t.Errorf("%s: %+v, %v", p, m, err)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "x.json")
	real, err := vfs.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	write(t, real, "x.json", []byte(`{"x":[1,4]}`))
	d, m, err := s.DiffModels(t.Context(), side("a.json"), ModelSide{File: file}, Compare{})
	if err != nil || m.JSON == nil || m.JSON.Totals.Count() != 1 || d.To != nil || d.From == nil {
		t.Errorf("%+v, %v", m, err)
	}
	for _, bad := range []ModelSide{{File: file + "x"}, {Rev: "v1", Path: "nosuch"}, {Rev: "v7", Path: "a.json"}} {
		if _, _, err := s.DiffModels(t.Context(), bad, side("a.json"), Compare{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, _, err := s.DiffModels(t.Context(), side("a.json"), ModelSide{File: dir}, Compare{}); !errors.Is(err, ErrUsage) {
		t.Errorf("a directory: %v", err)
	}
}

// What of one model cannot be read keeps nobody from seeing the others.
func TestDiffExpiredAndDamaged(t *testing.T) {
	s, fsys := newMemStore(t)
	for i, p := range []string{"a", "b", "c"} {
		write(t, fsys, p, model(uint64(i), 3000))
		save(t, s, CommitOptions{Paths: []string{p}})
	}
	for i, p := range []string{"a", "b", "c"} {
		write(t, fsys, p, model(uint64(i+10), 3000))
	}
	save(t, s, CommitOptions{All: true})
	if _, err := s.Expire(t.Context(), "v3", "b", ExpireOptions{}); err != nil {
		t.Fatal(err)
	}
	got := summary(t, s, DiffOptions{From: "v3", To: "v4"})
	if len(got) != 3 || got[0] != "changed a json" || got[2] != "changed c json" || !strings.Contains(got[1], "v3:b has expired on ") {
		t.Errorf("%q", got)
	}
	if _, _, err := s.DiffModels(t.Context(), ModelSide{Rev: "v3", Path: "b"}, ModelSide{Rev: "v4", Path: "b"}, Compare{}); !errors.Is(err, ErrExpired) {
		t.Errorf("a model that was named: %v", err)
	}
	if got := summary(t, s, DiffOptions{From: "v3", To: "v4", Compare: Compare{NamesOnly: true}}); len(got) != 3 || got[1] != "changed b " {
		t.Errorf("names: %q", got)
	}

	damaged, err := openOn(damageOf(t, s, fsys, "v3", "a"), testClock())
	if err != nil {
		t.Fatal(err)
	}
	got = summary(t, damaged, DiffOptions{From: "v3", To: "v4"})
	if len(got) != 3 || !strings.Contains(got[0], "v3:a is damaged") || got[2] != "changed c json" {
		t.Errorf("%q", got)
	}
	if _, _, err := damaged.DiffModels(t.Context(), ModelSide{Rev: "v3", Path: "a"}, ModelSide{Rev: "v4", Path: "a"}, Compare{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a model that was named: %v", err)
	}
}

// damageOf is a copy of the files in which the only record of a model of one piece is
// damaged.
func damageOf(t *testing.T, s *Store, fsys *vfs.Mem, rev, path string) *vfs.Mem {
	t.Helper()
	st, err := s.Storage(t.Context(), rev, path)
	if err != nil {
		t.Fatal(err)
	}
	m := fsys.ProcessCrash()
	pack := DirName + "/objects/" + st.Pieces[0].Pack.String() + ".pack"
	b := read(t, m, pack)
	b[40] ^= 1 // in the first record, which is that of the only model of its version
	if err := m.Remove(pack); err != nil {
		t.Fatal(err)
	}
	write(t, m, pack, b)
	return m
}

// newCountedStore is an empty store in memory, whose reads are counted.
func newCountedStore(t *testing.T) (*Store, *vfs.Mem, *countingBackend) {
	t.Helper()
	fsys := vfs.NewMem()
	clock := testClock()
	fsys.SetClock(clock)
	if err := fsys.MkdirAll(DirName); err != nil {
		t.Fatal(err)
	}
	b := &countingBackend{Backend: backend.NewDir(vfs.Sub(fsys, DirName))}
	s := newStore(fsys, b, Options{Clock: clock})
	if _, err := s.init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, fsys, b
}

// countingBackend counts the bytes that are read.
type countingBackend struct {
	backend.Backend
	bytes atomic.Int64
	look  func() // at each read, if not nil
}

func (c *countingBackend) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if c.look != nil {
		c.look()
	}
	r, err := c.Backend.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	return countedReader{r, c}, nil
}

type countedReader struct {
	io.ReadCloser
	c *countingBackend
}

func (r countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.c.bytes.Add(int64(n))
	return n, err
}

// Pieces that two versions share are not read, and a model that both have is not looked at.
func TestDiffSkipsWhatIsEqual(t *testing.T) {
	s, fsys, b := newCountedStore(t)
	const n = 300_000 // 1.2 MB a tensor
	write(t, fsys, "w.safetensors", weights(t, n, 1, 2, 3, 4, 5, 6, 7, 8))
	write(t, fsys, "other", model(1, 2<<20))
	save(t, s, CommitOptions{Paths: []string{"."}})
	write(t, fsys, "w.safetensors", weights(t, n, 1, 2, 3, 40, 5, 6, 7, 8))
	save(t, s, CommitOptions{All: true})
	b.bytes.Store(0)
	d, err := s.Diff(t.Context(), DiffOptions{From: "v1", To: "v2"})
	if err != nil {
		t.Fatal(err)
	}
	for m, err := range d.Models(t.Context()) {
		if err != nil || m.Err != nil || m.Path() != "w.safetensors" || m.Tensors.Counts.Changed != 1 || m.Tensors.Counts.Equal != 7 {
			t.Errorf("%+v, %v", m, err)
		}
	}
	// One tensor of each side, and the pieces at the beginning for the headers.
	if got := b.bytes.Load(); got == 0 || got > 5*4*n {
		t.Errorf("%d bytes were read, of two models of %d", got, 8*4*n)
	}
}

// Memory does not grow with the models.
func TestDiffBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("commits 100 MB")
	}
	s, fsys, b := newCountedStore(t)
	const tensors, n = 12, 1 << 20 // 50 MB
	seeds := make([]uint64, tensors)
	for _, from := range []uint64{1, 100} {
		for i := range seeds {
			seeds[i] = from + uint64(i)
		}
		write(t, fsys, "w.safetensors", weights(t, n, seeds...))
		save(t, s, CommitOptions{Paths: []string{"."}, Validate: "off"})
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	heap() // twice, for what pools keep
	before := heap()
	var mu sync.Mutex
	var most uint64
	b.look = func() {
		mu.Lock()
		defer mu.Unlock()
		most = max(most, heap())
	}
	d, err := s.Diff(t.Context(), DiffOptions{From: "v1", To: "v2"})
	if err != nil {
		t.Fatal(err)
	}
	for m, err := range d.Models(t.Context()) {
		if err != nil || m.Err != nil || m.Tensors.Counts.Changed != tensors {
			t.Errorf("%+v, %v", m, err)
		}
	}
	used := int64(most) - int64(before)
	t.Logf("%d MB at the most", used>>20)
	if limit := int64(diffWorkers()*(workerBytes+16<<20) + 16<<20); used > limit {
		t.Errorf("%d MB, want at most %d for two models of %d", used>>20, limit>>20, tensors*n*4>>20)
	}
}

func TestDiffFields(t *testing.T) {
	a := &objects.Version{Author: "ada", Message: "one", Params: map[string]any{"lr": 0.1, "n": int64(1), "same": "x", "big": int64(1)<<60 + 1},
		Metrics: map[string]any{"loss": 0.5, "zero": int64(0)}, Quality: objects.Quality{Warnings: 1}}
	b := &objects.Version{Author: "bob", Message: "one", Source: "run", Params: map[string]any{"n": 1.0, "same": "x", "new": true, "big": int64(1) << 60},
		Metrics: map[string]any{"loss": int64(1), "zero": 2.5}, Meta: map[string]any{"host": "h"}}
	want := []FieldDiff{
		{"metrics", "loss", 0.5, int64(1)}, {"metrics", "zero", int64(0), 2.5}, {"params", "big", int64(1)<<60 + 1, int64(1) << 60},
		{"params", "lr", 0.1, nil}, {"params", "new", nil, true},
		{"author", "", "ada", "bob"}, {"source", "", nil, "run"}, {"quality", "warnings", int64(1), int64(0)}, {"meta", "host", nil, "h"},
	}
	got := diffFields(a, b)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	if change, relative, ok := got[0].Change(); change != 0.5 || relative != 1 || !ok {
		t.Errorf("loss: %v, %v, %v", change, relative, ok)
	}
	if change, relative, ok := got[1].Change(); change != 2.5 || !math.IsNaN(relative) || !ok {
		t.Errorf("zero: %v, %v, %v", change, relative, ok)
	}
	if _, _, ok := got[3].Change(); ok {
		t.Error("there is no change to nothing")
	}
	if got[0].String() != "metrics.loss" || got[5].String() != "author" {
		t.Errorf("%s, %s", &got[0], &got[5])
	}
}
