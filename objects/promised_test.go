package objects

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects/pack"
)

// TestReaderPromised: what no pack lists is asked for, once for each record, and read from
// whoever has it; a plain Reader of the same packs asks nobody.
func TestReaderPromised(t *testing.T) {
	ctx := context.Background()
	raw := bytes.Repeat([]byte("some content that is elsewhere. "), 300_000)
	there := backend.NewMem()
	w := NewWriter(ctx, there, NewReader(there, pack.NewSet(there, nil, nil, nil)), WriterOptions{NewName: func() pack.Name { return pack.Name{1} }})
	id, _, err := w.Blob(bytes.NewReader(raw), int64(len(raw)), BlobID{})
	if err != nil {
		t.Fatal(err)
	}
	packs, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	far := NewReader(there, pack.NewSet(there, packs, nil, nil))
	here := backend.NewMem()
	r := NewReader(here, pack.NewSet(here, nil, nil, nil))
	var mu sync.Mutex
	asked := map[pack.Kind]int{}
	var answer error
	p := r.Promising(func(_ context.Context, kind pack.Kind, key pack.Key) (*Reader, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[kind]++
		return far, answer
	})
	b, err := p.Blob(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), raw) {
		t.Fatalf("%d bytes, %v", out.Len(), err)
	}
	if asked[pack.KindRecipe] != 1 || asked[pack.KindPiece] == 0 || asked[pack.KindTree] != 0 {
		t.Errorf("asked %v", asked)
	}
	if _, err := r.Blob(ctx, id); !errors.Is(err, ErrMissing) {
		t.Errorf("the plain Reader: %v", err)
	}
	if _, err := p.TreeNode(ctx, TreeID(id)); !errors.Is(err, ErrMissing) || asked[pack.KindTree] != 0 {
		t.Errorf("a tree node: %v", err)
	}
	x, y, err := p.Together(ctx, 1<<20, id, id)
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 100)
	for _, s := range []*Blob{x, y} {
		if _, err := s.ReadAt(part, 5_000_000); err != nil || !bytes.Equal(part, raw[5_000_000:5_000_100]) {
			t.Errorf("together: %v", err)
		}
		s.Close()
	}
	answer = ErrMissing
	if _, err := p.Blob(ctx, BlobID{9}); !errors.Is(err, ErrMissing) {
		t.Errorf("what nobody promises: %v", err)
	}
	answer = errors.New("no network")
	if _, err := p.Blob(ctx, id); err != answer {
		t.Errorf("without a network: %v", err)
	}
}
