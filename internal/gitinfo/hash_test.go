package gitinfo

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// CRLFs lie on every place around the blocks' ends.
func TestHashFile(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	name := filepath.Join(t.TempDir(), "file")
	for _, size := range []int{0, 1, 2, 3, 511, 512, 513, hashBlock - 2, hashBlock - 1, hashBlock, hashBlock + 1, 3*hashBlock + 7} {
		for range 4 {
			content := make([]byte, size)
			for i := range content {
				content[i] = "\r\r\na"[rnd.IntN(4)]
			}
			if err := os.WriteFile(name, content, 0o666); err != nil {
				t.Fatal(err)
			}
			st, err := lstat(name)
			if err != nil {
				t.Fatal(err)
			}
			f, steady, err := hashFile(context.Background(), name, st.stamp)
			if err != nil || !steady {
				t.Fatal(steady, err)
			}
			want := fact{stamp: st.stamp, raw: plumbing.ComputeHash(plumbing.BlobObject, content)}
			if lf := bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")); len(lf) < size {
				want.lf = plumbing.ComputeHash(plumbing.BlobObject, lf)
			}
			if f != want {
				t.Fatalf("%d bytes: got %v, want %v", size, f, want)
			}
			st.size++
			if _, steady, err := hashFile(context.Background(), name, st.stamp); err != nil || steady {
				t.Fatal("another file passes for this one", err)
			}
		}
	}
}
