// Package backendtest is the conformance suite that every backend passes.
package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

// Run checks the contract of backend.Backend. open returns a new, empty backend
// each time it is called.
func Run(t *testing.T, open func(t *testing.T) backend.Backend) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, b backend.Backend)
	}{
		{"RoundTrip", testRoundTrip},
		{"Ranges", testRanges},
		{"CreateOnly", testCreateOnly},
		{"Writer", testWriter},
		{"Abort", testAbort},
		{"Replace", testReplace},
		{"Delete", testDelete},
		{"InvalidKeys", testInvalidKeys},
		{"CallerOwnsData", testCallerOwnsData},
		{"Cancelled", testCancelled},
		{"List", testList},
		{"ListOrder", testListOrder},
		{"ListMany", testListMany},
		{"Readers", testReaders},
		{"Large", testLarge},
		{"LargeTaken", testLargeTaken},
		{"ReadBack", testReadBack},
		{"RacePut", testRacePut},
		{"RaceCreate", testRaceCreate},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

var ctx = context.Background()

func put(t *testing.T, b backend.Backend, key, data string) {
	t.Helper()
	if err := b.Put(ctx, key, []byte(data)); err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
}

func wantContent(t *testing.T, b backend.Backend, key, want string) {
	t.Helper()
	got, err := backend.ReadAll(ctx, b, key, 1<<30)
	if err != nil {
		t.Fatalf("reading %q: %v", key, err)
	}
	if string(got) != want {
		t.Fatalf("content of %q is %.40q, want %.40q", key, got, want)
	}
	info, err := b.Stat(ctx, key)
	if err != nil || info != (backend.Info{Key: key, Size: int64(len(want))}) {
		t.Fatalf("Stat(%q) = %v, %v, want size %d", key, info, err, len(want))
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error is %v, want %v", what, got, want)
	}
}

// wantAbsent checks that no operation finds the key.
func wantAbsent(t *testing.T, b backend.Backend, key string) {
	t.Helper()
	if r, err := b.Get(ctx, key, 0, -1); !errors.Is(err, backend.ErrNotFound) {
		t.Errorf("Get(%q) of an absent key: %v, %v", key, r, err)
	}
	if _, err := b.Stat(ctx, key); !errors.Is(err, backend.ErrNotFound) {
		t.Errorf("Stat(%q) of an absent key: %v", key, err)
	}
	infos, err := b.List(ctx, key, "", 0)
	if err != nil {
		t.Errorf("List(%q): %v", key, err)
	}
	for _, info := range infos {
		if info.Key == key {
			t.Errorf("List(%q) shows an absent key", key)
		}
	}
}

func testRoundTrip(t *testing.T, b backend.Backend) {
	big := string(bytes.Repeat([]byte("0123456789abcdef"), 1<<17)) // 2 MiB
	contents := map[string]string{
		"a": "one", "empty": "", "journal/e0000000001": "entry", "deep/er/and/deeper": "x",
		"objects/ab-c_d.pack": big,
	}
	for key := range contents {
		wantAbsent(t, b, key)
	}
	for key, data := range contents {
		put(t, b, key, data)
	}
	for key, data := range contents {
		wantContent(t, b, key, data)
	}
	if _, err := backend.ReadAll(ctx, b, "a", 2); err == nil {
		t.Error("ReadAll of 3 bytes with a limit of 2 gave no error")
	}
}

func testRanges(t *testing.T, b backend.Backend) {
	const data = "0123456789"
	put(t, b, "k", data)
	for off := int64(0); off <= 12; off++ {
		for n := int64(-1); n <= 12; n++ {
			from, to := min(off, 10), min(off+n, 10)
			if n < 0 {
				to = 10
			}
			r, err := b.Get(ctx, "k", off, n)
			if err != nil {
				t.Fatalf("Get(%d, %d): %v", off, n, err)
			}
			got, err := io.ReadAll(r)
			if want := data[from:max(from, to)]; err != nil || string(got) != want {
				t.Errorf("Get(%d, %d) = %q, %v, want %q", off, n, got, err, want)
			}
			if err := r.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		}
	}
	if _, err := b.Get(ctx, "k", -1, 1); err == nil {
		t.Error("a negative offset gave no error")
	}
	const huge = 1<<63 - 1
	r, err := b.Get(ctx, "k", 3, huge)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != data[3:] {
		t.Errorf("Get(3, 1<<63-1) = %q, %v", got, err)
	}
	r.Close()
	p := make([]byte, 4)
	if err := backend.ReadFull(ctx, b, "k", p, 6); err != nil || string(p) != "6789" {
		t.Errorf("ReadFull = %q, %v", p, err)
	}
	wantError(t, "ReadFull past the end", backend.ReadFull(ctx, b, "k", p, 7), io.ErrUnexpectedEOF)
	wantError(t, "ReadFull after the end", backend.ReadFull(ctx, b, "k", p, 70), io.ErrUnexpectedEOF)
}

func testCreateOnly(t *testing.T, b backend.Backend) {
	put(t, b, "d/k", "first")
	wantError(t, "second put", b.Put(ctx, "d/k", []byte("second")), backend.ErrExists)
	w, err := b.Create(ctx, "d/k")
	if err == nil {
		io.WriteString(w, "third")
		err = w.Commit()
	}
	wantError(t, "create of a taken key", err, backend.ErrExists)
	wantContent(t, b, "d/k", "first")
}

func testWriter(t *testing.T, b backend.Backend) {
	w, err := b.Create(ctx, "p/large")
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	for i := range 1000 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		if n, err := io.WriteString(w, line); n != len(line) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	wantAbsent(t, b, "p/large")
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort after Commit: %v", err)
	}
	if err := w.Commit(); err == nil {
		t.Error("a second Commit gave no error")
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("Write after Commit gave no error")
	}
	wantContent(t, b, "p/large", want.String())
}

