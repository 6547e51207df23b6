package corpus

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// digest hashes the names and bytes of all files below dir.
func digest(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintf(h, "%s\x00", filepath.ToSlash(rel))
		_, err = io.Copy(h, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// The same bytes on every machine: a difference here makes measurements of
// different days incomparable. Change a corpus under a new name or on purpose.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		kind  string
		scale float64
		want  string
	}{
		{"musichal", 0.01, "c00e203c60f50110"},
		{"lineage", 0.01, "59a9c9c291efb69b"},
		{"weights", 0.002, "3bca00b59e62af30"},
		{"pairs", 0.002, "5cd7131282d29f00"},
		{"many", 0.002, "497b3f8581aa1669"},
		{"train", 0.05, "95a0b7948b83f781"},
		{"large", 0.002, "6200c8c890a0b3ac"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := Write(c.kind, dir, c.scale); err != nil {
				t.Fatal(err)
			}
			if got := digest(t, dir); got != c.want {
				t.Errorf("digest %s, want %s", got, c.want)
			}
		})
	}
}

// testdata/models is what this package writes.
func TestTestdata(t *testing.T) {
	dir := t.TempDir()
	if err := Write("testdata", dir, 1); err != nil {
		t.Fatal(err)
	}
	shipped := filepath.Join("..", "..", "testdata", "models")
	for _, kind := range []string{"oracle", "safetensors"} {
		if got, want := digest(t, filepath.Join(shipped, kind)), digest(t, filepath.Join(dir, kind)); got != want {
			t.Errorf("testdata/models/%s has digest %s, the generator gives %s (make testdata)", kind, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	dir := t.TempDir()
	if err := Write("musichal", dir, 0.01); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	broken := 0
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(b) {
			broken++
		}
		// indented files are laid out as Python's json.dump does
		if json.Valid(b) && bytes.HasPrefix(b, []byte("{\n")) {
			var out bytes.Buffer
			if err := json.Indent(&out, b, "", "  "); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), b) {
				t.Errorf("%s is not indented by two", filepath.Base(name))
			}
		}
	}
	if len(names) != 183 || broken != 2 {
		t.Errorf("%d models, %d broken; want 183 and 2", len(names), broken)
	}
}

func TestUnknownKind(t *testing.T) {
	if err := Write("nothing", t.TempDir(), 1); err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("got %v", err)
	}
	if err := Write("many", t.TempDir(), 0); err == nil {
		t.Error("scale 0 was accepted")
	}
}

func TestAppendFloat(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want string
	}{
		{0, "0.0"}, {1, "1.0"}, {-2.5, "-2.5"}, {0.1, "0.1"}, {1e-4, "0.0001"}, {5e-5, "5e-05"}, {1e16, "1e+16"},
		{123456789012345680, "1.2345678901234568e+17"}, {1e15, "1000000000000000.0"}, {float64(float32(0.1)), "0.10000000149011612"},
	} {
		if got := string(appendFloat(nil, c.x)); got != c.want {
			t.Errorf("%v: got %s, want %s", c.x, got, c.want)
		}
	}
}

func TestNorm(t *testing.T) {
	r := newRNG(1, 2)
	var sum, squares float64
	const n = 200_000
	for range n {
		x := r.norm()
		sum, squares = sum+x, squares+x*x
	}
	if mean, variance := sum/n, squares/n; math.Abs(mean) > 0.01 || math.Abs(variance-1) > 0.01 {
		t.Errorf("mean %v, variance %v; want 0 and 1", mean, variance)
	}
}

// A factor oracle accepts every factor of its sequence and has one state more
// than the sequence has symbols.
func TestOracle(t *testing.T) {
	r := newRNG(3, 4)
	o := newOracle()
	var seq []int
	for range 200 {
		s := r.IntN(4)
		seq = append(seq, s)
		o.add(s)
	}
	if len(o.link) != len(seq)+1 {
		t.Fatalf("%d states for %d symbols", len(o.link), len(seq))
	}
	for i := range seq {
		state := 0
		for k, s := range seq[i:] {
			to, ok := o.step(state, s)
			if !ok {
				t.Fatalf("factor at %d stops after %d symbols", i, k)
			}
			state = to
		}
	}
}
