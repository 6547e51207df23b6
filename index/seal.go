package index

import (
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	sealName  = "SEAL"
	retryName = "RETRY"

	// schema changes with the encoding of blocks and with the options badger is
	// opened with, which it would not survive to see shrink.
	schema = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal describes badger's files: name, size, and the checksum of the head and
// the end of each. The end holds the index of a table, which badger reads
// before it can report an error; blocks of data have checksums of their own.
func (ix *Index) seal() (string, error) {
	entries, err := os.ReadDir(ix.path("db"))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "mstore index %d\n", schema)
	var buf []byte
	for _, e := range entries {
		if e.Name() == "LOCK" {
			continue // badger's pid file
		}
		var size int64
		var sum uint32
		if size, sum, buf, err = fileSum(filepath.Join(ix.path("db"), e.Name()), buf); err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s %d %08x\n", e.Name(), size, sum)
	}
	return b.String(), nil
}

// edge is how much of a file's ends is summed at least.
const edge = 16 << 10

// fileSum reads into buf, and returns it grown.
func fileSum(name string, buf []byte) (int64, uint32, []byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, buf, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return 0, 0, buf, err
	}
	size := fi.Size()
	head := min(size, edge)
	tail := min(size-head, edge)
	if filepath.Ext(name) == ".sst" {
		tail = min(size-head, max(tail, tableEnd(f, size)))
	}
	buf = slices.Grow(buf[:0], int(max(head, tail)))[:max(head, tail)]
	if _, err := f.ReadAt(buf[:head], 0); err != nil && err != io.EOF {
		return 0, 0, buf, err
	}
	sum := crc32.Update(0, castagnoli, buf[:head])
	if _, err := f.ReadAt(buf[:tail], size-tail); err != nil && err != io.EOF {
		return 0, 0, buf, err
	}
	return size, crc32.Update(sum, castagnoli, buf[:tail]), buf, nil
}

// sealState is what is known of badger's files before badger sees them.
type sealState uint8

const (
	sealFits  sealState = iota
	sealGone            // a writer died, or there is nothing yet
	sealWrong           // the files are not those that were sealed
)

func (ix *Index) checkSeal() sealState {
	want, err := os.ReadFile(ix.path(sealName))
	if err != nil {
		return sealGone
	}
	if got, err := ix.seal(); err != nil || got != string(want) {
		return sealWrong
	}
	return sealFits
}

// writeSeal is called after badger was closed, under the exclusive lock.
func (ix *Index) writeSeal() error {
	text, err := ix.seal()
	if err != nil {
		return err
	}
	tmp := ix.path(sealName + ".tmp")
	if err := os.WriteFile(tmp, []byte(text), 0o666); err != nil {
		return err
	}
	if err := os.Rename(tmp, ix.path(sealName)); err != nil {
		return err
	}
	os.Remove(ix.path(retryName))
	return nil
}
