package objects

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func someVersions() map[string]*Version {
	at := time.Date(2026, 11, 1, 12, 30, 0, 123456789, time.UTC)
	return map[string]*Version{
		"zero": {Time: time.Unix(0, 0).UTC()},
		"first": {Tree: TreeID{1, 2}, Seq: 1, Generation: 1, Time: at, Author: "ada", Message: "first", Added: 1, Models: 1, Bytes: 5,
			Changes: []Change{{Path: "model.json", Status: Added, Blob: HashBlob([]byte("hello")), Size: 5}}},
		"everything": {Tree: TreeID{3}, Parents: []VersionID{{4}, {5, 6}}, Seq: 12, Generation: 20, Time: at.Add(time.Hour),
			Author: "Ada Lovelace <ada@example.org>", Message: "two lines\nüñí", Source: "train.py",
			Params:  map[string]any{"lr": 0.001, "layers": int64(24), "bf16": true, "fast": false, "name": "x", "": ""},
			Metrics: map[string]any{"loss": 0.25, "neg": -1.5, "big": 1e300, "steps": int64(-7)},
			Meta:    map[string]any{"git.commit": "0123abcd", "git.dirty": true, "source.size": int64(7)},
			Quality: Quality{Errors: 1, Warnings: 70, Notes: []Note{{Path: "a/b.json", Error: true, Rule: "schema", Place: "$.a[3]", Text: "3:4: is 7"},
				{Path: "a/c.json", Rule: "few-states", Text: "has 7 states only"}}},
			Added: 1, Changed: 1, Removed: 1, Models: 900, Bytes: 1 << 40,
			Changes: []Change{
				{Path: "a/b.json", Status: Added, Blob: BlobID{7}, Kind: "audio_oracle"},
				{Path: "a/c.json", Status: Changed, Blob: BlobID{8}, Size: 1 << 33, PrevSize: 9},
				{Path: "é.bin", Status: Removed, Blob: BlobID{9}, Size: 10, PrevSize: 10},
			}},
		"long ago": {Time: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), Seq: math.MaxUint64, Generation: math.MaxUint64},
		"counts":   {Time: time.Unix(1<<40, 999999999).UTC(), Added: 100_000, Models: 100_000},
	}
}

// The same fields give the same ID on any machine: the golden file holds them.
func TestVersionGolden(t *testing.T) {
	vs := someVersions()
	var b strings.Builder
	for _, name := range []string{"zero", "first", "everything", "long ago", "counts"} {
		enc, id := vs[name].Encode()
		fmt.Fprintf(&b, "%s\n%s\n%x\n\n", name, id, enc)
	}
	rc := Recipe{Blob: BlobID{1}, Parts: []Part{{PieceID{2}, 1 << 20, 77}, {PieceID{3}, 5, 77}}}
	enc, id := rc.Encode()
	fmt.Fprintf(&b, "recipe\n%s\n%x\n\n", id, enc)
	node := treeNode{level: 1, items: []treeItem{{key: "a/b", id: [32]byte{1}, size: 5, count: 2}, {key: "a/c", id: [32]byte{2}, size: 300, count: 1}}}
	enc, tid := node.encode()
	fmt.Fprintf(&b, "tree node\n%s\n%x\n\n", tid, enc)
	fmt.Fprintf(&b, "blob\n%s\n\nentry\n%x\n", HashBlob([]byte("hello")), EntryHash([]byte("core")))

	golden := filepath.Join("testdata", "ids.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), b.String()); diff != "" {
		t.Errorf("IDs changed (-want +got; a new format needs a new number, else -update):\n%s", diff)
	}
}

func TestVersionRoundTrip(t *testing.T) {
	for name, v := range someVersions() {
		enc, id := v.Encode()
		got, gotID, err := DecodeVersion(enc)
		if err != nil || gotID != id {
			t.Errorf("%s: %s, %v, want %s", name, gotID, err, id)
			continue
		}
		if diff := cmp.Diff(v, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		local := *v
		local.Time = v.Time.In(time.FixedZone("x", 3600))
		if _, got := local.Encode(); got != id {
			t.Errorf("%s has another ID in another time zone", name)
		}
		for n := range enc {
			if _, _, err := DecodeVersion(enc[:n]); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s, %d bytes: %v", name, n, err)
			}
		}
		if _, _, err := DecodeVersion(append(enc, 0)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s and a byte more: %v", name, err)
		}
	}
}

