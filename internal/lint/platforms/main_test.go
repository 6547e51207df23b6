package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What does not compile on one platform is found there, in a package that another
// imports, and there alone.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":             "module example.com/m\n\ngo 1.26.0\n",
		"main.go":            "package main\n\nimport \"example.com/m/low\"\n\nfunc main() { low.Do() }\n",
		"low/low_unix.go":    "//go:build unix\n\npackage low\n\nfunc Do() {}\n",
		"low/low_windows.go": "package low\n\nfunc Do() { missing() }\n",
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	n, problems, err := check(dir, "linux/arm64")
	if err != nil || n != 2 || len(problems) > 0 {
		t.Errorf("linux: %d packages, %q, %v", n, problems, err)
	}
	_, problems, err = check(dir, "windows/amd64")
	if err != nil || len(problems) != 1 || !strings.Contains(problems[0], "undefined: missing") {
		t.Errorf("windows: %q, %v", problems, err)
	}
	if _, _, err := check(dir, "windows"); err == nil {
		t.Error("windows: taken for a platform")
	}
}
