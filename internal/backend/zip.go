package backend

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sort"
	"strings"
)

// ErrCorrupt: what holds the keys is damaged, or not what it should be.
var ErrCorrupt = errors.New("damaged archive")

// Zip is the backend in a zip archive whose entries are stored, not compressed: each is a
// key. It can only be read. Nothing that the archive says is believed: entries must be
// keys, each once, and lie side by side within the file.
type Zip struct {
	r       io.ReaderAt
	entries []zipEntry // by key
}

type zipEntry struct {
	Info
	off int64
	crc uint32
}

// maxZipEntries bounds the keys of an archive, before any is looked at.
const maxZipEntries = 1 << 22

// OpenZip reads the directory of an archive of size bytes. r is kept, not closed. Errors
// wrap ErrCorrupt, or are those of r.
func OpenZip(r io.ReaderAt, size int64) (*Zip, error) {
	at := &errorReaderAt{r: r}
	x, err := zip.NewReader(io.NewSectionReader(at, 0, size), size)
	if at.err != nil && !errors.Is(at.err, io.EOF) {
		return nil, at.err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if len(x.File) > maxZipEntries {
		return nil, fmt.Errorf("%w: %d entries", ErrCorrupt, len(x.File))
	}
	z := &Zip{r: r, entries: make([]zipEntry, 0, len(x.File))}
	for _, f := range x.File {
		bad := func(what string) error { return fmt.Errorf("%w: entry %.100q %s", ErrCorrupt, f.Name, what) }
		switch {
		case !ValidKey(f.Name):
			return nil, bad("is no key")
		case f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64:
			return nil, bad("is compressed")
		case f.Flags&1 != 0:
			return nil, bad("is encrypted")
		case f.UncompressedSize64 > uint64(size):
			return nil, bad(fmt.Sprintf("of %d bytes does not fit into %d", f.UncompressedSize64, size))
		}
		off, err := f.DataOffset()
		if err != nil {
			if at.err != nil && !errors.Is(at.err, io.EOF) {
				return nil, at.err
			}
			return nil, bad(fmt.Sprintf("cannot be found: %v", err))
		}
		if n := int64(f.UncompressedSize64); off < 0 || off > size-n {
			return nil, bad("reaches past the end")
		}
		z.entries = append(z.entries, zipEntry{Info{f.Name, int64(f.UncompressedSize64)}, off, f.CRC32})
	}
	slices.SortFunc(z.entries, func(a, b zipEntry) int { return cmp.Compare(a.off, b.off) })
	for i := 1; i < len(z.entries); i++ {
		if a, b := &z.entries[i-1], &z.entries[i]; a.off+a.Size > b.off {
			return nil, fmt.Errorf("%w: entries %q and %q lie at the same place", ErrCorrupt, a.Key, b.Key)
		}
	}
	slices.SortFunc(z.entries, func(a, b zipEntry) int { return strings.Compare(a.Key, b.Key) })
	for i := 1; i < len(z.entries); i++ {
		if z.entries[i-1].Key == z.entries[i].Key {
			return nil, fmt.Errorf("%w: there are two entries %q", ErrCorrupt, z.entries[i].Key)
		}
	}
	return z, nil
}

// errorReaderAt remembers an error: archive/zip does not tell one of the disk from damage.
type errorReaderAt struct {
	r   io.ReaderAt
	err error
}

func (r *errorReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.r.ReadAt(p, off)
	if err != nil && r.err == nil {
		r.err = err
	}
	return n, err
}

func (z *Zip) find(ctx context.Context, op, key string) (*zipEntry, error) {
	if err := checkKey(op, key); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	i := sort.Search(len(z.entries), func(i int) bool { return z.entries[i].Key >= key })
	if i == len(z.entries) || z.entries[i].Key != key {
		return nil, fmt.Errorf("%s %q: %w", op, key, ErrNotFound)
	}
	return &z.entries[i], nil
}

// Get implements Backend.
func (z *Zip) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	e, err := z.find(ctx, "reading", key)
	if err != nil {
		return nil, err
	}
	if err := checkRange(key, off); err != nil {
		return nil, err
	}
	off = min(off, e.Size)
	if n < 0 || n > e.Size-off {
		n = e.Size - off
	}
	return io.NopCloser(io.NewSectionReader(z.r, e.off+off, n)), nil
}

