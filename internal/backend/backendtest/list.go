package backendtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/sampling"
)

func keys(infos []backend.Info) []string {
	ks := make([]string, len(infos))
	for i, info := range infos {
		ks[i] = info.Key
	}
	return ks
}

// wantList compares a listing with what the contract makes of all keys, which
// are in order.
func wantList(t *testing.T, b backend.Backend, all []string, prefix, after string, limit int) {
	t.Helper()
	want := []string{}
	for _, key := range all {
		if strings.HasPrefix(key, prefix) && key > after && (limit <= 0 || len(want) < limit) {
			want = append(want, key)
		}
	}
	infos, err := b.List(ctx, prefix, after, limit)
	if err != nil {
		t.Fatalf("List(%q, %q, %d): %v", prefix, after, limit, err)
	}
	if got := keys(infos); !slices.Equal(got, want) {
		t.Fatalf("List(%q, %q, %d) = %q, want %q", prefix, after, limit, got, want)
	}
}

func testList(t *testing.T, b backend.Backend) {
	for _, prefix := range []string{"", "a", "journal/", "never/was/here/x"} {
		wantList(t, b, nil, prefix, "", 0)
	}
	put(t, b, "journal/e1", "12345")
	infos, err := b.List(ctx, "", "", 0)
	if err != nil || !slices.Equal(infos, []backend.Info{{Key: "journal/e1", Size: 5}}) {
		t.Fatalf("List = %v, %v", infos, err)
	}
	if err := b.Delete(ctx, "journal/e1"); err != nil {
		t.Fatal(err)
	}
	wantList(t, b, nil, "journal/", "", 0)
	wantList(t, b, nil, "", "", 0)
}

// testListOrder has names around the slash in byte order, where the order of a
// directory walk and that of the keys part.
func testListOrder(t *testing.T, b backend.Backend) {
	all := []string{
		"a", "b-c", "b.c", "b/c", "b/c-d", "b/d.e", "b/d/e", "b/d/f/g", "b/d0", "b0", "b_c",
		"c/x", "journal/e09", "journal/e10", "journal/e11", "objects/aa", "z",
	}
	slices.Sort(all)
	for i, key := range all {
		put(t, b, all[(i*7)%len(all)], key)
	}
	prefixes := []string{"", "b", "b/", "b/d", "b/d/", "b/d/e", "b/d/f/g", "journal/e0", "journal/", "journal", "q", "b/q/"}
	afters := append([]string{"", "b/", "b/d", "b/d/", "b/d/f", "b/d/zzz", "b/zzz", "journal/e095", "zz", "\xff", "B"}, all...)
	limits := []int{0, -1, 1, 2, 5, 1000}
	tried := sampling.Of(t, 1, 3) // each is a request, or several
	if testing.Short() {
		limits = []int{0, 2}
	}
	for _, prefix := range prefixes {
		for _, after := range afters {
			if !tried() {
				continue
			}
			for _, limit := range limits {
				wantList(t, b, all, prefix, after, limit)
			}
		}
	}
}

func testListMany(t *testing.T, b backend.Backend) {
	n := 2100
	if testing.Short() {
		n = 1100
	}
	all := make([]string, n)
	var wg sync.WaitGroup
	for i := range all {
		all[i] = fmt.Sprintf("objects/%06d", i*3)
	}
	for g := range 8 {
		wg.Go(func() {
			for i := g; i < n; i += 8 {
				if err := b.Put(ctx, all[i], []byte("x")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	wantList(t, b, all, "", "", 0)
	wantList(t, b, all, "objects/0", "objects/000150", 1001)
	var paged []string
	for after := ""; ; after = paged[len(paged)-1] {
		infos, err := b.List(ctx, "objects/", after, 333)
		if err != nil {
			t.Fatal(err)
		}
		if len(infos) == 0 {
			break
		}
		paged = append(paged, keys(infos)...)
	}
	if !slices.Equal(paged, all) {
		t.Errorf("paging found %d keys, want %d", len(paged), len(all))
	}
}
