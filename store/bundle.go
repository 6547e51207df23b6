package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/refs"
)

// A bundle is a small store in one file, for machines without a network between them: a
// zip archive of stored entries with the keys of the store, and a note about what it
// leaves out. It is read like any other store (backend.Zip).

// bundleKey is the entry that holds the note.
const bundleKey = "bundle"

// bundleFormat is the number of the note's format.
const bundleFormat = 1

// BundleRef is a name in a bundle, or a version that it needs.
type BundleRef struct {
	Kind    NameKind // of a name
	Name    string   // "" for a version that is needed
	Version string   // "v12"
	ID      objects.VersionID
}

// Bundle is what is known of a bundle.
type Bundle struct {
	File  string
	Size  int64 // bytes
	Made  time.Time
	Refs  []BundleRef
	Needs []BundleRef // versions whose content, and that of their ancestors, it leaves out
	// Versions that it has the content of; 0 when that was not counted.
	Versions int
}

// bundleNote is what a bundle says of itself.
type bundleNote struct {
	Bundle int           `json:"bundle"`
	Made   string        `json:"made"`
	Needs  []bundleNeeds `json:"needs"`
}

type bundleNeeds struct {
	Version string `json:"version"`
	ID      string `json:"id"`
}

// maxNote bounds the note in bytes.
const maxNote = 1 << 20

// openBundle opens a file as where a store lies; nil when it is no bundle.
func openBundle(ctx context.Context, name string) (*storage, error) {
	fi, err := os.Stat(name)
	if err != nil || !fi.Mode().IsRegular() {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", name, err)
	}
	x, err := readBundle(ctx, f, fi.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%q: %w", name, err), f.Close())
	}
	x.location = name
	x.closers = append(x.closers, f)
	return x, nil
}

// readBundle opens an archive as where a store lies.
func readBundle(ctx context.Context, r io.ReaderAt, size int64) (*storage, error) {
	head := make([]byte, 4)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	z, err := backend.OpenZip(r, size)
	if errors.Is(err, backend.ErrCorrupt) {
		if string(head[:n]) != "PK\x03\x04" && size > 0 {
			return nil, as(ErrNoStore, errors.New("it is neither a store nor a bundle"))
		}
		return nil, as(ErrDamaged, fmt.Errorf("the bundle is damaged or not complete; get it again: %w", err))
	}
	if err != nil {
		return nil, err
	}
	raw, err := backend.ReadAll(ctx, z, bundleKey, maxNote)
	if errors.Is(err, backend.ErrNotFound) {
		return nil, as(ErrNoStore, errors.New("it is a zip archive, and no bundle"))
	}
	note := &bundleNote{}
	if err == nil {
		err = json.Unmarshal(raw, note)
	}
	if err == nil && note.Bundle > bundleFormat {
		return nil, as(ErrFormat, fmt.Errorf("the bundle has format %d, this program reads up to %d", note.Bundle, bundleFormat))
	}
	if err == nil && note.Bundle < 1 {
		err = fmt.Errorf("format %d", note.Bundle)
	}
	for _, x := range note.Needs {
		if err == nil {
			_, err = objects.ParseVersionID(x.ID)
		}
	}
	if err != nil {
		return nil, as(ErrDamaged, fmt.Errorf("the note in the bundle is damaged: %w", err))
	}
	return &storage{Backend: z, bundle: note, zip: z}, nil
}

// farBundle is a bundle as a store.
type farBundle struct {
	*Store
	at *storage
	sn *snapshot
}

func (f *farBundle) Close() error { return errors.Join(f.Store.Close(), f.at.Close()) }

// openFarBundle opens a bundle that must be one.
func openFarBundle(ctx context.Context, file string, o Options) (*farBundle, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(file); err != nil {
		return nil, as(ErrNotFound, err)
	}
	at, err := openBundle(ctx, file)
	if err == nil && at == nil {
		err = as(ErrUsage, fmt.Errorf("%q is no file", file))
	}
	if err != nil {
		return nil, err
	}
	f := &farBundle{Store: newStore(vfs.NewMem(), at, Options{Clock: o.Clock, Progress: o.Progress}), at: at}
	f.dir = file
	if err = f.checkFormat(ctx); err == nil {
		f.sn, err = f.load(ctx)
	}
	if errors.Is(err, ErrNoStore) {
		err = as(ErrDamaged, fmt.Errorf("the bundle has no journal: get it again"))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%q: %w", file, err), f.Close())
	}
	return f, nil
}

