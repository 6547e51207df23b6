package gitinfo

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"os"
	"testing"
	"time"
)

// The checksum is put right, so that it does not hide the rest.
func FuzzMemory(f *testing.F) {
	for _, n := range []int{0, 3} {
		b := someMemory(n).encode()
		f.Add(b[:len(b)-sha1.Size])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sum := sha1.Sum(b)
		m, ok := decodeMemory(append(bytes.Clone(b), sum[:]...))
		if !ok {
			return
		}
		m.new = m.old
		again, ok := decodeMemory(m.encode())
		if !ok || fmt.Sprint(again.old) != fmt.Sprint(m.old) {
			t.Error("what was decoded does not survive")
		}
	})
}

// A mutated index is an error or an index, whatever its checksum.
func FuzzIndex(f *testing.F) {
	p := newProject(f)
	p.commit()
	for _, version := range []string{"2", "4"} {
		p.git("update-index", "--index-version", version)
		b, err := os.ReadFile(p.path(".git/index"))
		p.must(err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		clear(b[max(0, len(b)-sha1.Size):])
		ix, err := parseIndex(b, time.Now())
		if err == nil && (len(ix.assumed) != len(ix.entries) || len(ix.staged()) > len(ix.entries)) {
			t.Error("inconsistent")
		}
	})
}

func FuzzTree(f *testing.F) {
	f.Add([]byte("100644 a\x0012345678901234567890" + "40000 b\x0012345678901234567890"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			e, rest, err := nextEntry(b)
			if err != nil {
				return
			}
			if e.name == "" || len(rest) >= len(b) {
				t.Fatalf("%+v", e)
			}
			b = rest
		}
	})
}
