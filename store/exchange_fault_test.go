package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
)

// twoStores returns two stores of which the first has a merged history of two branches.
func twoStores(t testing.TB, seed uint64) *exchanges {
	t.Helper()
	x := newExchanges(t, seed, 2)
	p := x.peers[0]
	ctx := context.Background()
	for range 3 {
		x.commit(0)
	}
	if _, err := p.Switch(ctx, SwitchOptions{Branch: "exp", Create: true}); err != nil {
		t.Fatal(err)
	}
	p.names["exp"] = p.names["main"]
	x.commit(0)
	if _, err := p.Switch(ctx, SwitchOptions{Branch: "main"}); err != nil {
		t.Fatal(err)
	}
	x.commit(0)
	res, err := p.Merge(ctx, "exp", MergeOptions{Theirs: []string{"**"}, Commit: CommitOptions{Author: "merger"}})
	if err != nil {
		t.Fatal(err)
	}
	x.note(res.Version)
	p.names["main"] = res.Version.ID
	x.commit(0)
	return x
}

// Whichever operation on either side fails, before or after it took effect, a fetch and
// a push leave both stores whole, no name moved, and the next one finishes.
func TestExchangeFaultEverywhere(t *testing.T) {
	step := 3
	if testing.Short() {
		step = 17
	}
	for _, push := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			for victim := range 2 {
				for k, more := 1, true; more; k += step {
					x := twoStores(t, 1)
					from, to := x.peers[0], x.peers[1]
					from.limits, to.limits = exchange.Limits{Records: 12, Batch: 3}, exchange.Limits{Records: 12, Batch: 3}
					run := func() error {
						if push {
							_, err := from.Push(t.Context(), PushOptions{Remote: "r1", All: true})
							return err
						}
						_, err := to.Fetch(t.Context(), FetchOptions{Remote: "r0"})
						return err
					}
					p := x.peers[victim]
					fail := func(op, key string) error {
						if op != backend.OpAbort && p.fail.Load() > 0 && p.fail.Add(-1) == 0 {
							return errIO
						}
						return nil
					}
					p.hook.Before = nil
					if after {
						p.hook.After = fail
					} else {
						p.hook.Before = fail
					}
					p.fail.Store(int64(k))
					err := run()
					more = p.fail.Swap(0) <= 0
					what := fmt.Sprintf("push %v, after %v, victim %d, operation %d: %v", push, after, victim, k, err)
					if err != nil && !errors.Is(err, errIO) {
						t.Fatal(what)
					}
					x.ops = []string{what}
					x.check(0, false)
					x.check(1, false)
					if err = run(); err != nil {
						t.Fatalf("%s; again: %v", what, err)
					}
					for _, b := range []string{"main", "exp"} {
						if push {
							to.names[b], from.names["r1/"+b] = from.names[b], from.names[b]
						} else {
							to.names["r0/"+b] = from.names[b]
						}
					}
					x.check(0, true)
					x.check(1, true)
				}
			}
		}
	}
}

// What was copied before an interruption is not copied again.
func TestExchangeResumes(t *testing.T) {
	x := twoStores(t, 2)
	from, to := x.peers[0], x.peers[1]
	for range 20 {
		x.commit(0)
	}
	to.limits = exchange.Limits{Pack: 4000}
	puts := 0
	to.hook.Before = backend.OneByOne(func(op, key string) error {
		if op == backend.OpCommit {
			if puts++; puts == 5 {
				return errIO
			}
		}
		return nil
	})
	res, err := to.Fetch(t.Context(), FetchOptions{Remote: "r0"})
	if !errors.Is(err, errIO) {
		t.Fatal(err)
	}
	to.hook.Before = nil
	again, err := to.Fetch(t.Context(), FetchOptions{Remote: "r0"})
	if err != nil {
		t.Fatal(err)
	}
	y := newExchanges(t, 3, 2)
	y.peers[0].hook.Backend = from.hook.Backend
	whole, err := y.peers[1].Fetch(t.Context(), FetchOptions{Remote: "r0"})
	if err != nil {
		t.Fatal(err)
	}
	if again.Records >= whole.Records {
		t.Fatalf("%d records after an interruption, %d in one go", again.Records, whole.Records)
	}
	_ = res
	mustFsck(t, to.Store)
}