func testAbort(t *testing.T, b backend.Backend) {
	w, err := b.Create(ctx, "p/k")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "unwanted")
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("second Abort: %v", err)
	}
	if err := w.Commit(); err == nil {
		t.Error("Commit after Abort gave no error")
	}
	wantAbsent(t, b, "p/k")
	if infos, err := b.List(ctx, "", "", 0); err != nil || len(infos) != 0 {
		t.Errorf("after Abort there is %v, %v", infos, err)
	}
	put(t, b, "p/k", "wanted")
	wantContent(t, b, "p/k", "wanted")
}

func testReplace(t *testing.T, b backend.Backend) {
	put(t, b, "r/k", "damaged")
	for _, data := range []string{"whole again, and longer", ""} {
		for _, key := range []string{"r/k", "r/new"} {
			w, err := b.Replace(ctx, key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, data); err != nil {
				t.Fatal(err)
			}
			if err := w.Commit(); err != nil {
				t.Fatalf("replacing %q: %v", key, err)
			}
			wantContent(t, b, key, data)
		}
	}
	w, err := b.Replace(ctx, "r/k")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "unwanted")
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "r/k", "")
	wantError(t, "creating what was replaced", b.Put(ctx, "r/k", []byte("x")), backend.ErrExists)
}

func testDelete(t *testing.T, b backend.Backend) {
	wantError(t, "deleting what never was", b.Delete(ctx, "d/k"), backend.ErrNotFound)
	put(t, b, "d/k", "bytes")
	put(t, b, "d/l", "others")
	wantContent(t, b, "d/k", "bytes") // may leave it in a cache
	if err := b.Delete(ctx, "d/k"); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, b, "d/k")
	wantError(t, "deleting twice", b.Delete(ctx, "d/k"), backend.ErrNotFound)
	wantContent(t, b, "d/l", "others")
	put(t, b, "d/k", "new bytes")
	wantContent(t, b, "d/k", "new bytes")
}

func testInvalidKeys(t *testing.T, b backend.Backend) {
	for _, key := range []string{
		"", ".", "..", "/", "/a", "a/", "a//b", "a/./b", "a/../b", "../a", ".a", "a/.tmp-1",
		"A", "a b", "a\\b", "a\x00", "ä", "a:b", "a\n", string(bytes.Repeat([]byte("a"), 256)),
		string(bytes.Repeat([]byte("abc/"), 300)) + "a",
	} {
		_, getErr := b.Get(ctx, key, 0, -1)
		_, createErr := b.Create(ctx, key)
		_, statErr := b.Stat(ctx, key)
		for op, err := range map[string]error{
			"Get": getErr, "Create": createErr, "Stat": statErr,
			"Put": b.Put(ctx, key, []byte("x")), "Delete": b.Delete(ctx, key),
		} {
			wantError(t, fmt.Sprintf("%s(%q)", op, key), err, backend.ErrInvalidKey)
		}
	}
	for _, prefix := range []string{"/", "..", "../", "a//", ".tmp", "A"} {
		_, err := b.List(ctx, prefix, "", 0)
		wantError(t, fmt.Sprintf("List(%q)", prefix), err, backend.ErrInvalidKey)
	}
	if infos, err := b.List(ctx, "", "", 0); err != nil || len(infos) != 0 {
		t.Errorf("invalid keys left %v, %v", infos, err)
	}
}

func testCallerOwnsData(t *testing.T, b backend.Backend) {
	data := []byte("original")
	if err := b.Put(ctx, "put", data); err != nil {
		t.Fatal(err)
	}
	w, err := b.Create(ctx, "create")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	copy(data, "scribble")
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "put", "original")
	wantContent(t, b, "create", "original")
}

func testCancelled(t *testing.T, b backend.Backend) {
	put(t, b, "k", "v")
	cancelled, cancel := context.WithCancel(ctx)
	w, err := b.Create(cancelled, "late")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	wantError(t, "Commit", w.Commit(), context.Canceled)
	_, err = b.Get(cancelled, "k", 0, -1)
	wantError(t, "Get", err, context.Canceled)
	_, err = b.List(cancelled, "", "", 0)
	wantError(t, "List", err, context.Canceled)
	wantError(t, "Put", b.Put(cancelled, "l", nil), context.Canceled)
	wantError(t, "Delete", b.Delete(cancelled, "k"), context.Canceled)
	wantAbsent(t, b, "late")
	wantAbsent(t, b, "l")
	wantContent(t, b, "k", "v")
}
