package parity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mstore/mstore/internal/backend"
)

// DefaultPercent is the parity that a group gets unless somebody asks for
// more: four shards.
const DefaultPercent = 3

// File is a file to be protected.
type File struct {
	Key  string
	Size int64 // bytes
	// From is where to read it; nil: from the backend, where it must have
	// exactly that size.
	From io.ReaderAt
}

// Info describes a parity file.
type Info struct {
	Name Name
	Size int64 // bytes of the parity file
	Data int64 // bytes that it protects
}

// Write makes the parity file of a group of files and publishes it under
// name.Key(), whole and durable. The order of files does not matter; their keys
// differ, and there are 1 to 65,536 of them. percent, from 0 to 100, is how
// much parity there is for the data; there are never fewer than four shards.
// After an error nothing is published, except for backend.ErrUnknown;
// backend.ErrExists says that the name is taken.
//
// Everything is read once, in order, as long as the parity takes up no more
// than 32 MiB, and twice otherwise. That is also what is held in memory, with
// some 100 bytes for each file.
func Write(ctx context.Context, b backend.Backend, name Name, files []File, percent float64) (Info, error) {
	h, from, err := plan(ctx, b, name, files, percent)
	if err != nil {
		return Info{}, fmt.Errorf("protecting %d files: %w", len(files), err)
	}
	src := &source{ctx: ctx, b: b, from: from}
	defer src.close()
	e, err := newEncoder(&columns{layout: h.layout, src: src})
	if err != nil {
		return Info{}, err
	}
	if h.data, h.parity, err = e.hashes(nil); err != nil {
		return Info{}, fmt.Errorf("protecting %d files: %w", len(files), err)
	}
	w, err := b.Create(ctx, name.Key())
	if err != nil {
		return Info{}, err
	}
	loc, err := h.write(w, e, true)
	if err != nil {
		w.Abort()
		if errors.Is(err, ErrDamaged) {
			err = ErrChanged
		}
		return Info{}, fmt.Errorf("writing %q: %w", name.Key(), err)
	}
	if err := w.Commit(); err != nil {
		return Info{}, err
	}
	return Info{name, loc.file, h.total}, nil
}

// plan checks files and lays them out.
func plan(ctx context.Context, b backend.Backend, name Name, files []File, percent float64) (*header, map[string]io.ReaderAt, error) {
	if !(percent >= 0 && percent <= 100) {
		return nil, nil, fmt.Errorf("%v percent of parity", percent)
	}
	infos := make([]FileInfo, len(files))
	from := map[string]io.ReaderAt{}
	for i, f := range files {
		infos[i] = FileInfo{f.Key, f.Size}
		if f.From != nil {
			from[f.Key] = f.From
		}
	}
	slices.SortFunc(infos, func(a, b FileInfo) int { return cmp.Compare(a.Key, b.Key) })
	total, err := checkFiles(infos)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range infos {
		if from[f.Key] != nil {
			continue
		}
		info, err := b.Stat(ctx, f.Key)
		if err != nil {
			return nil, nil, err
		}
		if info.Size != f.Size {
			return nil, nil, fmt.Errorf("file %q has %d bytes, not %d", f.Key, info.Size, f.Size)
		}
	}
	l := newLayout(infos, total, parityShards(dataShards(total), percent))
	h := &header{layout: l, name: name, data: make([]digest, len(l.segs)), parity: make([]digest, l.m)}
	if n := len(h.encode()); n > maxHeader {
		return nil, nil, fmt.Errorf("a header of %d bytes", n)
	}
	return h, from, nil
}

// write writes a parity file whose header is complete. made says that e has
// just made the parity and still holds it if it is one stripe; otherwise it is
// made here, and what it is made of must be what the header says: else the
// error is ErrDamaged or ErrCorrupt, and what was written is worth nothing.
func (h *header) write(w io.Writer, e *encoder, made bool) (locator, error) {
	head := h.encode()
	loc := h.locate(h.name, len(head))
	emit := func(p []byte) error {
		_, err := w.Write(p)
		return err
	}
	if err := emit(slices.Concat(loc.encode(prefixMagic), head)); err != nil {
		return loc, err
	}
	if made && e.stripes() <= 1 {
		for _, p := range e.parity {
			if err := emit(p); err != nil {
				return loc, err
			}
		}
	} else if err := h.rewrite(e, emit); err != nil {
		return loc, err
	}
	return loc, emit(slices.Concat(head, loc.encode(trailerMagic)))
}

func (h *header) rewrite(e *encoder, emit func([]byte) error) error {
	data, parity, err := e.hashes(emit)
	if err != nil {
		return err
	}
	for i, d := range data {
		if d != h.data[i] {
			return fmt.Errorf("file %q: %w", h.files[h.segs[i].file].Key, ErrDamaged)
		}
	}
	if !slices.Equal(parity, h.parity) {
		return fmt.Errorf("parity hashes belong to other data: %w", ErrCorrupt)
	}
	return nil
}