func TestVersionRefused(t *testing.T) {
	swap := someVersions()["everything"]
	swap.Changes[0], swap.Changes[1] = swap.Changes[1], swap.Changes[0]
	status := someVersions()["first"]
	status.Changes[0].Status = Unchanged
	for name, v := range map[string]*Version{"paths out of order": swap, "a status that is not stored": status, "a negative size": {Bytes: -1}} {
		enc, _ := v.Encode()
		if _, _, err := DecodeVersion(enc); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	enc, _ := someVersions()["first"].Encode()
	enc[0]++
	if _, _, err := DecodeVersion(enc); !errors.Is(err, ErrCorrupt) {
		t.Errorf("another format: %v", err)
	}
}

func TestRecipe(t *testing.T) {
	for _, r := range []*Recipe{
		{Blob: BlobID{1}, Parts: []Part{}},
		{Blob: BlobID{1}, Parts: []Part{{PieceID{2}, 5, 0}, {PieceID{2}, 0, 0}, {PieceID{3}, 1 << 40, 0}}},
	} {
		enc, id := r.Encode()
		got, gotID, err := DecodeRecipe(enc)
		if err != nil || gotID != id || !reflect.DeepEqual(got, r) {
			t.Errorf("%+v, %s, %v, want %+v, %s", got, gotID, err, r, id)
		}
	}
	if n := (&Recipe{Parts: []Part{{Size: 5}, {Size: 7}}}).Size(); n != 12 {
		t.Errorf("%d bytes", n)
	}
	for _, bad := range []*Recipe{
		{Parts: []Part{{Size: 1 << 51}}},
		{Parts: make([]Part, 1<<12)},
	} {
		for i := range bad.Parts {
			bad.Parts[i].Size = max(bad.Parts[i].Size, 1<<50)
		}
		enc, _ := bad.Encode()
		if _, _, err := DecodeRecipe(enc); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes in %d parts: %v", bad.Size(), len(bad.Parts), err)
		}
	}
}

func TestParseID(t *testing.T) {
	id := HashBlob([]byte("hello"))
	if id.String() != "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f" { // b3sum
		t.Errorf("the blob ID of hello is %s", id)
	}
	if got, err := ParseBlobID(id.String()); err != nil || got != id {
		t.Errorf("%s, %v", got, err)
	}
	v := VersionID(id)
	if got, err := ParseVersionID(v.String()); err != nil || got != v || v.Short() != v.String()[:10] || v.IsZero() || !(VersionID{}).IsZero() {
		t.Errorf("%s, %v", got, err)
	}
	for _, bad := range []string{"", id.String()[:63], id.String() + "0", strings.ToUpper(id.String()), "x" + id.String()[1:], " " + id.String()[1:]} {
		if _, err := ParseBlobID(bad); !errors.Is(err, ErrBadID) {
			t.Errorf("%q: %v", bad, err)
		}
		if _, err := ParseVersionID(bad); !errors.Is(err, ErrBadID) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzVersion(f *testing.F) {
	for _, v := range someVersions() {
		enc, _ := v.Encode()
		f.Add(enc)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, id, err := DecodeVersion(b)
		if err != nil {
			return
		}
		if again, id2 := v.Encode(); string(again) != string(b) || id != id2 {
			t.Fatalf("accepted %x, writes %x", b, again)
		}
	})
}

func FuzzRecipe(f *testing.F) {
	r := Recipe{Blob: BlobID{1}, Parts: []Part{{PieceID{2}, 5, 9}, {PieceID{3}, 1 << 40, 9}}}
	enc, _ := r.Encode()
	f.Add(enc)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, id, err := DecodeRecipe(b)
		if err != nil {
			return
		}
		if again, id2 := r.Encode(); string(again) != string(b) || id != id2 {
			t.Fatalf("accepted %x, writes %x", b, again)
		}
	})
}

// A tree node is as small as real ones are, or refused: paths that share long
// prefixes would unfold into more memory than they take.
func TestTreeNodeBounds(t *testing.T) {
	many := treeNode{}
	for i := range 1000 {
		many.items = append(many.items, treeItem{key: fmt.Sprintf("%05d", i), count: 1})
	}
	long := treeNode{items: []treeItem{{key: strings.Repeat("x", 1<<17), count: 1}}}
	for name, n := range map[string]treeNode{"many entries": many, "a long path": long} {
		enc, id := n.encode()
		if err := VerifyTreeNode(id, enc); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	enc, id := (&treeNode{items: []treeItem{{key: strings.Repeat("x", 4096), count: 1}}}).encode()
	if err := VerifyTreeNode(id, enc); err != nil {
		t.Errorf("a path of 4096 bytes: %v", err)
	}
}
