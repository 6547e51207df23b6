package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/codec"
)

// trained is data with a few digits changed, as a save after some training.
func trained(data []byte, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 9))
	data = bytes.Clone(data)
	for range 20 {
		if i := 20 + r.IntN(len(data)-40); data[i] >= '1' && data[i] <= '8' {
			data[i]++
		}
	}
	return data
}

// randomBytes are bytes that no codec makes smaller.
func randomBytes(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func stats(t *testing.T, s *Store) *Stats {
	t.Helper()
	st, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := st.MetadataBytes + st.UnusedBytes
	for _, c := range st.Codecs {
		sum += c.StoredBytes
	}
	if sum != st.StoredBytes || st.MetadataBytes <= 0 {
		t.Fatalf("%d bytes are accounted for, of %d: %+v", sum, st.StoredBytes, st)
	}
	var byCodec, byFormat PieceStats
	for _, c := range st.Codecs {
		byCodec = PieceStats{byCodec.Pieces + c.Pieces, byCodec.RawBytes + c.RawBytes, byCodec.StoredBytes + c.StoredBytes}
	}
	for _, f := range st.Formats {
		byFormat = PieceStats{byFormat.Pieces + f.Pieces, byFormat.RawBytes + f.RawBytes, byFormat.StoredBytes + f.StoredBytes}
	}
	if byCodec != byFormat {
		t.Fatalf("by codec %+v, by format %+v", byCodec, byFormat)
	}
	return st
}

func (st *Stats) codec(id codec.ID) PieceStats {
	for _, c := range st.Codecs {
		if c.Codec == id {
			return c.PieceStats
		}
	}
	return PieceStats{}
}

func TestStats(t *testing.T) {
	s, m := newMemStore(t)
	if st := stats(t, s); st.RawBytes != 0 || st.Ratio() != 0 || st.Pieces != 0 || len(st.Codecs)+len(st.Formats) != 0 {
		t.Fatalf("an empty store: %+v", st)
	}
	data := model(1, 200_000)
	n := int64(len(data))
	for i := range 3 {
		write(t, m, "m.json", data)
		save(t, s, CommitOptions{Paths: []string{"m.json"}})
		data = trained(data, uint64(i))
	}
	write(t, m, "copy.json", read(t, m, "m.json"))
	write(t, m, "w.bin", randomBytes(1, 50_000))
	save(t, s, CommitOptions{Paths: []string{"."}})

	st := stats(t, s)
	if st.Versions != 4 || st.Models != 3 || st.RawBytes != 4*n+50_000 || st.Pieces != 4 || st.DistinctBytes != 3*n+50_000 {
		t.Errorf("%+v", st)
	}
	if st.DeduplicatedBytes != n || st.UnusedBytes != 0 {
		t.Errorf("a copy of %d bytes, yet %+v", n, st)
	}
	delta := st.codec(codec.Delta)
	if delta.Pieces != 2 || delta.RawBytes != 2*n || delta.StoredBytes > n/20 || st.DeltaBytesSaved != 2*n-delta.StoredBytes {
		t.Errorf("two saves after the first: %+v, %d saved", delta, st.DeltaBytesSaved)
	}
	if raw := st.codec(codec.Raw); raw != (PieceStats{1, 50_000, 50_000}) {
		t.Errorf("noise: %+v", raw)
	}
	if len(st.Formats) != 2 || st.Formats[0].Format != chunk.Binary || st.Formats[0].RawBytes != 50_000 ||
		st.Formats[1].Format != chunk.JSON || st.Formats[1].Pieces != 3 {
		t.Errorf("%+v", st.Formats)
	}
	if got, want := st.Ratio(), float64(st.RawBytes)/float64(st.StoredBytes); got != want {
		t.Errorf("ratio %v, want %v", got, want)
	}

	// A pack that no journal entry names is nobody's metadata.
	write(t, m, DirName+"/objects/"+strings.Repeat("ab", 16)+".pack", make([]byte, 1000))
	if again := stats(t, s); again.UnusedBytes != 1000 || again.MetadataBytes != st.MetadataBytes || again.Pieces != st.Pieces {
		t.Errorf("%+v", again)
	}
}

// TestStatsOfTwoCopies: both take space, and are one piece.
func TestStatsOfTwoCopies(t *testing.T) {
	s, m := newMemStore(t)
	data := randomBytes(1, 100_000)
	write(t, m, "m.bin", data)
	save(t, s, CommitOptions{Paths: []string{"m.bin"}})
	damagePacks(t, m)
	write(t, m, "copy.bin", data)
	save(t, s, CommitOptions{Paths: []string{"copy.bin"}})
	st := stats(t, s)
	if st.Pieces != 1 || st.DistinctBytes != 100_000 || st.DeduplicatedBytes != 100_000 || st.codec(codec.Raw).Pieces != 2 {
		t.Fatalf("%+v", st)
	}
}

// TestStatsWithoutSegments: the packs' own indexes say what a lost segment said.
func TestStatsWithoutSegments(t *testing.T) {
	s, m := newMemStore(t)
	for i := range 150 {
		write(t, m, "n.json", fmt.Appendf(nil, `{"n": %d}`, i))
		save(t, s, CommitOptions{Paths: []string{"n.json"}})
	}
	want := stats(t, s)
	if want.Pieces != 150 {
		t.Fatalf("%+v", want)
	}
	lost := int64(0)
	entries, err := m.ReadDir(DirName + "/objects")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := DirName + "/objects/" + e.Name(); strings.HasSuffix(name, ".mpx") {
			lost += int64(len(read(t, m, name)))
			if err := m.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if lost == 0 {
		t.Fatal("there is no segment yet")
	}
	if s, err = openMem(t.Context(), m, testClock()); err != nil {
		t.Fatal(err)
	}
	want.StoredBytes -= lost
	want.MetadataBytes -= lost
	if got := stats(t, s); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v\nwant %+v", got, want)
	}
}
