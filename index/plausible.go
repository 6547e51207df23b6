package index

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// plausible looks at files that have no seal for what badger does not survive:
// logs larger than it would make them, and tables whose index is damaged.
func plausible(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil || !fi.Mode().IsRegular() {
			return false
		}
		switch size := fi.Size(); filepath.Ext(e.Name()) {
		case ".mem":
			if size > 4*memTableSize {
				return false
			}
		case ".vlog":
			if size > 4*valueLogFileSize {
				return false
			}
		case ".sst":
			if !tableIndexIntact(filepath.Join(dir, e.Name()), size) {
				return false
			}
		}
	}
	return true
}

// tableIndexIntact checks the end of a table as badger does, which panics in
// a goroutine of its own, or ends the process, where this returns false: the
// table's index, its length, its checksum, and the checksum's length.
func tableIndexIntact(name string, size int64) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	t := tableTail{f, size}
	sum := t.last(t.length())
	want := &pb.Checksum{}
	if sum == nil || proto.Unmarshal(sum, want) != nil || want.Algo > pb.Checksum_XXHash64 {
		return false
	}
	index := t.last(t.length())
	return len(index) > 0 && y.VerifyChecksum(index, want) == nil
}

// tableEnd is how long the end of a table says that it is; 0 where it makes no sense.
func tableEnd(f io.ReaderAt, size int64) int64 {
	t := tableTail{f, size}
	if t.last(t.length()) == nil {
		return 0
	}
	n := t.length()
	if n < 0 || n > t.end {
		return 0
	}
	return size - t.end + n
}

// tableTail reads a table from its end.
type tableTail struct {
	f   io.ReaderAt
	end int64 // of what was not read yet
}

// last returns the last n bytes; nil where they are not there.
func (t *tableTail) last(n int64) []byte {
	if n < 0 || n > t.end || n > 64<<20 {
		return nil
	}
	buf := make([]byte, n)
	if _, err := t.f.ReadAt(buf, t.end-n); err != nil {
		return nil
	}
	t.end -= n
	return buf
}

func (t *tableTail) length() int64 {
	if b := t.last(4); b != nil {
		return int64(binary.BigEndian.Uint32(b))
	}
	return -1
}
