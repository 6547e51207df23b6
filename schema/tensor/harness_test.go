package tensor

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

// meter counts what is read, and has no more than its bytes.
type meter struct {
	b    []byte
	read int64
}

func (m *meter) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(m.b).ReadAt(p, off)
	m.read += int64(n)
	return n, err
}

func check(t testing.TB, f Format, b []byte, o Options) *Report {
	t.Helper()
	r, err := Check(context.Background(), f, &meter{b: b}, int64(len(b)), o)
	if err != nil {
		t.Fatalf("checking %s: %v", f, err)
	}
	return r
}

// valid expects no problem.
func valid(t testing.TB, f Format, b []byte) *Report {
	t.Helper()
	r := check(t, f, b, Options{})
	for _, p := range r.Problems {
		t.Errorf("%s: a problem in a valid file: %v", f, p)
	}
	return r
}

// broken is a file and what must be found in it.
type broken struct {
	name   string
	file   []byte
	field  string
	text   string // part of the text
	tensor string
}

func (b broken) test(t *testing.T, f Format) {
	t.Run(b.name, func(t *testing.T) {
		r := check(t, f, b.file, Options{})
		for _, p := range r.Problems {
			if p.Field == b.field && strings.Contains(p.Text, b.text) && p.Tensor == b.tensor {
				if p.Off < -1 || p.Off > int64(len(b.file)) {
					t.Errorf("it stands at byte %d of %d", p.Off, len(b.file))
				}
				return
			}
		}
		t.Errorf("found %v,\nwant tensor %q, field %q, text %q", r.Problems, b.tensor, b.field, b.text)
	})
}

// truncate cuts a file at every byte. Where a cut is allowed, allowed says so.
func truncate(t *testing.T, f Format, b []byte, allowed func(n int) bool) {
	t.Helper()
	valid(t, f, b)
	for n := range b {
		for _, o := range []Options{{}, {NoValues: true}} {
			if r := check(t, f, b[:n], o); len(r.Problems) == 0 && (allowed == nil || !allowed(n)) {
				t.Fatalf("%s cut to %d of %d bytes: no problem", f, n, len(b))
			}
		}
	}
}

// failing fails after its first reads.
type failing struct {
	r    io.ReaderAt
	left int
	err  error
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, f.err
	}
	return f.r.ReadAt(p, off)
}
