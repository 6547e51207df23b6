package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// TestPieceTable: of very many pieces the first and the last are shown, in the
// same columns.
func TestPieceTable(t *testing.T) {
	a := &app{style: newStyle(false)}
	for _, c := range []struct{ pieces, lines int }{{1, 2}, {mostPieces, mostPieces + 1}, {mostPieces + 1, 1 + firstPieces + 1 + lastPieces}, {1000, 1 + firstPieces + 1 + lastPieces}} {
		var pieces []store.StoredPiece
		for i := range c.pieces {
			pieces = append(pieces, store.StoredPiece{Offset: int64(i) * 1e6, PieceInfo: &objects.PieceInfo{Raw: 1e6, Stored: 1e5}})
		}
		var b bytes.Buffer
		if err := a.pieceTable(pieces).write(&b); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != c.lines {
			t.Fatalf("%d pieces: %d lines\n%s", c.pieces, len(lines), b.String())
		}
		if c.pieces == 1000 {
			for i, want := range map[int]string{20: " 19,000,000  1.0 MB  raw", 21: "… 975 pieces left out; --json has all", 22: "995,000,000  1.0 MB  raw"} {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %d is %q, want %q", i, lines[i], want)
				}
			}
		}
	}
}
