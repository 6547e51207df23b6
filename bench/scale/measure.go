package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects/pack"
	"github.com/mstore/mstore/store"
)

// column is what was measured at one number of versions.
type column struct {
	versions int
	rows     []row
}

type row struct{ what, value string }

func (c *column) add(what, format string, args ...any) {
	c.rows = append(c.rows, row{what, fmt.Sprintf(format, args...)})
}

// samples is how many old versions are looked up, each with nothing at hand.
const samples = 24

func (g *growth) measure(ctx context.Context) (column, error) {
	c := column{versions: g.versions}
	g.commits(&c)
	for _, q := range []struct {
		what  string
		times int
		ask   func(ctx context.Context, s *store.Store, n int) error
	}{
		{"log -n 1", 1, g.logOne},
		{"checkout of HEAD, one model", 1, func(ctx context.Context, s *store.Store, _ int) error {
			return g.bring(ctx, s, "HEAD", g.versions)
		}},
		{"checkout of an old version, one model", samples, func(ctx context.Context, s *store.Store, n int) error {
			return g.bring(ctx, s, fmt.Sprintf("v%d", n), n)
		}},
		{"the same by a prefix of its ID", samples, g.byID},
	} {
		for _, how := range []string{"cold", "warm"} {
			t, err := g.ask(ctx, how == "warm", q.times, q.ask)
			if err != nil {
				return c, fmt.Errorf("%s: %w", q.what, err)
			}
			c.add(q.what+", "+how+": requests", "%s", t.requests())
			c.add(q.what+", "+how+": bytes read", "%s", size(t.sum.BytesRead/t.n))
		}
	}
	return c, g.storage(ctx, &c)
}

func (g *growth) commits(c *column) {
	n := g.plain.n + g.folding.n
	c.add("commit: requests", "%s", g.plain.requests())
	c.add("commit: bytes written", "%s", size(g.plain.sum.BytesWritten/max(g.plain.n, 1)))
	if g.folding.n == 0 {
		return
	}
	c.add("commit that folds: requests", "%s", g.folding.requests())
	c.add("commit that folds: bytes read", "%s", size(g.folding.sum.BytesRead/g.folding.n))
	c.add("commit that folds: bytes written", "%s", size(g.folding.sum.BytesWritten/g.folding.n))
	c.add("commit that folds: time", "%.0f ms", g.foldTime.Seconds()*1000/float64(g.folding.n))
	c.add("all commits: requests each", "%.1f", float64(requests(g.plain.sum)+requests(g.folding.sum))/float64(n))
	c.add("all commits: bytes written each", "%s", size((g.plain.sum.BytesWritten+g.folding.sum.BytesWritten)/n))
}

// ask opens the store anew each time, with an empty cache or with what the same question
// has left in it.
func (g *growth) ask(ctx context.Context, warm bool, times int, fn func(context.Context, *store.Store, int) error) (tally, error) {
	var t tally
	for range times {
		version := 1 + g.r.IntN(g.versions)
		counter := backend.NewCounter(g.mem)
		b := newShelf(counter)
		for i := range 2 {
			if i == 1 && !warm {
				break
			}
			root := vfs.NewMem()
			if err := root.MkdirAll(store.DirName); err != nil {
				return t, err
			}
			counter.Reset()
			s, err := store.OpenOn(ctx, root, b, store.Options{Clock: g.now})
			if err == nil {
				err = fn(ctx, s, version)
			}
			if err != nil {
				return t, err
			}
		}
		t.add(counter.Reset())
	}
	return t, nil
}

func (g *growth) logOne(ctx context.Context, s *store.Store, _ int) error {
	for _, err := range s.Log(ctx, store.LogOptions{Limit: 1}) {
		return err
	}
	return nil
}

// bring checks the model out that version n saved.
func (g *growth) bring(ctx context.Context, s *store.Store, rev string, n int) error {
	path := fmt.Sprintf("model%03d.json", (n-1)%g.models)
	_, err := s.Checkout(ctx, store.CheckoutOptions{Rev: rev, Paths: []string{path}})
	return err
}

func (g *growth) byID(ctx context.Context, s *store.Store, n int) error {
	v, err := g.s.Show(ctx, fmt.Sprintf("v%d", n))
	if err != nil {
		return err
	}
	return g.bring(ctx, s, v.ID.String()[:12], n)
}

// storage tells what the store consists of.
func (g *growth) storage(ctx context.Context, c *column) error {
	infos, err := g.mem.List(ctx, "", "", 0)
	if err != nil {
		return err
	}
	count, bytes := map[string]int64{}, map[string]int64{}
	newest := true
	for _, i := range infos {
		kind := kindOf(i.Key)
		count[kind]++
		bytes[kind] += i.Size
		if kind == "checkpoints" && newest {
			newest = false
			c.add("newest checkpoint", "%s", size(i.Size))
		}
	}
	c.add("objects in a listing of journal/", "%d", count["entries"]+count["checkpoints"]+count["archive segments"])
	for _, kind := range []string{"packs", "pack index segments", "archive segments", "parity"} {
		c.add(kind, "%d, %s", count[kind], size(bytes[kind]))
	}
	j := journal.New(g.mem, journal.Options{})
	s, err := j.Load(ctx)
	if err != nil {
		return err
	}
	rows, packs := int64(0), 0
	for _, x := range s.Segments {
		rows += x.Rows
		packs += x.Packs
	}
	c.add("segments in use: pack index, archive", "%d, %d", len(s.Segments), archives(s))
	c.add("rows and packs in the pack index", "%d, %d", rows, packs)
	for _, back := range []uint64{1000, s.Number} {
		counter := backend.NewCounter(g.mem)
		cold := journal.New(newShelf(counter), journal.Options{})
		for _, err := range cold.History(s).Entries(ctx, s.Number-back) {
			if err != nil {
				return err
			}
		}
		what := "index catch-up of everything"
		if back < s.Number {
			what = "index catch-up of 1,000 versions"
		}
		got := counter.Counts()
		c.add(what, "%s, %s", kinds(got), size(got.BytesRead))
	}
	return nil
}

// archives counts the archive segments of a state.
func archives(s *journal.State) (n int) {
	for _, key := range s.Files() {
		if kindOf(key) == "archive segments" {
			n++
		}
	}
	return n
}

func kindOf(key string) string {
	switch {
	case strings.HasPrefix(key, "journal/e"):
		return "entries"
	case strings.HasPrefix(key, "journal/c"):
		return "checkpoints"
	case strings.HasPrefix(key, "journal/a"):
		return "archive segments"
	case strings.HasPrefix(key, "parity/"):
		return "parity"
	}
	if _, ok := pack.ParseSegmentKey(key); ok {
		return "pack index segments"
	}
	return "packs"
}
