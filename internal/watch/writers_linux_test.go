package watch

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestWriters(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	written, read, mine := filepath.Join(dir, "written"), filepath.Join(dir, "read"), filepath.Join(dir, "mine")
	for _, name := range []string{written, read, mine} {
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w, err := os.OpenFile(written, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := os.Open(read)
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.OpenFile(mine, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	cmd := exec.Command("sleep", "1000")
	cmd.ExtraFiles = []*os.File{w, r}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r.Close()
	open := Writers([]string{written, read, mine})
	if !open[written] || open[read] || open[mine] {
		t.Errorf("%v", open)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if open := Writers([]string{written}); open[written] {
		t.Error("its writer has gone")
	}
}
