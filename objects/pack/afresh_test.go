package pack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/mstore/mstore/internal/backend"
)

// copies is a cache with damaged copies of some keys.
type copies struct {
	backend.Backend
	wrong  func(key string, all []byte) []byte
	forgot atomic.Int32
}

func (c *copies) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if c.forgot.Load() > 0 {
		return c.Backend.Get(ctx, key, off, n)
	}
	all, err := backend.ReadAll(ctx, c.Backend, key, 1<<30)
	if err != nil {
		return nil, err
	}
	all = c.wrong(key, all)
	all = all[min(off, int64(len(all))):]
	if n >= 0 {
		all = all[:min(n, int64(len(all)))]
	}
	return io.NopCloser(bytes.NewReader(all)), nil
}

func (c *copies) Forget(string) bool        { c.forgot.Add(1); return true }
func (c *copies) Uncached() backend.Backend { return c.Backend }

// TestDamagedCopies reads a pack and a segment from a cache that holds a damaged copy:
// wherever the damage is, it is dropped, and what is stored is read.
func TestDamagedCopies(t *testing.T) {
	b := backend.NewMem()
	have := truth{}
	info := fill(t, b, rand.New(rand.NewPCG(1, 1)), name(1), 150, 1000, have)
	seg, err := WriteSegment(t.Context(), b, name(2), open(t, b, info), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	use := func(b backend.Backend) error {
		x, err := OpenIndex(t.Context(), b, info)
		if err != nil {
			return err
		}
		g, err := OpenSegment(t.Context(), b, seg)
		if err != nil {
			return err
		}
		for id := range have {
			row, ok, err := x.Find(id.kind, id.key)
			if err != nil || !ok {
				return errors.Join(err, errors.New("not found in the index"))
			}
			if _, _, err := Read(t.Context(), b, Loc{Pack: info.Name, Row: row}); err != nil {
				return err
			}
			n := 0
			if err := g.Find(id.kind, id.key, func(Loc) bool { n++; return true }); err != nil || n != 1 {
				return errors.Join(err, errors.New("not once in the segment"))
			}
		}
		_, err = x.Notes()
		return err
	}
	for _, key := range []string{info.Name.Key(), seg.Key()} {
		size := int(info.Size)
		if key == seg.Key() {
			size = int(seg.Size)
		}
		for at := 0; at < size; at += size / 25 {
			c := &copies{Backend: b, wrong: func(k string, all []byte) []byte {
				if k == key {
					all[at] ^= 0x40
				}
				return all
			}}
			if err := use(c); err != nil {
				t.Fatalf("%s, byte %d: %v", key, at, err)
			}
		}
		c := &copies{Backend: b, wrong: func(k string, all []byte) []byte {
			if k == key {
				return all[:len(all)/2]
			}
			return all
		}}
		if err := use(c); err != nil || c.forgot.Load() == 0 {
			t.Errorf("%s cut short: %v", key, err)
		}
	}
	// What is damaged in the store itself is told as ever.
	all, err := backend.ReadAll(t.Context(), b, info.Name.Key(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	all[headerSize+recordSize/2] ^= 1
	if err := b.Delete(t.Context(), info.Name.Key()); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), info.Name.Key(), all); err != nil {
		t.Fatal(err)
	}
	if err := use(&copies{Backend: b, wrong: func(_ string, all []byte) []byte { return all }}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("damaged in the store: %v", err)
	}
}
