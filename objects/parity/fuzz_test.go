package parity

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

// useAll does everything with a parity file that may be hostile.
func useAll(t *testing.T, b backend.Backend) {
	g, err := Open(ctx, b, testName)
	if err != nil {
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrFormat) {
			t.Fatalf("open: %v", err)
		}
		return
	}
	head := g.encode()
	if again, err := decodeHeader(head); err != nil || !bytes.Equal(again.encode(), head) {
		t.Fatalf("not canonical: %v", err)
	}
	if err := g.Verify(ctx); err != nil && !errors.Is(err, ErrCorrupt) {
		t.Fatalf("verify: %v", err)
	}
	if _, err := g.Damage(ctx); err != nil {
		t.Fatalf("damage: %v", err)
	}
	for _, f := range g.Files()[:min(3, len(g.files))] {
		var w bytes.Buffer
		if err := g.Rebuild(ctx, f.Key, &w); err == nil && int64(w.Len()) != f.Size {
			t.Fatalf("rebuilt %d of %d bytes", w.Len(), f.Size)
		}
	}
	if err := g.Heal(ctx, io.Discard); err == nil && g.total > 1<<20 {
		t.Fatal("healed from nothing")
	}
}

// FuzzOpen is given whole parity files.
func FuzzOpen(f *testing.F) {
	for _, sizes := range [][]int{{0}, {100}, {1500, 3, 600}} {
		all := protect(f, 3, sizes...).want[testName.Key()]
		f.Add(all)
		f.Add(all[:len(all)/2])
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		b := backend.NewMem()
		if err := b.Put(ctx, testName.Key(), file); err != nil {
			t.Fatal(err)
		}
		useAll(t, b)
	})
}

// FuzzHeader is given headers without their checksum: what is accepted is what
// is written.
func FuzzHeader(f *testing.F) {
	for _, sizes := range [][]int{{0}, {100}, {1500, 3, 600}, {0, 70_000}} {
		head := protect(f, 3, sizes...).open().encode()
		f.Add(head[:len(head)-len(digest{})])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d := sum(body)
		head := append(slices.Clone(body), d[:]...)
		h, err := decodeHeader(head)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(h.encode(), head) {
			t.Fatalf("accepted %x, writes %x", head, h.encode())
		}
		h.name = testName
		head = h.encode()
		b := backend.NewMem()
		if err := b.Put(ctx, testName.Key(), append(h.locate(testName, len(head)).encode(prefixMagic), head...)); err != nil {
			t.Fatal(err)
		}
		useAll(t, b)
	})
}

// FuzzMalleability: a prefix or trailer that is accepted is what is written.
func FuzzMalleability(f *testing.F) {
	all := protect(f, 3, 100).want[testName.Key()]
	f.Add(all[:locatorSize])
	f.Add(all[len(all)-locatorSize:])
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, magic := range []string{prefixMagic, trailerMagic} {
			if l, err := parseLocator(p, magic); err == nil && !bytes.Equal(l.encode(magic), p) {
				t.Fatalf("accepted %x, writes %x", p, l.encode(magic))
			}
		}
	})
}