// describe tells what a bundle says of itself.
func (f *farBundle) describe(ctx context.Context) (*Bundle, error) {
	out := &Bundle{File: f.dir}
	if fi, err := os.Stat(f.dir); err == nil {
		out.Size = fi.Size()
	}
	out.Made, _ = time.Parse(time.RFC3339, f.at.bundle.Made)
	for _, n := range f.sn.st.SortedNames(0) {
		if n.Kind != Branch && n.Kind != Tag && n.Kind != Alias {
			continue
		}
		if err := refs.CheckName(n.Name); err != nil {
			return nil, as(ErrDamaged, fmt.Errorf("the bundle holds a bad name: %w", err))
		}
		out.Refs = append(out.Refs, BundleRef{n.Kind, n.Name, fmt.Sprintf("v%d", n.To.Seq), n.To.ID})
	}
	for _, x := range f.at.bundle.Needs {
		id, err := objects.ParseVersionID(x.ID)
		if err != nil {
			return nil, as(ErrDamaged, err)
		}
		found, err := f.sn.h.FindID(ctx, x.ID, 1)
		if err != nil {
			return nil, classify(err)
		}
		if len(found) != 1 {
			return nil, as(ErrDamaged, fmt.Errorf("the bundle names a version that it does not have, %s", id.Short()))
		}
		out.Needs = append(out.Needs, BundleRef{Version: fmt.Sprintf("v%d", found[0].Seq), ID: id})
	}
	return out, nil
}

// leftOut lists the content that a bundle leaves out: whatever the versions that it needs,
// and their ancestors, have brought.
func leftOut(ctx context.Context, sn *snapshot, needs []journal.Target) (map[objects.BlobID]bool, error) {
	out := map[objects.BlobID]bool{}
	if len(needs) == 0 {
		return out, nil
	}
	lines, err := sn.h.Ancestors(ctx, needs)
	if err != nil {
		return nil, err
	}
	err = sn.eachVersion(ctx, func(v *Version) error {
		if v.Seq > lines[v.target.Line] {
			return nil
		}
		changes, err := sn.changes(ctx, v)
		for _, ch := range changes {
			if ch.Status != objects.Removed {
				out[ch.Blob] = true
			}
		}
		return err
	})
	return out, err
}

// eachVersion calls fn with every version, in the order of the journal.
func (sn *snapshot) eachVersion(ctx context.Context, fn func(*Version) error) error {
	for e, err := range sn.h.Entries(ctx, 0) {
		if err != nil {
			return err
		}
		v, err := sn.versionOf(e)
		if err == nil && v != nil {
			err = fn(v)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// BundleList tells what a bundle has and needs, without reading its content.
func BundleList(ctx context.Context, file string) (*Bundle, error) {
	f, err := openFarBundle(ctx, file, Options{})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.describe(ctx)
}

// BundleVerify reads all of a bundle: its checksums, and whether every version has what
// it names but for what the bundle says that it leaves out. The report is as of Fsck.
func BundleVerify(ctx context.Context, file string, o Options) (*Bundle, *FsckReport, error) {
	f, err := openFarBundle(ctx, file, o)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	out, err := f.describe(ctx)
	if err != nil {
		return nil, nil, err
	}
	done := int64(0)
	err = f.at.zip.Verify(ctx, func(n int64) {
		done += n
		f.o.Progress("reading", done, out.Size)
	})
	if errors.Is(err, backend.ErrCorrupt) {
		err = as(ErrDamaged, fmt.Errorf("%q: %w; get it again", f.dir, err))
	}
	if err != nil {
		return out, nil, err
	}
	if f.sn.leftOut, err = leftOut(ctx, f.sn, f.needs(out)); err != nil {
		return out, nil, classify(err)
	}
	x, err := f.checkAs(ctx, newFsck(f.Store, FsckOptions{}, nil), f.sn)
	if err != nil {
		return out, nil, err
	}
	return out, x.rep, nil
}

// needs finds the versions that a bundle needs, in the bundle.
func (f *farBundle) needs(b *Bundle) (out []journal.Target) {
	for _, x := range b.Needs {
		if found, err := f.sn.h.FindID(context.Background(), x.ID.String(), 1); err == nil && len(found) == 1 {
			out = append(out, found[0])
		}
	}
	return out
}
