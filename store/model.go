package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/mstore/mstore/objects"
)

// Model is one model of a version.
type Model struct {
	Path string
	Blob objects.BlobID
	Size int64 // bytes
}

// Models yields the models of a version, by path: all, or those at or below
// prefix.
func (s *Store) Models(ctx context.Context, v *Version, prefix string) iter.Seq2[Model, error] {
	return func(yield func(Model, error) bool) {
		sn, err := s.load(ctx)
		if err != nil {
			yield(Model{}, err)
			return
		}
		for e, err := range sn.models(ctx, v.Tree, prefix) {
			if !yield(Model(e), classify(err)) {
				return
			}
		}
	}
}

// models yields the entries of a tree at or below a path.
func (sn *snapshot) models(ctx context.Context, id objects.TreeID, p string) iter.Seq2[objects.TreeEntry, error] {
	tree := sn.tree(id)
	p = strings.TrimSuffix(p, "/")
	if p == "" || p == "." {
		return tree.Below(ctx, "")
	}
	return func(yield func(objects.TreeEntry, error) bool) {
		e, ok, err := tree.Get(ctx, p)
		if (ok || err != nil) && (!yield(e, err) || err != nil) {
			return
		}
		for e, err := range tree.Below(ctx, p+"/") {
			if !yield(e, err) {
				return
			}
		}
	}
}

// ModelReader reads a saved model. Every read verifies: ReadAt and Read check
// the pieces that they decode, WriteTo also the hash of the whole model, before
// it writes the last piece. A damaged piece is an error that wraps ErrDamaged
// and names the model.
type ModelReader struct {
	model   Model
	version *Version
	b       *objects.Blob
}

var (
	_ io.ReadSeekCloser = (*ModelReader)(nil)
	_ io.ReaderAt       = (*ModelReader)(nil)
	_ io.WriterTo       = (*ModelReader)(nil)
)

// OpenModel opens the model at path in the version that rev names; "" is HEAD.
// Close it after use.
func (s *Store) OpenModel(ctx context.Context, rev, path string) (*ModelReader, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.resolve(ctx, sn, rev)
	if err != nil {
		return nil, err
	}
	m, err := sn.model(ctx, v, path)
	if err != nil {
		return nil, err
	}
	return sn.open(ctx, v, m)
}

// model finds one model of a version.
func (sn *snapshot) model(ctx context.Context, v *Version, path string) (Model, error) {
	e, ok, err := sn.tree(v.Tree).Get(ctx, path)
	if err != nil {
		return Model{}, classify(fmt.Errorf("the tree of %s: %w", v.Name, err))
	}
	if ok {
		return Model(e), nil
	}
	for _, err := range sn.tree(v.Tree).Below(ctx, path+"/") {
		if err == nil {
			return Model{}, as(ErrNotFound, fmt.Errorf("%q is a directory in %s, not a model", path, v.Name))
		}
	}
	return Model{}, as(ErrNotFound, fmt.Errorf("%s has no model %q", v.Name, path))
}

func (sn *snapshot) open(ctx context.Context, v *Version, m Model) (*ModelReader, error) {
	r := &ModelReader{model: m, version: v}
	b, err := sn.content.Blob(ctx, m.Blob)
	if err == nil && b.Size() != m.Size {
		err = fmt.Errorf("content %s of %d bytes, the tree says %d: %w", m.Blob, b.Size(), m.Size, objects.ErrCorrupt)
	}
	if errors.Is(err, objects.ErrMissing) {
		if x, xerr := sn.expiry(ctx, m.Blob); xerr == nil && x != nil {
			return nil, expiredModel(v, m.Path, x)
		}
	}
	if err != nil {
		return nil, r.explain(err)
	}
	r.b = b
	return r, nil
}

// explain says which model an error hurts, and what may help.
func (r *ModelReader) explain(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return damagedModel(r.version, r.model.Path, err)
}

// absent tells whether an error says that a content is damaged or not here, so that
// another one may help.
func absent(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, ErrExpired) || errors.Is(err, ErrPromised)
}

func damagedModel(v *Version, path string, err error) error {
	err = classify(err)
	if errors.Is(err, ErrPromised) || errors.Is(err, ErrExpired) {
		return fmt.Errorf("%s:%s is not here: %w", v.Name, path, err)
	}
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	return as(ErrDamaged, fmt.Errorf("%s:%s is damaged: %w\n(mstore fsck names all versions it hurts; mstore checkout --fallback %s %s brings back the newest intact one before it)",
		v.Name, path, err, v.Name, path))
}

// Model tells which model is read.
func (r *ModelReader) Model() Model { return r.model }

func (r *ModelReader) Read(p []byte) (int, error) {
	n, err := r.b.Read(p)
	return n, r.explain(err)
}

// ReadAt may be called concurrently.
func (r *ModelReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.b.ReadAt(p, off)
	return n, r.explain(err)
}

func (r *ModelReader) Seek(off int64, whence int) (int64, error) { return r.b.Seek(off, whence) }

// WriteTo writes the whole model, wherever the reader stands.
func (r *ModelReader) WriteTo(w io.Writer) (int64, error) {
	n, err := r.b.WriteTo(w)
	return n, r.explain(err)
}

func (r *ModelReader) Close() error { return r.b.Close() }

// OpenModelFallback is OpenModel, but where that content is damaged or has expired it
// opens the newest one before it that is intact: the Fallback tells which, and is nil
// when there was no need; Options.Warn is told too. All of what is opened has been
// read once.
func (s *Store) OpenModelFallback(ctx context.Context, rev, path string) (*ModelReader, *Fallback, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	v, err := s.resolve(ctx, sn, rev)
	if err != nil {
		return nil, nil, err
	}
	m, err := sn.model(ctx, v, path)
	if err != nil {
		return nil, nil, err
	}
	intact := func(v *Version, m Model) (*ModelReader, error) {
		r, err := sn.open(ctx, v, m)
		if err == nil {
			_, err = r.WriteTo(io.Discard)
		}
		return r, err
	}
	r, first := intact(v, m)
	if first == nil || !absent(first) {
		return r, nil, first
	}
	for older, err := range s.Log(ctx, LogOptions{Rev: v.ID.String(), Paths: []string{path}}) {
		if err != nil {
			break
		}
		om, err := sn.model(ctx, older, path)
		if err != nil || om.Blob == m.Blob {
			continue
		}
		if r, err := intact(older, om); err == nil {
			f := &Fallback{Path: path, From: older.Name, Err: first}
			s.o.Warn(fmt.Sprintf("%s: %s is damaged or not here; this is the content of %s: %v", path, v.Name, older.Name, first))
			return r, f, nil
		}
	}
	return nil, nil, fmt.Errorf("%w\n(no earlier version of %q is intact)", first, path)
}