// saveLineage saves one model again and again with small edits, so that it is stored as
// differences.
func saveLineage(t testing.TB, p *peerStore, n int) {
	t.Helper()
	data := model(5, 300_000)
	for i := range n {
		for k := range 30 {
			copy(data[2000+9001*k+i*7:], fmt.Sprintf("%5d", (i*31+k)%99999))
		}
		write(t, p.fs, "model.json", data)
		if _, err := p.Commit(t.Context(), CommitOptions{Paths: []string{"model.json"}, Author: "tester"}); err != nil {
			t.Fatal(err)
		}
	}
}

// stored adds up what lies in a store.
func stored(t testing.TB, b backend.Backend) (n int64) {
	t.Helper()
	for _, prefix := range []string{"objects/", "journal/"} {
		list, err := b.List(t.Context(), prefix, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			n += i.Size
		}
	}
	return n
}

// A history of differences moves as differences: no more than 1.1 times the bytes that
// the source holds arrive, also when the source was repacked, so that old content is a
// difference to what came later.
func TestExchangeKeepsDifferences(t *testing.T) {
	x := newExchanges(t, 0, 3)
	p := x.peers[0]
	saveLineage(t, p, 70)
	for i, repack := range []bool{false, true} {
		if repack {
			if _, err := p.Repack(t.Context(), RepackOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		was := stored(t, p.hook)
		q := x.peers[1+i]
		if _, err := q.Fetch(t.Context(), FetchOptions{Remote: "r0"}); err != nil {
			t.Fatal(err)
		}
		if got := stored(t, q.hook); got > was+was/10 {
			t.Errorf("repacked %v: %d bytes of %d", repack, got, was)
		}
		mustFsck(t, q.Store)
	}
}

// One new version of many is found without reading what both have.
func TestFetchOfOneVersionReadsLittle(t *testing.T) {
	x := newExchanges(t, 0, 2)
	p, q := x.peers[0], x.peers[1]
	p.Store.limits, q.Store.limits = exchange.Limits{}, exchange.Limits{}
	write(t, p.fs, "m.json", model(1, 500))
	for i := range 600 {
		if _, err := p.Commit(t.Context(), CommitOptions{Paths: []string{"m.json"}, AllowEmpty: true, Message: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.Fetch(t.Context(), FetchOptions{Remote: "r0"}); err != nil {
		t.Fatal(err)
	}
	write(t, p.fs, "m.json", model(2, 500))
	if _, err := p.Commit(t.Context(), CommitOptions{Paths: []string{"m.json"}}); err != nil {
		t.Fatal(err)
	}
	reads := 0
	p.hook.Before = backend.OneByOne(func(op, key string) error { reads++; return nil })
	res, err := q.Fetch(t.Context(), FetchOptions{Remote: "r0"})
	if err != nil {
		t.Fatal(err)
	}
	if res.Versions != 1 || reads > 30 {
		t.Errorf("%d versions, %d operations at the source", res.Versions, reads)
	}
}

// Two who push to one branch at once: the second is refused, or goes on where it
// descends from the first.
func TestPushRace(t *testing.T) {
	x := newExchanges(t, 0, 3)
	hub, a, b := x.peers[0], x.peers[1], x.peers[2]
	x.commit(0)
	for i, p := range []*peerStore{a, b} {
		if _, err := p.Pull(t.Context(), PullOptions{Remote: "r0", Branch: "main"}); err != nil {
			t.Fatal(err)
		}
		p.names["main"], p.names["r0/main"] = hub.names["main"], hub.names["main"]
		x.commit(1 + i)
	}
	var raced atomic.Bool
	hub.hook.Before = func(op, key string) error {
		if op == backend.OpPut && len(key) > 9 && key[:9] == "journal/e" && raced.CompareAndSwap(false, true) {
			if _, err := b.Push(t.Context(), PushOptions{Remote: "r0"}); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	_, err := a.Push(t.Context(), PushOptions{Remote: "r0"})
	if !errors.Is(err, ErrConflict) || !raced.Load() {
		t.Fatalf("the second of two: %v", err)
	}
	hub.names["main"], b.names["r0/main"] = b.names["main"], b.names["main"]
	for i := range x.peers {
		x.check(i, true)
	}
}

// A removal at the destination while a transfer is under way makes it start again: what
// it relied on is sent again.
func TestFetchWhilePacksGo(t *testing.T) {
	x := twoStores(t, 4)
	from, to := x.peers[0], x.peers[1]
	to.limits = exchange.Limits{Records: 8, Pack: 2000, Batch: 2}
	var n atomic.Int64
	var collecting atomic.Bool
	to.hook.Before = func(op, key string) error {
		if op == backend.OpCreate && !collecting.Load() {
			if n := n.Add(1); n%4 == 2 && n < 30 && collecting.CompareAndSwap(false, true) {
				if _, err := to.GC(t.Context(), GCOptions{Now: true}); err != nil {
					t.Error(err)
				}
				collecting.Store(false)
			}
		}
		return nil
	}
	if _, err := to.Fetch(t.Context(), FetchOptions{Remote: "r0"}); err != nil {
		t.Fatal(err)
	}
	to.hook.Before = nil
	for _, b := range []string{"main", "exp"} {
		to.names["r0/"+b] = from.names[b]
	}
	x.check(1, true)
}

// liar changes what a source says.
func liar(t testing.TB, x *exchanges, change func(rec *objects.Version, op *journal.Op)) error {
	t.Helper()
	p := x.peers[0]
	sn, err := p.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head, _, err := sn.branchHead(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	rec := *head.Version
	rec.Parents = []objects.VersionID{head.ID}
	rec.Seq, rec.Generation = head.Seq+1, head.Generation+1
	rec.Changes, rec.Added, rec.Changed, rec.Removed = nil, 0, 0, 0
	op := journal.Op{Kind: journal.OpCommit, NameKind: journal.Branch, Name: "main", Parent: head.target}
	op.Target.Line = head.target.Line
	change(&rec, &op)
	enc, id := rec.Encode()
	op.Record, op.Target.ID, op.Target.Seq = enc, id, rec.Seq
	if _, err := p.j.Append(t.Context(), sn.st, []journal.Op{op}, p.o.Clock()); err != nil {
		t.Fatal(err)
	}
	_, err = x.peers[1].Fetch(t.Context(), FetchOptions{Remote: "r0"})
	x.peers[1].names = map[string]objects.VersionID{}
	return err
}

// A store that lies of its versions is refused, and nothing of it is seen.
func TestFetchFromLiar(t *testing.T) {
	for name, change := range map[string]func(rec *objects.Version, op *journal.Op){
		"number":     func(rec *objects.Version, _ *journal.Op) { rec.Seq += 5 },
		"generation": func(rec *objects.Version, _ *journal.Op) { rec.Generation += 5 },
		"tree":       func(rec *objects.Version, _ *journal.Op) { rec.Tree[3] ^= 1 },
		"models":     func(rec *objects.Version, _ *journal.Op) { rec.Models++ },
		"bytes":      func(rec *objects.Version, _ *journal.Op) { rec.Bytes += 1 << 40 },
		"counts":     func(rec *objects.Version, _ *journal.Op) { rec.Removed = 3 },
		"changes": func(rec *objects.Version, _ *journal.Op) {
			rec.Changes = []objects.Change{{Path: "../../etc/passwd", Status: objects.Added, Size: 3}}
			rec.Added = 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := twoStores(t, 5)
			if err := liar(t, x, change); !errors.Is(err, ErrDamaged) {
				t.Fatalf("want damage, got %v", err)
			}
			x.check(1, true)
		})
	}
}

// Paths that no checkout may write to are refused on arrival.
func TestFetchOfBadPaths(t *testing.T) {
	for _, bad := range []string{"../evil.json", "/etc/passwd", "a/../../b", ".mstore/work/HEAD", "x\ny"} {
		t.Run(fmt.Sprintf("%q", bad), func(t *testing.T) {
			x := twoStores(t, 6)
			p := x.peers[0]
			sn, err := p.load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			w := objects.NewWriter(t.Context(), p.b, sn.r, objects.WriterOptions{NewName: newPackName})
			head, tree, err := sn.branchHead(t.Context(), "main")
			if err != nil {
				t.Fatal(err)
			}
			var e objects.TreeEntry
			for m := range tree.Below(t.Context(), "") {
				e = m
			}
			next, err := tree.Apply(t.Context(), []objects.TreeEdit{{TreeEntry: objects.TreeEntry{Path: bad, Blob: e.Blob, Size: e.Size}}}, w.TreeNode)
			if err != nil {
				t.Fatal(err)
			}
			packs, err := w.Finish()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.j.Append(t.Context(), sn.st, []journal.Op{{Kind: journal.OpAddPacks, Packs: packs}}, p.o.Clock()); err != nil {
				t.Fatal(err)
			}
			err = liar(t, x, func(rec *objects.Version, _ *journal.Op) {
				rec.Tree, rec.Models, rec.Bytes = next.ID, head.Models+1, head.Bytes+e.Size
				rec.Added = 1
				rec.Changes = []objects.Change{{Path: bad, Status: objects.Added, Blob: e.Blob, Size: e.Size}}
			})
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("want damage, got %v", err)
			}
			x.check(1, true)
		})
	}
}

// Wherever a byte of a source is flipped, a fetch is refused, or brings what is right.
func TestFetchOfFlippedBytes(t *testing.T) {
	x := twoStores(t, 7)
	list, err := x.peers[0].hook.List(t.Context(), "objects/", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range list {
		for off := int64(20); off < key.Size; off += key.Size/4 + 1 {
			x := twoStores(t, 7)
			p, q := x.peers[0], x.peers[1]
			list, err := p.hook.List(t.Context(), "objects/", "", 0)
			if err != nil {
				t.Fatal(err)
			}
			key := list[int(off)%len(list)].Key
			data, err := backend.ReadAll(t.Context(), p.hook, key, 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			data[off%int64(len(data))] ^= 0x40
			if err := p.hook.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if err := p.hook.Put(t.Context(), key, data); err != nil {
				t.Fatal(err)
			}
			_, err = q.Fetch(t.Context(), FetchOptions{Remote: "r0"})
			if err == nil {
				q.names["r0/main"], q.names["r0/exp"] = p.names["main"], p.names["exp"]
			} else if !errors.Is(err, ErrDamaged) {
				t.Fatalf("%s at %d: %v", key, off, err)
			}
			x.check(1, true)
		}
	}
}

// A version of which more has expired than fits into a batch of the journal travels like
// any other, together with the versions around it.
func TestExchangeManyExpired(t *testing.T) {
	if testing.Short() {
		t.Skip("10,000 models")
	}
	x := newExchanges(t, 3, 2)
	from, to := x.peers[0], x.peers[1]
	write(t, from.fs, "first", []byte("{}"))
	save(t, from.Store, CommitOptions{Paths: []string{"."}})
	long := strings.Repeat(strings.Repeat("x", 99)+"/", 10)
	for i := range 10_000 {
		write(t, from.fs, fmt.Sprintf("%s%d", long, i), fmt.Appendf(nil, "[%d]", i))
	}
	save(t, from.Store, CommitOptions{Paths: []string{"."}})
	write(t, from.fs, "first", []byte("[]"))
	for i := range 10_000 {
		if err := from.fs.Remove(fmt.Sprintf("%s%d", long, i)); err != nil {
			t.Fatal(err)
		}
	}
	save(t, from.Store, CommitOptions{All: true})
	save(t, from.Store, CommitOptions{AllowEmpty: true})
	if _, err := from.Expire(t.Context(), "v2", "", ExpireOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	res, err := to.Fetch(t.Context(), FetchOptions{Remote: "r0"})
	if err != nil {
		t.Fatal(err)
	}
	if res.Versions != 4 || res.Expired < 10_000 {
		t.Errorf("%d versions and %d expired contents came", res.Versions, res.Expired)
	}
	if _, err := to.OpenModel(t.Context(), "r0/main~2", long+"7"); !errors.Is(err, ErrExpired) {
		t.Errorf("what has expired: %v", err)
	}
}
