package history

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// Wide is a history of many models, as questions are asked about it: each version changes
// one model, and has parameters, metrics, a message and what a commit finds out by itself.
// Its contents and trees are not there, only their IDs: questions about history do not
// read them.
type Wide struct {
	Versions, Models, Params, Metrics int
	Seed                              uint64
}

// Build makes a new store of that history at dir. progress is called now and then.
func (h Wide) Build(ctx context.Context, dir string, progress func(done int)) error {
	st, _, err := store.Init(ctx, dir, store.Options{})
	if err != nil {
		return err
	}
	storeDir := st.Dir()
	if err := st.Close(); err != nil {
		return err
	}
	root, err := vfs.OpenRoot(storeDir)
	if err != nil {
		return err
	}
	d := backend.NewDir(unsynced{root})
	defer closers{d, root}.Close()
	mem := backend.NewMem()
	if err := mirror(ctx, d, mem); err != nil {
		return err
	}
	s := &source{ctx: ctx, b: mem, j: journal.New(mem, journal.Options{})}
	if s.st, err = s.j.Load(ctx); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(h.Seed, 6))
	for n := 1; n <= h.Versions; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.append(h.version(rng, n)); err != nil {
			return err
		}
		if n%(h.Versions/10+1) == 0 {
			progress(n)
		}
	}
	return mirror(ctx, mem, d)
}

// version makes version n, without parents.
func (h Wide) version(rng *rand.Rand, n int) *objects.Version {
	run := n / 500
	v := &objects.Version{Seq: uint64(n), Generation: uint64(n), Models: h.Models, Bytes: int64(n) << 20, Changed: 1,
		Time:    time.Unix(1_700_000_000+60*int64(n), rng.Int64N(1e9)).UTC(),
		Author:  []string{"ann", "bob", "eve <eve@example.org>"}[rng.IntN(3)],
		Message: fmt.Sprintf("run %d after epoch %d, learning rate %.3g", run, n%500, 0.1/float64(1+n%500)),
		Source:  fmt.Sprintf("data/set-%d.wav", run%40),
		Params:  map[string]any{}, Metrics: map[string]any{},
		Meta: map[string]any{"host": fmt.Sprint("node", run%8), "user": "trainer", "os": "linux/amd64", "mstore": "1.0",
			"git.branch": "main", "git.dirty": run%3 == 0, "git.commit": fmt.Sprintf("%040x", run/2+1)}}
	for i := range h.Params {
		name := fmt.Sprint("p", i)
		switch i % 4 {
		case 0:
			v.Params[name] = int64(n + i)
		case 1:
			v.Params[name] = 0.001 * float64(1+run%100)
		case 2:
			v.Params[name] = []string{"adam", "sgd", "lion"}[run%3]
		case 3:
			v.Params[name] = rng.Float64()
		}
	}
	for i := range h.Metrics {
		v.Metrics[fmt.Sprint("m", i)] = math.Exp(-float64(n%500)/100) + 0.1*rng.Float64()
	}
	m := rng.IntN(h.Models)
	c := objects.Change{Path: fmt.Sprintf("models/group%02d/model%04d.json", m%20, m), Status: objects.Changed, Size: 1 << 20, PrevSize: 1 << 20, Kind: "training"}
	for i := 0; i < len(c.Blob); i += 8 {
		binary.LittleEndian.PutUint64(c.Blob[i:], rng.Uint64())
	}
	binary.LittleEndian.PutUint64(v.Tree[:], uint64(n))
	v.Changes = []objects.Change{c}
	return v
}

// append makes a version the next on the branch.
func (s *source) append(v *objects.Version) error {
	op := journal.Op{Kind: journal.OpCommit, NameKind: journal.Branch, Name: branch}
	if s.parent != nil {
		op.Parent = s.st.Names[branch].To
		op.Target.Line = op.Parent.Line
		v.Parents = []objects.VersionID{op.Parent.ID}
		v.Seq, v.Generation = s.parent.Seq+1, s.parent.Generation+1
	}
	op.Target.Seq = v.Seq
	op.Record, op.Target.ID = v.Encode()
	ops := []journal.Op{op}
	if len(s.packs) > 0 {
		ops = []journal.Op{{Kind: journal.OpAddPacks, Packs: s.packs}, op}
	}
	st, err := s.j.Append(s.ctx, s.st, ops, v.Time)
	if err != nil {
		return err
	}
	s.st, s.parent, s.packs = st, v, nil
	s.ids = append(s.ids, op.Target.ID)
	if s.st.FoldDue() {
		s.st, err = s.j.Fold(s.ctx, s.st, s.set())
	}
	return err
}
