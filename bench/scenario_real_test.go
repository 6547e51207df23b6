package main

import (
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestReadPasts(t *testing.T) {
	dir := t.TempDir()
	write(t, "one", dir, "net", "001-1.0", "m.bin")
	write(t, "one", dir, "net", "002-1.1", "m.bin") // no change
	write(t, "two2", dir, "net", "003-2.0", "m.bin")
	write(t, "two2", dir, "net", "004-2.1", "m.bin")
	write(t, "", dir, "net", "004-2.1", "sub", "n.bin")
	write(t, "one", dir, "net", "005-3.0", "m.bin")
	write(t, "", dir, "net", "notes.txt")
	write(t, "x", dir, "other", "001-a", "m.bin")
	write(t, "x", dir, ".hidden", "001-a", "m.bin")
	write(t, "", dir, "MANIFEST")

	ps, err := readPasts(dir, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(ps) != 2 || ps[0].name != "net" || ps[1].name != "other" {
		t.Fatalf("got %+v, want net and other", ps)
	}
	var versions []string
	for _, v := range ps[0].versions {
		versions = append(versions, filepath.Base(v))
	}
	if len(versions) != 4 || versions[0] != "001-1.0" || versions[1] != "003-2.0" || versions[2] != "004-2.1" || versions[3] != "005-3.0" {
		t.Errorf("versions %v", versions)
	}
	if ps[0].raw != 3+4+4+3 || ps[0].same != 1 {
		t.Errorf("%d bytes and %d versions left out, want 14 and 1", ps[0].raw, ps[0].same)
	}
	if ps, err = readPasts(dir, 2); err != nil || len(ps[0].versions) != 2 {
		t.Errorf("at most two versions: got %+v, %v", ps, err)
	}
	if _, err := readPasts(filepath.Join(dir, "missing"), 1); err == nil {
		t.Error("a missing directory was accepted")
	}
}

func TestBecome(t *testing.T) {
	dir, version := t.TempDir(), t.TempDir()
	write(t, "old", dir, "gone", "m.bin")
	write(t, "old", dir, "m.bin")
	write(t, "kept", dir, ".mstore", "pack")
	write(t, "new", version, "m.bin")
	write(t, "more", version, "sub", "n.bin")
	if err := become(dir, version); err != nil {
		t.Fatal(err)
	}
	if err := sameTree(version, dir); err != nil {
		t.Error(err)
	}
	if n, err := diskSize(filepath.Join(dir, ".mstore"), ""); n != 4 || err != nil {
		t.Errorf("the repository has %d bytes, %v; want 4", n, err)
	}
	write(t, "", dir, "extra")
	if err := sameTree(version, dir); !errors.Is(err, errDiffers) {
		t.Errorf("one file too many: got %v", err)
	}
}

func TestSums(t *testing.T) {
	var s sums
	for i := range int64(3) {
		s.add(row{what: commitRow, system: "git", u: usage{time.Second, time.Minute, 10 - i}, size: 5}, 20)
	}
	s.add(row{what: commitRow, system: "mstore", size: 1}, 20)
	if len(s) != 2 {
		t.Fatalf("%d sums, want 2", len(s))
	}
	want := sum{row{what: commitRow, system: "git", u: usage{3 * time.Second, 3 * time.Minute, 10}, size: 15}, 60, 3}
	if *s[0] != want {
		t.Errorf("got %+v, want %+v", *s[0], want)
	}
}
