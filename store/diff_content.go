package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/mstore/mstore/diff/jsondiff"
	"github.com/mstore/mstore/diff/tensordiff"
	"github.com/mstore/mstore/diff/textdiff"
	"github.com/mstore/mstore/objects/chunk"
)

// contents compares the contents of one model.
type contents struct {
	s        *Store
	sn       *snapshot
	how      Compare
	strict   bool // different kinds are an error
	from, to opener
	m        *ModelDiff
}

// KindsError: two models that were named are of different kinds, so that nothing says how
// to compare them. It wraps ErrUsage.
type KindsError struct{ From, To DiffModel }

func (e *KindsError) Error() string {
	return fmt.Sprintf("%q is %s and %q is %s", e.From.Path, e.From.Kind.phrase(), e.To.Path, e.To.Kind.phrase())
}

// Unwrap returns ErrUsage.
func (e *KindsError) Unwrap() error { return ErrUsage }

func (k DiffKind) phrase() string {
	switch k {
	case DiffJSON:
		return "JSON"
	case DiffTensors:
		return "a file of tensors"
	}
	return string(k)
}

// compare fills in the kinds and what the engine of that kind says.
func (c *contents) compare(ctx context.Context) error {
	if c.from == nil || c.to == nil {
		return c.single(ctx)
	}
	if c.m.From.Blob == c.m.To.Blob {
		err := c.single(ctx)
		c.m.To.Kind = c.m.From.Kind
		return err
	}
	a, b, err := openBoth(ctx, c.from, c.to)
	if err != nil {
		return err
	}
	err = c.both(ctx, a, b)
	if err == nil {
		err = errors.Join(a.unchanged(), b.unchanged())
	}
	return errors.Join(err, a.Close(), b.Close())
}

// single finds out what a model is of which there is nothing to compare. What cannot be
// read has no kind.
func (c *contents) single(ctx context.Context) error {
	side, o := c.m.To, c.to
	if side == nil || c.from != nil {
		side, o = c.m.From, c.from
	}
	if side.Expired != nil {
		return nil
	}
	if saved, ok := o.(*savedModel); ok {
		side.Kind = saved.kind(ctx)
	} else if s, err := o.open(ctx); err == nil {
		defer s.Close()
		if side.Kind, err = kindOfContent(side.Path, s); err != nil {
			side.Kind = ""
		}
	}
	c.m.Kind = side.Kind
	return ctx.Err()
}

// kind tells what a saved model is without reading it; "" when that is not known.
func (o *savedModel) kind(ctx context.Context) DiffKind {
	rc, err := o.sn.r.Recipe(ctx, o.m.Blob)
	if err != nil {
		return ""
	}
	return kindOfFormat(rc.Format)
}

// guess fills in a kind where the contents could not be compared.
func (c *contents) guess(ctx context.Context) {
	for _, o := range []opener{c.from, c.to} {
		if saved, ok := o.(*savedModel); ok && c.m.Kind == "" {
			c.m.Kind = saved.kind(ctx)
		}
	}
}

func kindOfFormat(f chunk.Format) DiffKind {
	switch f {
	case chunk.JSON:
		return DiffJSON
	case chunk.Text:
		return DiffText
	case chunk.Safetensors, chunk.GGUF, chunk.ONNX, chunk.NPY, chunk.NPZ:
		return DiffTensors
	}
	return DiffBinary
}

// headBytes is how much of a content is looked at to tell its kind.
const headBytes = 64 << 10

// kindOfContent tells what a content is by its beginning.
func kindOfContent(name string, s sideContent) (DiffKind, error) {
	head := make([]byte, min(headBytes, s.Size()))
	if n, err := s.ReadAt(head, 0); n < len(head) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return "", err
	}
	if _, ok := tensordiff.Detect(name, head); ok {
		return DiffTensors, nil
	}
	if !looksLikeText(head, int64(len(head)) < s.Size()) {
		return DiffBinary, nil
	}
	start := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		return DiffJSON, nil
	}
	return DiffText, nil
}

// looksLikeText allows for a character that is cut off at the end of a part.
func looksLikeText(b []byte, part bool) bool {
	for i := 1; part && i < utf8.UTFMax && i <= len(b); i++ {
		if tail := b[len(b)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				b = b[:len(b)-i]
			}
			break
		}
	}
	return bytes.IndexByte(b, 0) < 0 && utf8.Valid(b)
}

