package gitinfo

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// indexFile is the index of a work tree.
type indexFile struct {
	entries  []*index.Entry // sorted by name
	assumed  []bool         // of each entry: assume-unchanged
	tree     *cacheTree     // nil if the index has none
	unmerged bool           // there is a conflict
	mtime    time.Time
	sum      plumbing.Hash // of the file
}

// maxIndex bounds the index in memory: some millions of entries.
const maxIndex = 512 << 20

var errIndex = errors.New("malformed")

// readIndex reads the index, which is empty if there is no file.
func readIndex(gitDir string) (*indexFile, error) {
	f, err := os.Open(filepath.Join(gitDir, "index"))
	if errors.Is(err, fs.ErrNotExist) {
		return &indexFile{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if fi.Size() > maxIndex {
		return nil, fmt.Errorf("%d bytes: %w", fi.Size(), errors.ErrUnsupported)
	}
	raw := make([]byte, fi.Size())
	if _, err := io.ReadFull(f, raw); err != nil {
		return nil, err
	}
	return parseIndex(raw, fi.ModTime())
}

// parseIndex may write to raw.
func parseIndex(raw []byte, mtime time.Time) (*indexFile, error) {
	// index.skipHash leaves the checksum zero, which the library rejects.
	if body, sum, ok := splitSum(raw); ok && bytes.Equal(sum, plumbing.ZeroHash[:]) {
		h := sha1.Sum(body)
		copy(sum, h[:])
	}
	var idx index.Index
	err := guard(func() error { return index.NewDecoder(bytes.NewReader(raw)).Decode(&idx) })
	switch {
	case errors.Is(err, index.ErrUnsupportedVersion), errors.Is(err, index.ErrUnknownExtension):
		return nil, fmt.Errorf("%w: %w", err, errors.ErrUnsupported)
	case err != nil:
		return nil, err
	}
	ix := &indexFile{entries: idx.Entries, assumed: make([]bool, len(idx.Entries)), mtime: mtime}
	_, sum, _ := splitSum(raw)
	copy(ix.sum[:], sum)
	last := ""
	for i, e := range ix.entries {
		if !filepath.IsLocal(filepath.FromSlash(e.Name)) {
			return nil, fmt.Errorf("entry %q: %w", e.Name, errIndex)
		}
		ix.unmerged = ix.unmerged || e.Stage != 0
		if i > 0 && (e.Name < last || e.Name == last && e.Stage == 0) {
			return nil, fmt.Errorf("entry %q is out of order: %w", e.Name, errIndex)
		}
		last = e.Name
	}
	return ix, ix.scan(raw, idx.Version)
}

func splitSum(raw []byte) (body, sum []byte, ok bool) {
	at := len(raw) - sha1.Size
	if at < 0 {
		return nil, nil, false
	}
	return raw[:at], raw[at:], true
}

// staged returns the entries that a commit would contain: all but those that
// were added with git add -N.
func (ix *indexFile) staged() []*index.Entry {
	for i, e := range ix.entries {
		if !e.IntentToAdd {
			continue
		}
		kept := append([]*index.Entry(nil), ix.entries[:i]...)
		for _, e := range ix.entries[i:] {
			if !e.IntentToAdd {
				kept = append(kept, e)
			}
		}
		return kept
	}
	return ix.entries
}

// scan takes from the file what the library's decoder leaves out: the
// assume-unchanged flags, and the places of invalid nodes in the cache-tree,
// without which one cannot tell whose child a node is. The decoder has accepted
// the file before.
//
// The format is described in gitformat-index(5).
func (ix *indexFile) scan(raw []byte, version uint32) error {
	const (
		header  = 12
		flagsAt = 60
	)
	pos, end := header, len(raw)-sha1.Size
	for i, e := range ix.entries {
		if pos+flagsAt+4 > end {
			return errIndex
		}
		flags := binary.BigEndian.Uint16(raw[pos+flagsAt:])
		ix.assumed[i] = flags&0x8000 != 0
		n := flagsAt + 2
		if flags&0x4000 != 0 {
			n += 2
		}
		if version < 4 {
			pos += (n + len(e.Name) + 8) &^ 7
			continue
		}
		pos += n
		for pos < end && raw[pos]&0x80 != 0 {
			pos++
		}
		z := bytes.IndexByte(raw[min(pos+1, end):end], 0)
		if z < 0 {
			return errIndex
		}
		pos += 1 + z + 1
	}
	for pos+8 <= end {
		size := int(binary.BigEndian.Uint32(raw[pos+4:]))
		body := raw[pos+8 : end]
		if size > len(body) {
			return errIndex
		}
		if string(raw[pos:pos+4]) == "TREE" {
			// Without a cache-tree the trees are read: slower, not wrong.
			if t, rest, ok := parseCacheTree(body[:size], 0); ok && len(rest) == 0 {
				ix.tree = t
			}
		}
		pos += 8 + size
	}
	return nil
}
