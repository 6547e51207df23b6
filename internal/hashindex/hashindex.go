// Package hashindex is an immutable sorted array of fixed-size rows whose
// first 32 bytes are a hash, in checksummed pages, searched by interpolation:
// since hashes are uniform, a row's place follows from its value, and a lookup
// costs one ranged read however large the array.
//
// Layout: pages of PageRows(rowSize) rows, each followed by the CRC-32C of the
// page's rows; the last page may be shorter. Rows are sorted by all their
// bytes; a key may occur more than once.
package hashindex

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"
	"math/bits"
	"sort"
	"sync"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// pageSize bounds a page, its checksum included.
const pageSize = 4096

// whole is the size up to which an array is read in one piece at its first use.
const whole = 256 << 10

// ErrCorrupt: a page does not match its checksum.
var ErrCorrupt = errors.New("index page is corrupt")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// PageRows is the number of rows in a full page.
func PageRows(rowSize int) int { return (pageSize - 4) / rowSize }

// Size is the number of bytes that n rows take.
func Size(rowSize, n int) int64 {
	pages := (n + PageRows(rowSize) - 1) / PageRows(rowSize)
	return int64(n)*int64(rowSize) + int64(pages)*4
}

// Writer writes an array to w, row by row, in order.
type Writer struct {
	w       io.Writer
	rowSize int
	page    []byte
	last    []byte
	n       int
}

// NewWriter begins an array.
func NewWriter(w io.Writer, rowSize int) *Writer {
	return &Writer{w: w, rowSize: rowSize, page: make([]byte, 0, pageSize)}
}

// Add appends a row, which must not be smaller than the one before.
func (w *Writer) Add(row []byte) error {
	if len(row) != w.rowSize || (w.last != nil && bytes.Compare(w.last, row) > 0) {
		return fmt.Errorf("index row %d of %d bytes is out of order or of a wrong size", w.n, len(row))
	}
	w.page = append(w.page, row...)
	w.last = append(w.last[:0], row...)
	w.n++
	if w.n%PageRows(w.rowSize) == 0 {
		return w.flush()
	}
	return nil
}

func (w *Writer) flush() error {
	if len(w.page) == 0 {
		return nil
	}
	p := binary.LittleEndian.AppendUint32(w.page, crc32.Checksum(w.page, castagnoli))
	w.page = w.page[:0]
	_, err := w.w.Write(p)
	return err
}

// Close writes the last page. It does not close w.
func (w *Writer) Close() error { return w.flush() }

// Reader searches an array. It may be used concurrently.
type Reader struct {
	read    func(p []byte, off int64) error
	rowSize int
	rows    int

	mu    sync.Mutex
	pages map[int][]byte // verified, without their checksum
}

// NewReader opens an array of n rows; read fills p with the array's bytes from
// off.
func NewReader(n, rowSize int, read func(p []byte, off int64) error) *Reader {
	return &Reader{read: read, rowSize: rowSize, rows: n, pages: map[int][]byte{}}
}

// Len is the number of rows.
func (r *Reader) Len() int { return r.rows }

func (r *Reader) pageCount() int { return (r.rows + PageRows(r.rowSize) - 1) / PageRows(r.rowSize) }

// Lookup calls fn for every row with that key until it returns false.
func (r *Reader) Lookup(key [KeySize]byte, fn func(row []byte) bool) error {
	return r.Prefix(key[:], 8*KeySize, fn)
}

// Prefix calls fn for every row whose key begins with the first n bits of
// prefix, in order, until it returns false. A row aliases the index.
func (r *Reader) Prefix(prefix []byte, n int, fn func(row []byte) bool) error {
	lo := make([]byte, KeySize)
	copy(lo, prefix)
	for i := n; i < 8*KeySize; i++ {
		lo[i/8] &^= 1 << (7 - i%8)
	}
	page, err := r.find(lo)
	if err != nil {
		return err
	}
	for ; page < r.pageCount(); page++ {
		rows, err := r.page(page)
		if err != nil {
			return err
		}
		count := len(rows) / r.rowSize
		for i := sort.Search(count, func(i int) bool { return bytes.Compare(r.key(rows, i), lo) >= 0 }); i < count; i++ {
			if !samePrefix(r.key(rows, i), lo, n) || !fn(rows[i*r.rowSize:(i+1)*r.rowSize]) {
				return nil
			}
		}
	}
	return nil
}

