package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func write(t *testing.T, data string, elem ...string) {
	t.Helper()
	name := filepath.Join(elem...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSameModels(t *testing.T) {
	want := t.TempDir()
	write(t, "abc", want, "a", "m.json")
	write(t, "", want, "empty.json")
	write(t, "not a model", want, ".mstore", "pack")
	for name, c := range map[string]struct {
		m, empty string
		same     bool
	}{
		"same":    {"abc", "", true},
		"changed": {"abd", "", false},
		"short":   {"ab", "", false},
		"long":    {"abcd", "", false},
		"filled":  {"abc", "x", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := t.TempDir()
			write(t, c.m, got, "a", "m.json")
			write(t, c.empty, got, "empty.json")
			err := sameModels(want, got)
			if c.same && err != nil || !c.same && !errors.Is(err, errDiffers) {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := sameModels(want, t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing files: got %v", err)
	}
}

func TestSizes(t *testing.T) {
	dir := t.TempDir()
	write(t, "12345", dir, "model.json")
	write(t, "123", dir, ".mstore", "objects", "work")
	write(t, "1234567", dir, ".mstore", "work", "cache")
	if n, err := rawSize(dir); n != 5 || err != nil {
		t.Errorf("rawSize: %d, %v; want 5", n, err)
	}
	if n, err := diskSize(filepath.Join(dir, ".mstore"), "work"); n != 3 || err != nil {
		t.Errorf("diskSize: %d, %v; want 3", n, err)
	}
	if n, err := diskSize(filepath.Join(dir, ".mstore"), ""); n != 10 || err != nil {
		t.Errorf("diskSize of all: %d, %v; want 10", n, err)
	}
}

func TestMedian(t *testing.T) {
	got := median([]usage{{3 * time.Second, 1, 20}, {1 * time.Second, 3, 10}, {2 * time.Second, 2, 30}})
	if want := (usage{2 * time.Second, 2, 20}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := median(nil); got != (usage{}) {
		t.Errorf("of nothing: %v", got)
	}
}