// both compares two contents that differ, or may.
func (c *contents) both(ctx context.Context, a, b sideContent) error {
	var err error
	if c.m.From.Kind, err = kindOfContent(c.m.From.Path, a); err != nil {
		return err
	}
	if c.m.To.Kind, err = kindOfContent(c.m.To.Path, b); err != nil {
		return err
	}
	if c.m.Kind, err = c.kind(); err != nil {
		return err
	}
	switch c.m.Kind {
	case DiffJSON:
		return c.json(ctx, a, b)
	case DiffTensors:
		return c.tensors(ctx, a, b)
	case DiffText:
		return c.text(ctx, a, b)
	}
	return nil
}

// kind decides as what two contents are compared.
func (c *contents) kind() (DiffKind, error) {
	from, to := c.m.From.Kind, c.m.To.Kind
	switch {
	case c.how.As != "":
		return c.how.As, nil
	case from == to:
		return from, nil
	case c.m.From.Size == 0 || c.m.To.Size == 0: // nothing is of any kind
		if from == DiffTensors || to == DiffTensors || from == DiffBinary || to == DiffBinary {
			return DiffBinary, nil
		}
		return DiffText, nil
	case c.strict:
		return "", &KindsError{*c.m.From, *c.m.To}
	case from != DiffTensors && to != DiffTensors && from != DiffBinary && to != DiffBinary:
		c.m.Note = fmt.Sprintf("was %s, is %s", from.phrase(), to.phrase())
		return DiffText, nil
	}
	c.m.Note = fmt.Sprintf("was %s, is %s", from.phrase(), to.phrase())
	return DiffBinary, nil
}

func (c *contents) json(ctx context.Context, a, b sideContent) (err error) {
	c.m.patch = c
	if c.how.ForPatch {
		return nil
	}
	c.m.JSON, err = jsondiff.Diff(ctx, a, b, jsondiff.Options{Tolerance: c.how.Tolerance, Limit: c.how.Limit})
	var bad *jsondiff.SyntaxError
	if !errors.As(err, &bad) {
		return err
	}
	c.m.Note = "not well-formed JSON, compared as text: " + bad.Error()
	c.m.Kind = DiffText
	return c.text(ctx, a, b)
}

func (c *contents) text(ctx context.Context, a, b sideContent) error {
	r, err := textdiff.Diff(ctx, a, b, textdiff.Options{})
	if err != nil {
		return err
	}
	if r.Binary {
		c.m.Kind = DiffBinary
		return nil
	}
	c.m.Text = r
	return nil
}

func (c *contents) tensors(ctx context.Context, a, b sideContent) (err error) {
	if c.how.ForPatch {
		return nil
	}
	o := tensordiff.Options{
		Same: same(a, b), Names: [2]string{c.m.From.Path, c.m.To.Path}, Tolerance: c.how.Tolerance, Limit: c.how.Limit,
		Workers: diffWorkers(),
	}
	var open siblings
	defer func() { err = errors.Join(err, open.close()) }()
	o.Open = func(side tensordiff.Side, name string) (tensordiff.Source, error) {
		if side == tensordiff.Before {
			return open.open(ctx, c.from, name)
		}
		return open.open(ctx, c.to, name)
	}
	c.m.Tensors, err = tensordiff.Diff(ctx, a, b, o)
	var bad *tensordiff.FileError
	if errors.As(err, &bad) || errors.Is(err, errors.ErrUnsupported) {
		c.m.Note = "not compared as tensors: " + err.Error()
		c.m.Kind, err = DiffBinary, nil
	}
	return err
}

// siblings are the other files of a model, closed together.
type siblings struct {
	mu   sync.Mutex
	list []sideContent
}

func (l *siblings) open(ctx context.Context, o opener, name string) (tensordiff.Source, error) {
	at, err := o.sibling(ctx, name)
	if err != nil {
		return nil, err
	}
	s, err := at.open(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, s)
	return s, nil
}

func (l *siblings) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, s := range l.list {
		errs = append(errs, s.unchanged(), s.Close())
	}
	return errors.Join(errs...)
}
