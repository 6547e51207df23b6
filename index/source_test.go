package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mstore/mstore/objects"
)

// history is a Source in memory. Entry n is entries[n-1]; a Record without a
// Version is an entry that has none.
type history struct {
	entries []Record
	salt    byte
	reads   int
	err     error // what Versions returns in the end
}

func (h *history) hash(n uint64) [objects.IDSize]byte {
	b := binary.BigEndian.AppendUint64([]byte{h.salt}, n)
	if n > 0 && h.entries[n-1].Version != nil {
		b = append(b, h.entries[n-1].ID[:]...)
	}
	return objects.EntryHash(b)
}

func (h *history) Last() (uint64, [objects.IDSize]byte) {
	n := uint64(len(h.entries))
	if n == 0 {
		return 0, [objects.IDSize]byte{}
	}
	return n, h.hash(n)
}

func (h *history) EntryHash(_ context.Context, n uint64) ([objects.IDSize]byte, error) {
	if n == 0 || n > uint64(len(h.entries)) {
		return [objects.IDSize]byte{}, fmt.Errorf("no entry %d", n)
	}
	return h.hash(n), nil
}

func (h *history) Versions(ctx context.Context, n uint64, fn func(Record) error) error {
	for _, r := range h.entries[min(n, uint64(len(h.entries))):] {
		h.reads++
		if r.Version == nil {
			continue
		}
		if err := fn(r); err != nil {
			return fmt.Errorf("wrapped: %w", err)
		}
	}
	return h.err
}

func (h *history) upTo(n int) *history { return &history{entries: h.entries[:n], salt: h.salt} }

var errTest = errors.New("test")

var day = time.Date(2025, 11, 1, 12, 0, 0, 0, time.UTC)

// makeHistory returns n versions, one entry in ten without one, over models
// paths. The same seed gives the same history.
func makeHistory(seed uint64, n, models, params, metrics int) *history {
	rng := rand.New(rand.NewPCG(seed, 1))
	h := &history{}
	for len(h.entries) < n {
		entry := uint64(len(h.entries) + 1)
		if entry%10 == 7 {
			h.entries = append(h.entries, Record{Entry: entry})
			continue
		}
		v := &objects.Version{
			Seq: entry, Time: day.Add(time.Duration(entry)*time.Minute + time.Duration(rng.IntN(1e9))),
			Author: "ann", Source: fmt.Sprintf("run-%d", entry/50), Message: fmt.Sprintf("after epoch %d", entry),
			Params: map[string]any{}, Metrics: map[string]any{},
		}
		for i := range params {
			switch i % 3 {
			case 0:
				v.Params[fmt.Sprint("param", i)] = int64(rng.IntN(8))
			case 1:
				v.Params[fmt.Sprint("param", i)] = 0.001 * float64(rng.IntN(100))
			case 2:
				v.Params[fmt.Sprint("param", i)] = []string{"adam", "sgd", "lion"}[rng.IntN(3)]
			}
		}
		for i := range metrics {
			v.Metrics[fmt.Sprint("metric", i)] = rng.Float64()
		}
		var blob objects.BlobID
		for i := range 4 {
			binary.LittleEndian.PutUint64(blob[8*i:], rng.Uint64())
		}
		m := rng.IntN(models)
		v.Changes = []objects.Change{{
			Path: fmt.Sprintf("models/group-%02d/model-%05d.json", m%17, m), Status: objects.Changed, Blob: blob, Size: 1,
		}}
		v.Changed = 1
		r := Record{Entry: entry, Branch: "main", Line: 1, Version: v}
		binary.LittleEndian.PutUint64(r.ID[:], rng.Uint64())
		binary.LittleEndian.PutUint64(r.ID[24:], rng.Uint64())
		h.entries = append(h.entries, r)
	}
	return h
}
