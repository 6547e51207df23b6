package store

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/mstore/mstore/internal/sampling"
	"github.com/mstore/mstore/internal/vfs"
)

// errIO is what a dying disk answers.
var errIO = fmt.Errorf("a dying disk: %w", syscall.EIO)

// faults are the ways in which one operation can go wrong.
var faults = []struct {
	name string
	hits func(kind string) bool
	set  func(f *vfs.Fault, k int)
}{
	{"I/O error", func(string) bool { return true }, func(f *vfs.Fault, k int) { f.FailAt(k, errIO) }},
	{"I/O error after the effect", mutates, func(f *vfs.Fault, k int) { f.FailAfter(k, errIO) }},
	{"no space", mutates, func(f *vfs.Fault, k int) { f.FailAt(k, vfs.ErrNoSpace) }},
	{"short transfer", func(kind string) bool { return kind == vfs.OpWrite || kind == vfs.OpRead },
		func(f *vfs.Fault, k int) { f.ShortAt(k, 3, errIO) }},
	{"short write without a word", func(kind string) bool { return kind == vfs.OpWrite },
		func(f *vfs.Fault, k int) { f.ShortAt(k, 3, nil) }},
}

// faulted is what run came to when one operation failed.
type faulted struct {
	m        *vfs.Mem
	s        *Store // which may be used on, the disk is well again
	op       vfs.Op // that failed
	err      error
	warnings []string
}

// faultEverywhere plays run on a copy of base again and again, each time with
// another operation failing in one way, for all ways and operations that pick,
// if not nil, wants; of those, an ordinary run tries some.
func faultEverywhere(t *testing.T, base *vfs.Mem, run func(s *Store) error, pick func(k int, op vfs.Op) bool, check func(r faulted) error) {
	t.Helper()
	for _, fault := range faults {
		n, try := 0, sampling.Of(t, 5, 20)
		var ops []vfs.Op
		for k := -1; k < len(ops); k++ { // the first time nothing fails
			if k >= 0 && (!fault.hits(ops[k].Kind) || pick != nil && !pick(k, ops[k]) || !try()) {
				continue
			}
			m := base.ProcessCrash()
			clock := laterClock()
			m.SetClock(clock)
			f := vfs.NewFault(m)
			if k >= 0 {
				fault.set(f, k)
			}
			s, err := openOn(f, clock)
			if err != nil { // checkFormat
				continue
			}
			r := faulted{m: m, s: s}
			s.o.Warn = func(w string) { r.warnings = append(r.warnings, w) }
			r.err = run(s)
			done := f.Ops()
			f.Reset()
			if k < 0 {
				ops = done
				if r.err != nil {
					t.Fatalf("without a fault: %v", r.err)
				}
				continue
			}
			n++
			if k < len(done) {
				r.op = done[k]
			}
			if err := check(r); err != nil {
				t.Fatalf("%s at operation %d (%s %q): the command said %v, warned %q: %v", fault.name, k, r.op.Kind, r.op.Name, r.err, r.warnings, err)
			}
		}
		t.Logf("%s: %d of %d operations", fault.name, n, len(ops))
	}
}

// tidy tells whether temporary files are gone; one may be left whose removal
// itself failed, or whose creation was said to have failed.
func (r faulted) tidy() error {
	left := temps(r.m)
	if len(left) == 0 || len(left) == 1 && (r.op.Kind == vfs.OpRemove || r.op.Kind == vfs.OpCreate) {
		return nil
	}
	return fmt.Errorf("temporary files are left: %q", left)
}

// sane tells whether the error is one that a user can do something with.
func (r faulted) sane() error {
	switch {
	case r.err == nil, errors.Is(r.err, syscall.EIO), errors.Is(r.err, vfs.ErrNoSpace),
		errors.Is(r.err, io.ErrShortWrite), errors.Is(r.err, io.ErrUnexpectedEOF):
	case strings.Contains(r.err.Error(), "panic"):
		return errors.New("panic")
	default:
		return fmt.Errorf("the cause is not in the error: %w", r.err)
	}
	return nil
}