// Rows yields every row in order, reading ahead in bounded memory. A row
// aliases a buffer that is not reused.
func (r *Reader) Rows() iter.Seq2[[]byte, error] {
	const batch = 64
	return func(yield func([]byte, error) bool) {
		for first := 0; first < r.pageCount(); first += batch {
			pages, err := r.load(first, min(first+batch, r.pageCount()))
			if err != nil {
				yield(nil, err)
				return
			}
			for _, rows := range pages {
				for ; len(rows) > 0; rows = rows[r.rowSize:] {
					if !yield(rows[:r.rowSize:r.rowSize], nil) {
						return
					}
				}
			}
		}
	}
}

func (r *Reader) key(rows []byte, i int) []byte { return rows[i*r.rowSize : i*r.rowSize+KeySize] }

func samePrefix(a, b []byte, n int) bool {
	if !bytes.Equal(a[:n/8], b[:n/8]) {
		return false
	}
	return n%8 == 0 || a[n/8]>>(8-n%8) == b[n/8]>>(8-n%8)
}

// find returns the first page that may hold a row >= key.
func (r *Reader) find(key []byte) (int, error) {
	lo, hi := 0, r.pageCount() // the answer is in [lo, hi]
	want, _ := bits.Mul64(binary.BigEndian.Uint64(key), uint64(r.rows))
	guess := int(want) / PageRows(r.rowSize)
	for lo < hi {
		guess = max(lo, min(guess, hi-1))
		rows, err := r.page(guess)
		if err != nil {
			return 0, err
		}
		count := len(rows) / r.rowSize
		switch {
		case bytes.Compare(r.key(rows, count-1), key) < 0:
			lo = guess + 1
		case bytes.Compare(r.key(rows, 0), key) >= 0:
			hi = guess
		default:
			return guess, nil
		}
		if guess == lo-1 && lo < hi && r.cached(lo) {
			guess = lo
		} else if guess == hi && r.cached(hi-1) {
			guess = hi - 1
		} else {
			guess = (lo + hi) / 2
		}
	}
	return lo, nil
}

func (r *Reader) cached(page int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pages[page] != nil
}

// page returns a verified page. It reads the neighbourhood as well: a row lies
// within two standard deviations of its expected place, sqrt(n)/2 rows, nearly
// always.
func (r *Reader) page(i int) ([]byte, error) {
	r.mu.Lock()
	p := r.pages[i]
	r.mu.Unlock()
	if p != nil {
		return p, nil
	}
	n := r.pageCount()
	first, end := 0, n
	if Size(r.rowSize, r.rows) > whole {
		around := int(math.Sqrt(float64(r.rows)))/PageRows(r.rowSize) + 1
		first, end = max(0, i-around), min(n, i+around+1)
	}
	pages, err := r.load(first, end)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.pages) > 1024 {
		clear(r.pages)
	}
	for k, p := range pages {
		r.pages[first+k] = p
	}
	return pages[i-first], nil
}

// load reads and verifies the pages [first, end).
func (r *Reader) load(first, end int) ([][]byte, error) {
	full := PageRows(r.rowSize)*r.rowSize + 4
	size := Size(r.rowSize, r.rows)
	from, to := int64(first)*int64(full), min(int64(end)*int64(full), size)
	buf := make([]byte, to-from)
	if err := r.read(buf, from); err != nil {
		return nil, err
	}
	var pages [][]byte
	for i := first; len(buf) > 0; i++ {
		n := min(full, len(buf))
		rows := buf[: n-4 : n-4]
		if crc32.Checksum(rows, castagnoli) != binary.LittleEndian.Uint32(buf[n-4:n]) {
			return nil, fmt.Errorf("page %d: %w", i, ErrCorrupt)
		}
		pages = append(pages, rows)
		buf = buf[n:]
	}
	return pages, nil
}
