package backendtest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

// RunReadOnly checks that part of the contract of backend.Backend which is about reading,
// and that nothing can be written. open returns a backend with these keys.
func RunReadOnly(t *testing.T, open func(t *testing.T, keys map[string]string) backend.Backend) {
	contents := map[string]string{
		"a": "one", "b": "", "journal/e09": "0123456789", "journal/e10": "entry", "deep/er/and/deeper": "x",
		"objects/aa": string(bytes.Repeat([]byte("0123456789abcdef"), 1<<16)), "z": "last",
	}
	all := slices.Sorted(maps.Keys(contents))
	b := open(t, contents)
	t.Run("Content", func(t *testing.T) {
		for key, data := range contents {
			wantContent(t, b, key, data)
		}
		for _, key := range []string{"c", "journal", "journal/e0", "deep/er", "zz"} {
			wantAbsent(t, b, key)
		}
	})
	t.Run("Ranges", func(t *testing.T) {
		const key = "journal/e09"
		for off := int64(0); off <= 12; off++ {
			for n := int64(-1); n <= 12; n++ {
				r, err := b.Get(ctx, key, off, n)
				if err != nil {
					t.Fatal(err)
				}
				from, to := min(off, 10), min(off+n, 10)
				if n < 0 {
					to = 10
				}
				got, err := io.ReadAll(r)
				if want := contents[key][from:max(from, to)]; err != nil || string(got) != want {
					t.Errorf("Get(%d, %d) = %q, %v, want %q", off, n, got, err, want)
				}
				r.Close()
			}
		}
		if _, err := b.Get(ctx, key, -1, 1); err == nil {
			t.Error("a negative offset gave no error")
		}
		r, err := b.Get(ctx, key, 3, 1<<63-1)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != contents[key][3:] {
			t.Errorf("Get(3, 1<<63-1) = %q, %v", got, err)
		}
		r.Close()
	})
	t.Run("List", func(t *testing.T) {
		for _, prefix := range []string{"", "a", "journal/", "journal/e0", "j", "q", "deep/", "deep/er/and/deeper"} {
			for _, after := range append([]string{"", "journal/e095", "zz", "\xff", "B"}, all...) {
				for _, limit := range []int{0, -1, 1, 2, 1000} {
					wantList(t, b, all, prefix, after, limit)
				}
			}
		}
	})
	t.Run("InvalidKeys", func(t *testing.T) {
		for _, key := range []string{"", ".", "..", "/a", "a/", "a//b", "../a", ".a", "A", "a b", "a\x00"} {
			_, err := b.Get(ctx, key, 0, -1)
			wantError(t, "Get", err, backend.ErrInvalidKey)
			_, err = b.Stat(ctx, key)
			wantError(t, "Stat", err, backend.ErrInvalidKey)
			wantError(t, "Put", b.Put(ctx, key, nil), backend.ErrInvalidKey)
		}
		_, err := b.List(ctx, "../", "", 0)
		wantError(t, "List", err, backend.ErrInvalidKey)
	})
	t.Run("Cancelled", func(t *testing.T) {
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		_, err := b.Get(cancelled, "a", 0, -1)
		wantError(t, "Get", err, context.Canceled)
		_, err = b.List(cancelled, "", "", 0)
		wantError(t, "List", err, context.Canceled)
	})
	t.Run("ReadOnly", func(t *testing.T) {
		for _, key := range []string{"a", "new"} {
			_, createErr := b.Create(ctx, key)
			_, replaceErr := b.Replace(ctx, key)
			for op, err := range map[string]error{"Put": b.Put(ctx, key, []byte("x")), "Create": createErr, "Replace": replaceErr, "Delete": b.Delete(ctx, key)} {
				wantError(t, op, err, backend.ErrReadOnly)
			}
		}
		wantList(t, b, all, "", "", 0)
	})
	t.Run("Readers", func(t *testing.T) {
		done := make(chan error, 8)
		for range 8 {
			go func() {
				got, err := backend.ReadAll(ctx, b, "objects/aa", 1<<30)
				if err == nil && string(got) != contents["objects/aa"] {
					err = io.ErrUnexpectedEOF
				}
				done <- err
			}()
		}
		for range 8 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
