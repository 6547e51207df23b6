package hashindex

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func build(t rapid.TB, rowSize int, rows [][]byte) []byte {
	slices.SortFunc(rows, bytes.Compare)
	var b bytes.Buffer
	w := NewWriter(&b, rowSize)
	for _, r := range rows {
		if err := w.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if int64(b.Len()) != Size(rowSize, len(rows)) {
		t.Fatalf("%d bytes, want %d", b.Len(), Size(rowSize, len(rows)))
	}
	return b.Bytes()
}

func open(data []byte, n, rowSize int, reads *int) *Reader {
	return NewReader(n, rowSize, func(p []byte, off int64) error {
		if reads != nil {
			*reads++
		}
		if off+int64(len(p)) > int64(len(data)) {
			return io.ErrUnexpectedEOF
		}
		copy(p, data[off:])
		return nil
	})
}

func makeRows(n, rowSize, dup int) [][]byte {
	var rows [][]byte
	for i := range n {
		row := make([]byte, rowSize)
		h := sha256.Sum256(binary.AppendUvarint(nil, uint64(i/dup)))
		copy(row, h[:])
		binary.BigEndian.PutUint32(row[KeySize:], uint32(i))
		rows = append(rows, row)
	}
	return rows
}

func TestLookup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 2, 50, 101, 102, 103, 500, 9000}).Draw(t, "n")
		rowSize := rapid.IntRange(36, 60).Draw(t, "rowSize")
		dup := rapid.SampledFrom([]int{1, 1, 3, 200}).Draw(t, "dup")
		rows := makeRows(n, rowSize, dup)
		if rapid.Bool().Draw(t, "skewed") {
			for _, r := range rows {
				r[0], r[1] = 0xff, 0xff
			}
		}
		r := open(build(t, rowSize, rows), n, rowSize, nil)
		for range 20 {
			var key [KeySize]byte
			if n > 0 && rapid.Bool().Draw(t, "known") {
				copy(key[:], rows[rapid.IntRange(0, n-1).Draw(t, "row")])
			} else {
				key = sha256.Sum256([]byte(rapid.String().Draw(t, "key")))
			}
			nbits := rapid.SampledFrom([]int{256, 256, 4, 20, 0}).Draw(t, "bits")
			var got, want [][]byte
			if err := r.Prefix(key[:], nbits, func(row []byte) bool { got = append(got, row); return true }); err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if samePrefix(row, key[:], nbits) {
					want = append(want, row)
				}
			}
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Fatalf("%d rows, want %d", len(got), len(want))
			}
		}
		i := 0
		for row, err := range r.Rows() {
			if err != nil || !bytes.Equal(row, rows[i]) {
				t.Fatalf("row %d differs: %v", i, err)
			}
			i++
		}
		if i != n {
			t.Fatalf("%d rows, want %d", i, n)
		}
	})
}

// TestReads: lookups in a large array cost few reads.
func TestReads(t *testing.T) {
	const n, rowSize = 200_000, 40
	rows := makeRows(n, rowSize, 1)
	data := build(t, rowSize, rows)
	total := 0
	for i := 0; i < n; i += 1999 {
		reads := 0
		r := open(data, n, rowSize, &reads)
		found := false
		if err := r.Lookup([KeySize]byte(rows[i]), func([]byte) bool { found = true; return true }); err != nil || !found {
			t.Fatal(found, err)
		}
		total += reads
		if reads > 3 {
			t.Errorf("row %d: %d reads", i, reads)
		}
	}
	if lookups := (n + 1998) / 1999; total > lookups*5/4 {
		t.Errorf("%d reads for %d lookups", total, lookups)
	}
}

func TestEveryFlipIsFound(t *testing.T) {
	const n, rowSize = 150, 40
	data := build(t, rowSize, makeRows(n, rowSize, 1))
	for i := range data {
		data[i] ^= 1 << (i % 8)
		var err error
		for _, e := range open(data, n, rowSize, nil).Rows() {
			err = e
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Fatalf("flip in byte %d: %v", i, err)
		}
		data[i] ^= 1 << (i % 8)
	}
}
