package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/mstore/mstore/diff/jsondiff"
)

// ModelSide names one of two models that are compared: the one at Path in the version
// Rev, or with Working that in the working directory, or, if File is not empty, any file,
// which Path is then what to call it.
type ModelSide struct {
	Rev, Path, File string
	Working         bool
}

// DiffModels compares two models, which may be of different paths. The Diff has their
// versions; From or To is nil for a file. Errors wrap ErrNotFound and ErrExpired, those
// of models of different kinds are a *KindsError.
func (s *Store) DiffModels(ctx context.Context, from, to ModelSide, how Compare) (*Diff, *ModelDiff, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	d := &Diff{s: s, sn: sn, how: how}
	m := &ModelDiff{Status: DiffChanged}
	c := &contents{s: s, sn: sn, how: how, m: m, strict: true}
	if d.From, m.From, c.from, err = d.side(ctx, from); err != nil {
		return nil, nil, err
	}
	if d.To, m.To, c.to, err = d.side(ctx, to); err != nil {
		return nil, nil, err
	}
	if d.From != nil && d.To != nil {
		d.Fields = diffFields(d.From.Version, d.To.Version)
	}
	switch {
	case m.From.Blob == m.To.Blob:
		m.Status = DiffSame
		err = c.single(ctx)
	case !how.NamesOnly:
		err = c.compare(ctx)
	}
	if err != nil {
		return nil, nil, classify(err)
	}
	return d, m, nil
}

// side finds one of two models that were named.
func (d *Diff) side(ctx context.Context, side ModelSide) (*Version, *DiffModel, opener, error) {
	if side.File == "" && !side.Working {
		v, err := d.s.resolve(ctx, d.sn, side.Rev)
		if err != nil {
			return nil, nil, nil, err
		}
		m, err := d.sn.model(ctx, v, side.Path)
		if err != nil {
			return nil, nil, nil, err
		}
		x, err := d.sn.expiry(ctx, m.Blob)
		return v, &DiffModel{Model: m, Expired: x}, &savedModel{d.sn, v, m}, err
	}
	var o opener = &workingFile{d.s, side.Path}
	path := side.Path
	if side.File != "" {
		o = &outerFile{side.File}
	}
	if path == "" {
		path = filepath.ToSlash(side.File)
	}
	f, err := o.open(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	id, err := hashContent(ctx, f)
	if err == nil {
		err = f.unchanged()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, nil, nil, fmt.Errorf("reading %q: %w", path, err)
	}
	return nil, &DiffModel{Model: Model{path, id, f.Size()}}, o, nil
}

// Patch writes what makes the model's sideContent of before one of after, as a JSON Patch
// (RFC 6902); m must be of kind DiffJSON and have both sides. What is not well-formed
// JSON is a *jsondiff.SyntaxError, before anything is written.
func (m *ModelDiff) Patch(ctx context.Context, w io.Writer) error {
	if m.Kind != DiffJSON || m.patch == nil {
		return as(ErrUsage, fmt.Errorf("there is no JSON patch of %q", m.Path()))
	}
	a, b, err := openBoth(ctx, m.patch.from, m.patch.to)
	if err != nil {
		return err
	}
	err = jsondiff.Patch(ctx, w, a, b, jsondiff.Options{})
	var syntax *jsondiff.SyntaxError
	switch {
	case err == nil:
		err = errors.Join(a.unchanged(), b.unchanged())
	case errors.As(err, &syntax):
		of := m.From
		if syntax.Side == "b" {
			of = m.To
		}
		err = fmt.Errorf("%q is not what a JSON patch can tell of, at line %d, column %d: %s (--text compares as text)", of.Path, syntax.Line, syntax.Column, syntax.Text)
	}
	return errors.Join(err, a.Close(), b.Close())
}
