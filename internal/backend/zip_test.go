package backend_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/backendtest"
)

func zipOf(t testing.TB, keys map[string]string) []byte {
	t.Helper()
	m := backend.NewMem()
	for key, data := range keys {
		if err := m.Put(ctx, key, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := backend.WriteZip(ctx, &out, m, nil, ""); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openZip(b []byte) (*backend.Zip, error) {
	return backend.OpenZip(bytes.NewReader(b), int64(len(b)))
}

func TestZip(t *testing.T) {
	backendtest.RunReadOnly(t, func(t *testing.T, keys map[string]string) backend.Backend {
		z, err := openZip(zipOf(t, keys))
		if err != nil {
			t.Fatal(err)
		}
		if err := z.Verify(ctx, func(int64) {}); err != nil {
			t.Fatal(err)
		}
		return z
	})
}

// entry is what a hostile archive says.
type zipItem struct {
	name, data string
	change     func(h *zip.FileHeader)
}

func hostileZip(t testing.TB, items ...zipItem) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, x := range items {
		h := &zip.FileHeader{Name: x.name, Method: zip.Store, UncompressedSize64: uint64(len(x.data)), CompressedSize64: uint64(len(x.data))}
		if x.change != nil {
			x.change(h)
		}
		w, err := z.CreateRaw(h)
		if err == nil {
			_, err = io.WriteString(w, x.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestZipHostile: archives that are not what a backend can be are refused.
func TestZipHostile(t *testing.T) {
	size := func(n uint64) func(h *zip.FileHeader) {
		return func(h *zip.FileHeader) { h.UncompressedSize64, h.CompressedSize64 = n, n }
	}
	good := hostileZip(t, zipItem{"a", "data", nil}, zipItem{"b", "more", nil})
	if _, err := openZip(good); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"empty":         nil,
		"no zip":        []byte(strings.Repeat("no zip ", 100)),
		"dots":          hostileZip(t, zipItem{"../../etc/passwd", "x", nil}),
		"dots within":   hostileZip(t, zipItem{"objects/../../x", "x", nil}),
		"absolute":      hostileZip(t, zipItem{"/etc/passwd", "x", nil}),
		"backslash":     hostileZip(t, zipItem{`objects\x`, "x", nil}),
		"directory":     hostileZip(t, zipItem{"objects/", "", nil}),
		"hidden":        hostileZip(t, zipItem{".tmp", "x", nil}),
		"upper case":    hostileZip(t, zipItem{"Objects/x", "x", nil}),
		"no name":       hostileZip(t, zipItem{"", "x", nil}),
		"twice":         hostileZip(t, zipItem{"a", "one", nil}, zipItem{"a", "two", nil}),
		"compressed":    hostileZip(t, zipItem{"a", "x", func(h *zip.FileHeader) { h.Method = zip.Deflate }}),
		"grows":         hostileZip(t, zipItem{"a", "x", func(h *zip.FileHeader) { h.UncompressedSize64 = 1 << 40 }}),
		"gigantic":      hostileZip(t, zipItem{"a", "x", size(1 << 62)}),
		"beyond 63 bit": hostileZip(t, zipItem{"a", "x", size(1<<64 - 2)}),
		"too long":      hostileZip(t, zipItem{"a", "x", size(1000)}),
		"overlapping":   hostileZip(t, zipItem{"a", "x", size(50)}, zipItem{"b", strings.Repeat("y", 200), nil}),
		"encrypted":     hostileZip(t, zipItem{"a", "x", func(h *zip.FileHeader) { h.Flags |= 1 }}),
		"same place":    samePlace(t),
	} {
		if z, err := openZip(b); !errors.Is(err, backend.ErrCorrupt) {
			t.Errorf("%s: %v, %v", name, z, err)
		}
	}
}

// samePlace is an archive with two entries in its directory for one in the file.
func samePlace(t testing.TB) []byte {
	b := hostileZip(t, zipItem{"a", "data", nil}, zipItem{"b", "data", nil})
	second := bytes.LastIndex(b, []byte("PK\x01\x02"))
	first := bytes.Index(b, []byte("PK\x01\x02"))
	copy(b[second+42:second+46], b[first+42:first+46])
	return b
}

// TestZipDamaged: no cut and no flipped bit goes unseen or reads outside of the archive.
func TestZipDamaged(t *testing.T) {
	b := zipOf(t, map[string]string{"a": "some bytes", "journal/e1": "entry", "objects/x": "pack"})
	for n := range len(b) {
		if _, err := openZip(b[:n]); !errors.Is(err, backend.ErrCorrupt) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(b), err)
		}
	}
	unseen := 0
	for i := range len(b) * 8 {
		c := bytes.Clone(b)
		c[i/8] ^= 1 << (i % 8)
		z, err := openZip(c)
		if err == nil {
			err = z.Verify(ctx, func(int64) {})
		}
		if err != nil && !errors.Is(err, backend.ErrCorrupt) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("bit %d: %v", i, err)
		}
		if err != nil {
			continue
		}
		for key, want := range map[string]string{"a": "some bytes", "objects/x": "pack"} {
			if got, err := backend.ReadAll(ctx, z, key, 100); err == nil && string(got) != want {
				t.Fatalf("bit %d: %q is %q", i, key, got)
			}
		}
		unseen++ // of times, attributes, names
	}
	t.Logf("%d of %d flipped bits do not matter", unseen, len(b)*8)
}

// TestZipFails: an error of the disk is not taken for damage.
func TestZipFails(t *testing.T) {
	b := zipOf(t, map[string]string{"a": "some bytes", "b": "others"})
	broken := errors.New("disk does not answer")
	for k := range 8 {
		r := &failingReaderAt{bytes.NewReader(b), k, broken}
		z, err := backend.OpenZip(r, int64(len(b)))
		if err == nil {
			err = z.Verify(ctx, func(int64) {})
		}
		if err != nil && !errors.Is(err, broken) {
			t.Errorf("failing at read %d: %v", k, err)
		}
	}
}

type failingReaderAt struct {
	io.ReaderAt
	left int
	err  error
}

func (r *failingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if r.left--; r.left < 0 {
		return 0, r.err
	}
	return r.ReaderAt.ReadAt(p, off)
}

// TestZipLarge: entries that need the 64-bit form.
func TestZipLarge(t *testing.T) {
	var out bytes.Buffer
	m := backend.NewMem()
	for i := range 70_000 { // more than 65,535 entries
		var key [4]byte
		binary.BigEndian.PutUint32(key[:], uint32(i))
		if err := m.Put(ctx, "objects/"+strings.ToLower(hexOf(key[:])), key[:]); err != nil {
			t.Fatal(err)
		}
	}
	if err := backend.WriteZip(ctx, &out, m, map[string][]byte{"note": []byte("n")}, "objects/"); err != nil {
		t.Fatal(err)
	}
	z, err := openZip(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	infos, err := z.List(ctx, "objects/", "", 0)
	if err != nil || len(infos) != 70_000 {
		t.Fatalf("%d keys, %v", len(infos), err)
	}
	if got, err := backend.ReadAll(ctx, z, infos[69_999].Key, 10); err != nil || binary.BigEndian.Uint32(got) != 69_999 {
		t.Fatalf("the last is %x, %v", got, err)
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var out []byte
	for _, x := range b {
		out = append(out, digits[x>>4], digits[x&15])
	}
	return string(out)
}

// TestWriteZipCancelled ends early.
func TestWriteZipCancelled(t *testing.T) {
	m := backend.NewMem()
	if err := m.Put(ctx, "a", make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := backend.WriteZip(cancelled, io.Discard, m, nil, ""); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// FuzzZip: whatever the bytes, nothing is read outside of them, and nothing panics.
func FuzzZip(f *testing.F) {
	b := zipOf(f, map[string]string{"a": "some bytes", "journal/e1": "entry"})
	f.Add(b)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		c := bytes.Clone(b)
		c[rng.IntN(len(c))] = byte(rng.Uint32())
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := openZip(b)
		if err != nil {
			return
		}
		infos, err := z.List(ctx, "", "", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range infos {
			if !backend.ValidKey(i.Key) || i.Size > int64(len(b)) {
				t.Fatalf("key %q of %d bytes in %d", i.Key, i.Size, len(b))
			}
			if got, err := backend.ReadAll(ctx, z, i.Key, int64(len(b))); err != nil || int64(len(got)) != i.Size {
				t.Fatalf("%q: %d of %d bytes, %v", i.Key, len(got), i.Size, err)
			}
		}
		_ = z.Verify(ctx, func(int64) {})
	})
}
