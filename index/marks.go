package index

import (
	"encoding/binary"
	"slices"
	"sort"
	"strings"

	"github.com/mstore/mstore/objects"
)

// A block's marks are 32-bit fingerprints of what occurs in it, sorted: what has none of
// them is not there.

// fingerprint is that of a path or a directory (FNV-1a).
func fingerprint(s string) uint32 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return uint32(h ^ h>>32)
}

func blobFingerprint(id objects.BlobID) uint32 { return binary.BigEndian.Uint32(id[:4]) }

func encodeMarks(list []uint32) []byte {
	slices.Sort(list)
	data := make([]byte, 0, 4*len(list))
	for _, m := range slices.Compact(list) {
		data = binary.LittleEndian.AppendUint32(data, m)
	}
	return data
}

// mayHave asks a column of marks.
func (b *block) mayHave(column string, mark uint32) (bool, error) {
	data, err := b.column(column)
	if err != nil {
		return false, err
	}
	n := len(data) / 4
	at := func(i int) uint32 { return binary.LittleEndian.Uint32(data[4*i:]) }
	i := sort.Search(n, func(i int) bool { return at(i) >= mark })
	return i < n && at(i) == mark, nil
}

// below tells whether path is dir or lies below it; "" and "." are above everything.
func below(path, dir string) bool {
	return dir == "" || dir == "." || strings.HasPrefix(path, dir) && (len(path) == len(dir) || path[len(dir)] == '/')
}