// List implements Backend.
func (z *Zip) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	if !ValidPrefix(prefix) {
		return nil, fmt.Errorf("listing %q: %w", prefix, ErrInvalidKey)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var infos []Info
	i := sort.Search(len(z.entries), func(i int) bool { return z.entries[i].Key >= prefix && z.entries[i].Key > after })
	for ; i < len(z.entries) && strings.HasPrefix(z.entries[i].Key, prefix); i++ {
		if limit > 0 && len(infos) == limit {
			break
		}
		infos = append(infos, z.entries[i].Info)
	}
	return infos, nil
}

// Stat implements Backend.
func (z *Zip) Stat(ctx context.Context, key string) (Info, error) {
	e, err := z.find(ctx, "looking up", key)
	if err != nil {
		return Info{}, err
	}
	return e.Info, nil
}

// Verify reads all of the archive and compares the entries' checksums. Errors wrap
// ErrCorrupt, or are those of the reader.
func (z *Zip) Verify(ctx context.Context, progress func(bytes int64)) error {
	buf := make([]byte, 1<<20)
	for i := range z.entries {
		e := &z.entries[i]
		sum := crc32.NewIEEE()
		for off := int64(0); off < e.Size; {
			if err := ctx.Err(); err != nil {
				return err
			}
			p := buf[:min(int64(len(buf)), e.Size-off)]
			if n, err := z.r.ReadAt(p, e.off+off); n < len(p) {
				return fmt.Errorf("reading %q: %w", e.Key, err)
			}
			_, _ = sum.Write(p)
			off += int64(len(p))
			progress(int64(len(p)))
		}
		if sum.Sum32() != e.crc {
			return fmt.Errorf("%w: the checksum of entry %q differs", ErrCorrupt, e.Key)
		}
	}
	return nil
}

func (z *Zip) readOnly(op, key string) error {
	if err := checkKey(op, key); err != nil {
		return err
	}
	return fmt.Errorf("%s %q: %w", op, key, ErrReadOnly)
}

// Put implements Backend: it is ErrReadOnly.
func (z *Zip) Put(_ context.Context, key string, _ []byte) error { return z.readOnly("creating", key) }

// Create implements Backend: it is ErrReadOnly.
func (z *Zip) Create(_ context.Context, key string) (Writer, error) {
	return nil, z.readOnly("creating", key)
}

// Replace implements Backend: it is ErrReadOnly.
func (z *Zip) Replace(_ context.Context, key string) (Writer, error) {
	return nil, z.readOnly("replacing", key)
}

// Delete implements Backend: it is ErrReadOnly.
func (z *Zip) Delete(_ context.Context, key string) error { return z.readOnly("deleting", key) }

// WriteZip writes an archive that OpenZip reads, with all keys of b that the listings of
// prefixes name, and more that the caller brings, first.
func WriteZip(ctx context.Context, w io.Writer, b Backend, more map[string][]byte, prefixes ...string) error {
	z := zip.NewWriter(w)
	create := func(key string) (io.Writer, error) {
		return z.CreateHeader(&zip.FileHeader{Name: key, Method: zip.Store})
	}
	keys := make([]string, 0, len(more))
	for key := range more {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		out, err := create(key)
		if err == nil {
			_, err = out.Write(more[key])
		}
		if err != nil {
			return err
		}
	}
	for _, prefix := range prefixes {
		infos, err := b.List(ctx, prefix, "", 0)
		if err != nil {
			return err
		}
		for _, i := range infos {
			out, err := create(i.Key)
			if err != nil {
				return err
			}
			r, err := b.Get(ctx, i.Key, 0, -1)
			if err != nil {
				return err
			}
			_, err = io.Copy(out, &ctxReader{ctx, r})
			if err = errors.Join(err, r.Close()); err != nil {
				return err
			}
		}
	}
	return z.Close()
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
