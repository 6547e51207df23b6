package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/objects"
)

// Two models are compared by so many goroutines at most, and keep so many bytes of decoded
// pieces for each: the piece that each side is at, of at most chunk.Max, and some more.
const (
	maxDiffWorkers = 4
	workerBytes    = 10 << 20
)

func diffWorkers() int { return min(runtime.GOMAXPROCS(0), maxDiffWorkers) }

// sideContent is the content of a model that is compared. It may be read concurrently.
type sideContent interface {
	io.ReaderAt
	io.Closer
	Size() int64
	ID() string // two of the same ID, unless that is "", hold the same
	// unchanged tells, when all was read, whether it was one content all the time.
	unchanged() error
}

// opener opens one side of a comparison.
type opener interface {
	open(ctx context.Context) (sideContent, error)
	// sibling is another file, named relative to the directory of this one.
	sibling(ctx context.Context, name string) (opener, error)
}

// openBoth opens two sides. Two saved models share the pieces that they decode.
func openBoth(ctx context.Context, a, b opener) (x, y sideContent, err error) {
	m, savedA := a.(*savedModel)
	n, savedB := b.(*savedModel)
	if savedA && savedB {
		return openTogether(ctx, m, n)
	}
	if x, err = a.open(ctx); err != nil {
		return nil, nil, err
	}
	if y, err = b.open(ctx); err != nil {
		return nil, nil, errors.Join(err, x.Close())
	}
	return x, y, nil
}

func openTogether(ctx context.Context, m, n *savedModel) (x, y sideContent, err error) {
	a, err := m.sn.open(ctx, m.v, m.m)
	if err != nil {
		return nil, nil, err
	}
	b, err := n.sn.open(ctx, n.v, n.m)
	if err != nil {
		return nil, nil, err
	}
	if a.b, b.b, err = m.sn.content.Together(ctx, diffWorkers()*workerBytes, m.m.Blob, n.m.Blob); err != nil {
		return nil, nil, classify(err)
	}
	return savedContent{a}, savedContent{b}, nil
}

// savedModel is a model of a version.
type savedModel struct {
	sn *snapshot
	v  *Version
	m  Model
}

func (o *savedModel) open(ctx context.Context) (sideContent, error) {
	r, err := o.sn.open(ctx, o.v, o.m)
	if err != nil {
		return nil, err
	}
	return savedContent{r}, nil
}

func (o *savedModel) sibling(ctx context.Context, name string) (opener, error) {
	m, err := o.sn.model(ctx, o.v, path.Join(path.Dir(o.m.Path), name))
	return &savedModel{o.sn, o.v, m}, err
}

type savedContent struct{ *ModelReader }

func (s savedContent) Size() int64      { return s.model.Size }
func (s savedContent) ID() string       { return s.model.Blob.String() }
func (s savedContent) unchanged() error { return nil }

// same tells which ranges of two sources are the same pieces; nil where nothing is known.
func same(a, b sideContent) func(aOff, bOff, n int64) bool {
	x, okA := a.(savedContent)
	y, okB := b.(savedContent)
	if !okA || !okB {
		return nil
	}
	return func(aOff, bOff, n int64) bool { return x.b.Same(aOff, y.b, bOff, n) }
}

// workingFile is a file of the working directory.
type workingFile struct {
	s    *Store
	path string
}

func (o *workingFile) open(context.Context) (sideContent, error) {
	fi, err := lstat(o.s.root, o.path)
	switch {
	case notExist(err):
		return nil, as(ErrNotFound, fmt.Errorf("%q: no such file", o.path))
	case err != nil:
		return nil, fmt.Errorf("looking at %q: %w", o.path, err)
	case !fi.Mode().IsRegular():
		return nil, as(ErrUsage, fmt.Errorf("%q is %s", o.path, describe(fi)))
	}
	f, err := o.s.root.Open(o.path)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", o.path, err)
	}
	return newFileContent(o.path, f)
}

func (o *workingFile) sibling(_ context.Context, name string) (opener, error) {
	return &workingFile{o.s, path.Join(path.Dir(o.path), name)}, nil
}

// outerFile is any file of the operating system.
type outerFile struct{ name string }

func (o *outerFile) open(context.Context) (sideContent, error) {
	if fi, err := os.Stat(o.name); err == nil && !fi.Mode().IsRegular() {
		return nil, as(ErrUsage, fmt.Errorf("%q is %s", o.name, describe(fi)))
	}
	f, err := os.Open(o.name)
	if notExist(err) {
		return nil, as(ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	return newFileContent(o.name, f)
}

func (o *outerFile) sibling(_ context.Context, name string) (opener, error) {
	return &outerFile{filepath.Join(filepath.Dir(o.name), filepath.FromSlash(name))}, nil
}

// statFile is what is needed of an open file.
type statFile interface {
	io.ReaderAt
	io.Closer
	Stat() (fs.FileInfo, error)
}

type fileContent struct {
	statFile
	name string
	fi   fs.FileInfo
}

func newFileContent(name string, f statFile) (*fileContent, error) {
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = as(ErrUsage, fmt.Errorf("%q is %s", name, describe(fi)))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &fileContent{f, name, fi}, nil
}

func (f *fileContent) Size() int64 { return f.fi.Size() }
func (f *fileContent) ID() string  { return "" }

func (f *fileContent) unchanged() error {
	fi, err := f.Stat()
	if err == nil && (fi.Size() != f.fi.Size() || !fi.ModTime().Equal(f.fi.ModTime()) || vfs.IdentityOf(fi) != vfs.IdentityOf(f.fi)) {
		err = as(ErrConflict, fmt.Errorf("%q changed while it was read; compare it when its writer has finished", f.name))
	}
	return err
}

// hashContent reads all of a content for its ID.
func hashContent(ctx context.Context, s sideContent) (id objects.BlobID, err error) {
	h := objects.NewHasher()
	if _, err := copyBuffer(h, &ctxReader{ctx, io.NewSectionReader(s, 0, s.Size())}); err != nil {
		return id, err
	}
	return objects.BlobID(h.Sum(nil)), nil
}
