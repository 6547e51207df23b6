package textdiff

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// Source is one side of a comparison. It may be read by several goroutines.
type Source interface {
	io.ReaderAt
	Size() int64
}

// Options say how texts are compared; the zero value is good.
type Options struct {
	// MaxBytes bounds what one side may have to be compared line by line; beyond,
	// lines are counted only. 0 is 8 MB. Memory is some ten times as much.
	MaxBytes int64
}

const defaultMaxBytes = 8 << 20

// Result is how two texts differ.
type Result struct {
	// Binary: one side at least has a NUL byte or is not valid UTF-8. All else but Equal
	// is zero then.
	Binary bool
	// TooLarge: one side at least is longer than Options.MaxBytes. Only lines are
	// counted then.
	TooLarge bool
	Equal    bool // byte for byte
	// FromLines and ToLines count lines; what follows the last line break is one too.
	FromLines, ToLines int64
	// Removed and Added count the lines that only one side has.
	Removed, Added int64
	// Hunks is the differences in the unified format, each with up to three lines
	// around it, from the first line that begins with "@@", without the names of files.
	Hunks []byte
}

// Diff compares two texts. Errors are those of reading, or the context's.
func Diff(ctx context.Context, a, b Source, o Options) (*Result, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if a.Size() > o.MaxBytes || b.Size() > o.MaxBytes {
		return count(ctx, a, b)
	}
	from, err := load(ctx, a)
	if err != nil {
		return nil, err
	}
	to, err := load(ctx, b)
	if err != nil {
		return nil, err
	}
	r := &Result{Equal: bytes.Equal(from, to)}
	if !isText(from) || !isText(to) {
		r.Binary = true
		return r, nil
	}
	r.FromLines, r.ToLines = lines(from), lines(to)
	r.Hunks = hunks(diff.Diff("a", from, "b", to))
	for line := range bytes.Lines(r.Hunks) {
		switch line[0] {
		case '-':
			r.Removed++
		case '+':
			r.Added++
		}
	}
	return r, nil
}

// hunks cuts off the three lines that name the files.
func hunks(unified []byte) []byte {
	for range 3 {
		_, unified, _ = bytes.Cut(unified, []byte("\n"))
	}
	return unified
}

func load(ctx context.Context, s Source) ([]byte, error) {
	b := make([]byte, s.Size())
	_, err := io.ReadFull(&sequence{ctx, s, 0}, b)
	return b, err
}

func isText(b []byte) bool { return bytes.IndexByte(b, 0) < 0 && utf8.Valid(b) }

func lines(b []byte) int64 {
	n := int64(bytes.Count(b, []byte("\n")))
	if len(b) > 0 && b[len(b)-1] != '\n' {
		n++
	}
	return n
}

// sequence reads a source from its beginning.
type sequence struct {
	ctx context.Context
	s   Source
	off int64
}

func (r *sequence) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if left := r.s.Size() - r.off; int64(len(p)) > left {
		p = p[:left]
	}
	if len(p) == 0 {
		return 0, io.EOF
	}
	n, err := r.s.ReadAt(p, r.off)
	r.off += int64(n)
	switch {
	case n == len(p):
		return n, nil
	case err == nil || err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, fmt.Errorf("reading text: %w", err)
}
