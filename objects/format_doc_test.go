package objects

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestWorkedExample holds the example of docs/format.md against the code.
func TestWorkedExample(t *testing.T) {
	data := []byte("{\"hello\": 42}\n")
	nodes := memNodes{}
	e := TreeEntry{Path: "hello.json", Blob: HashBlob(data), Size: int64(len(data))}
	tree, err := OpenTree(TreeID{}, nodes).Apply(context.Background(), []TreeEdit{{TreeEntry: e}}, nodes.put)
	if err != nil {
		t.Fatal(err)
	}
	v := Version{Tree: tree.ID, Seq: 1, Generation: 1, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Author: "ada", Message: "first",
		Added: 1, Models: 1, Bytes: e.Size, Changes: []Change{{Path: e.Path, Status: Added, Blob: e.Blob, Size: e.Size, Kind: "json"}}}
	enc, id := v.Encode()
	var want strings.Builder
	part := func(what string, n int) {
		fmt.Fprintf(&want, "%s  %s\n", hex.EncodeToString(enc[:n]), what)
		enc = enc[n:]
	}
	part("format", 1)
	part("tree", 32)
	part("parents, sequence number, generation", 3)
	part("seconds, nanoseconds", 6)
	part(`author "ada"`, 4)
	part(`message "first"`, 6)
	part("source, params, metrics, metadata", 4)
	part("errors, warnings, notes", 3)
	part("added, changed, removed, models, bytes", 5)
	part("1 change: added", 2)
	part(`"hello.json"`, 11)
	part("blob", 32)
	part("size 14", 1)
	part(`kind "json"`, 5)
	fmt.Fprintf(&want, "\nblob     %s\nversion  %s\n", e.Blob, id)
	if len(enc) > 0 {
		t.Fatalf("%d bytes more", len(enc))
	}
	doc, err := os.ReadFile("../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "```\n"+want.String()+"```\n") {
		t.Errorf("docs/format.md should say:\n%s", want.String())
	}
}
