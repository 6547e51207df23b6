package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// taken waits until the source has told of a path.
func taken(t *testing.T, n *Notifier, want string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case <-n.Ready():
			if changed, _ := n.Take(); slices.Contains(changed, want) {
				return
			}
		case <-deadline:
			t.Fatalf("nothing was told of %s", want)
		}
	}
}

func TestNotifier(t *testing.T) {
	root := t.TempDir()
	n, err := NewNotifier(root)
	if err != nil {
		t.Skipf("no notification here: %v", err)
	}
	defer n.Close()
	if err := n.Watch("."); err != nil {
		t.Fatal(err)
	}
	if err := n.Watch("nonesuch"); err != nil {
		t.Errorf("a directory that is not there: %v", err)
	}
	dir := filepath.Join(root, "sub")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	taken(t, n, "sub")
	for range 2 { // the second time after it was moved away, and another has come
		if err := n.Watch("sub"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a.json"), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
		taken(t, n, "sub/a.json")
		if err := os.Rename(dir, filepath.Join(root, "away")); err != nil {
			t.Fatal(err)
		}
		taken(t, n, "sub")
		if err := os.RemoveAll(filepath.Join(root, "away")); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// Of very many changes, and of what cannot be told, only that there are some is kept.
func TestNotifierBounds(t *testing.T) {
	n := &Notifier{root: "/root", ready: make(chan struct{}, 1), changed: map[string]bool{}}
	n.note("/root/a")
	if changed, all := n.Take(); !slices.Equal(changed, []string{"a"}) || all {
		t.Errorf("%q %v", changed, all)
	}
	for _, name := range []string{"", "/elsewhere"} {
		n.note(name)
		if changed, all := n.Take(); len(changed) != 0 || !all {
			t.Errorf("%q: %q %v", name, changed, all)
		}
	}
	for i := range maxChanged + 1 {
		n.note(fmt.Sprintf("/root/%d", i))
	}
	if changed, all := n.Take(); len(changed) != maxChanged || !all {
		t.Errorf("%d %v", len(changed), all)
	}
	if changed, all := n.Take(); len(changed) != 0 || all {
		t.Errorf("again: %d %v", len(changed), all)
	}
}
