package index

import (
	"encoding/binary"
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
	end := size
	last := func(n int64) []byte {
		if n < 0 || n > end || n > 64<<20 {
			return nil
		}
		buf := make([]byte, n)
		if _, err := f.ReadAt(buf, end-n); err != nil {
			return nil
		}
		end -= n
		return buf
	}
	length := func() int64 {
		if b := last(4); b != nil {
			return int64(binary.BigEndian.Uint32(b))
		}
		return -1
	}
	sum := last(length())
	want := &pb.Checksum{}
	if sum == nil || proto.Unmarshal(sum, want) != nil || want.Algo > pb.Checksum_XXHash64 {
		return false
	}
	index := last(length())
	return len(index) > 0 && y.VerifyChecksum(index, want) == nil
}
