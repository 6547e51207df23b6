package journal

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
)

// TestWorkedBatch holds the example of docs/format.md against the code.
func TestWorkedBatch(t *testing.T) {
	b := backend.NewMem()
	w := newStore(t, b)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w.s.tail[0].Ops = nil // nothing random in it
	w.s.tail[0].Tx, w.s.tail[0].Time, w.s.Hash = [16]byte{1}, at, Hash{}
	var err error
	w.s, err = w.j.AppendAll(t.Context(), w.s, []Draft{
		{Time: at, Tx: [16]byte{2}, Ops: []Op{{Kind: OpSetConfig, Key: "a", Value: "1"}}},
		{Time: at, Tx: [16]byte{3}, Ops: []Op{{Kind: OpUnsetConfig, Key: "a"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := backend.ReadAll(t.Context(), b, entryKey(2), 1<<10)
	if err != nil {
		t.Fatal(err)
	}
	f, err := decodeFile(file, 2)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	part := func(what string, n int) {
		fmt.Fprintf(&want, "%s  %s\n", hex.EncodeToString(file[:n]), what)
		file = file[n:]
	}
	core := func(ops string, n int) {
		part("number", 1)
		part("hash of the entry before", 32)
		part("transaction", 16)
		part("nanoseconds", 9)
		part(ops, n)
	}
	part(`magic "MSTOREJE"`, 8)
	part("format 2", 4)
	part("length of the first core", 4)
	core(`1 operation: 7, "a", "1"`, 6)
	part("1 further core, its length", 2)
	core(`1 operation: 8, "a"`, 4)
	part("1 digest: of entry 1, which is not in one file with another", 2)
	part("transaction", 16)
	part("nanoseconds", 9)
	part("0 operations", 1)
	part("crc", 4)
	fmt.Fprintf(&want, "\nentry 2  %x\nentry 3  %x\n", objects.EntryHash(f.cores[0]), f.hash())
	if len(file) > 0 {
		t.Fatalf("%d bytes more", len(file))
	}
	doc, err := os.ReadFile("../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "```\n"+want.String()+"```\n") {
		t.Errorf("docs/format.md should say:\n%s", want.String())
	}
}
