package store

import (
	"strings"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/backend/bucket"
	"github.com/mstore/mstore/internal/backend/bucket/buckettest"
	"github.com/mstore/mstore/internal/vfs"
)

// TestReplicateToBucket: a mirror in a bucket, which heals what it mirrors and is healed.
func TestReplicateToBucket(t *testing.T) {
	srv := buckettest.New(t, buckettest.Options{})
	b, err := bucket.Open(t.Context(), srv.At("mirror"), bucket.Options{SpoolDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p := newPast(t)
	p.grow(3)
	p.fold()
	mustMirror(t, p.s, b)
	wantSame(t, p.s, b)
	p.grow(2)
	p.repack()
	p.gc("3", true)
	mustMirror(t, p.s, b)
	wantSame(t, p.s, b)
	if _, err := consistent(b); err != nil {
		t.Fatal(err)
	}
	var from backend.Backend = b
	s, _ := p.without(func(m *vfs.Mem) {
		for key := range filesIn(t, p.s.b) {
			if key != formatKey {
				harms["changed"](t, m, DirName+"/"+key)
			}
		}
	})
	if err := s.editLocal(func(m map[string]string) error {
		st, err := p.s.j.Load(t.Context())
		m["remote.mirror.url"], m["remote.mirror.mirror"], m["remote.mirror.id"] = srv.At("mirror"), "true", hexID(st)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	rep, err := helpedBy(s, from).Fsck(t.Context(), FsckOptions{Repair: true})
	if err != nil || !rep.OK {
		t.Fatalf("%v, %+v", err, rep)
	}
	for key := range filesIn(t, b) {
		if strings.HasPrefix(key, "objects/") {
			replaceKey(t, b, key, func(d []byte) []byte { d[len(d)/2] ^= 1; return d })
		}
	}
	if res, err := mirrorIn(p.s, b, ReplicateOptions{Verify: true}); err != nil || res.Problems > 0 || len(res.Healed) == 0 {
		t.Fatalf("%v, %+v", err, res)
	}
	wantSame(t, p.s, b)
}
