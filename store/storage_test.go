package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// modelStats is the versions' figures but for the bytes added, which must be
// all that the model's distinct pieces take.
func modelStats(t *testing.T, s *Store, path string, n int) (out []string, added []int64) {
	t.Helper()
	versions, err := s.ModelStats(t.Context(), "", path, n)
	if err != nil {
		t.Fatal(err)
	}
	known := map[objects.PieceID]bool{}
	var sum, want int64
	for _, v := range versions {
		out = append(out, fmt.Sprint(v.Version.Name, " ", v.Status, " ", v.Size, " ", v.Pieces, " ", v.Codecs, " ", v.Depth))
		added = append(added, v.Added)
		sum += v.Added
		if v.Status == objects.Removed {
			continue
		}
		m, err := s.Storage(t.Context(), v.Version.ID.String(), path)
		if err != nil {
			t.Fatal(err)
		}
		if m.Blob != v.Blob || len(m.Pieces) != v.Pieces {
			t.Fatalf("%+v, and by itself %+v", v, m)
		}
		for _, p := range m.Pieces {
			if !known[p.Piece] {
				known[p.Piece] = true
				want += p.Stored
			}
		}
	}
	if n == 0 && sum != want {
		t.Fatalf("versions added %v, in all %d; the pieces take %d", added, sum, want)
	}
	return out, added
}

func TestModelStats(t *testing.T) {
	s, m := newMemStore(t)
	first := model(1, 200_000)
	second := trained(first, 1)
	step := func(data []byte) {
		if data == nil {
			if err := m.Remove("a/m.json"); err != nil {
				t.Fatal(err)
			}
		} else {
			write(t, m, "a/m.json", data)
		}
		save(t, s, CommitOptions{Paths: []string{"a/m.json"}})
		write(t, m, "other.bin", randomBytes(uint64(len(data)), 100))
		save(t, s, CommitOptions{Paths: []string{"other.bin"}, AllowEmpty: true})
	}
	for _, data := range [][]byte{first, second, first, nil, []byte("{}")} {
		step(data)
	}
	n := len(first)
	want := []string{
		"v9 added 2 1 [raw] 0",
		"v7 removed 0 0 [] 0",
		fmt.Sprintf("v5 changed %d 1 [numbers] 0", n),
		fmt.Sprintf("v3 changed %d 1 [delta] 1", n),
		fmt.Sprintf("v1 added %d 1 [numbers] 0", n),
	}
	got, added := modelStats(t, s, "a/m.json", 0)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if added[0] != 2 || added[1] != 0 || added[2] != 0 || added[3] == 0 || added[3] > added[4]/10 {
		t.Errorf("versions added %v", added)
	}
	for limit := range len(want) {
		some, few := modelStats(t, s, "a/m.json", limit+1)
		if fmt.Sprint(some) != fmt.Sprint(got[:limit+1]) || fmt.Sprint(few) != fmt.Sprint(added[:limit+1]) {
			t.Errorf("of %d versions: %v, added %v", limit+1, some, few)
		}
	}
	for _, path := range []string{"nosuch", "a", "a/m", ".", ""} {
		if _, err := s.ModelStats(t.Context(), "", path, 0); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if old, err := s.ModelStats(t.Context(), "v4", "a/m.json", 0); err != nil || len(old) != 2 {
		t.Errorf("up to v4: %v, %v", old, err)
	}
}

func TestStorage(t *testing.T) {
	s, m := newMemStore(t)
	once := randomBytes(1, 3_000_000)
	write(t, m, "w.bin", append(append([]byte{}, once...), once...))
	write(t, m, "empty", nil)
	save(t, s, CommitOptions{Paths: []string{"."}})

	st, err := s.Storage(t.Context(), "", "w.bin")
	if err != nil {
		t.Fatal(err)
	}
	if st.Version.Name != "v1" || st.Path != "w.bin" || st.Size != 6_000_000 || st.Format != chunk.Binary || len(st.Pieces) < 4 {
		t.Errorf("%+v", st)
	}
	at, all := int64(0), int64(0)
	for _, p := range st.Pieces {
		if p.Offset != at || p.Codec == codec.Raw && p.Stored != p.Raw || (p.Depth > 0) != p.Codec.HasBases() || (len(p.Bases) > 0) != p.Codec.HasBases() {
			t.Errorf("at %d: %d, %+v", at, p.Offset, p.PieceInfo)
		}
		at += p.Raw
		all += p.Stored
	}
	if at != st.Size || st.Stored >= all || st.Ratio() != 6e6/float64(st.Stored) {
		t.Errorf("%d bytes in pieces, %d stored, %d with those that come twice", at, st.Stored, all)
	}
	if st, err := s.Storage(t.Context(), "", "empty"); err != nil || st.Size != 0 || st.Stored != 0 || st.Ratio() != 0 {
		t.Errorf("nothing: %+v, %v", st, err)
	}
	for _, path := range []string{"nosuch", ""} {
		if _, err := s.Storage(t.Context(), "", path); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if _, err := s.Storage(t.Context(), "v2", "w.bin"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// TestStorageOfDamaged: where the record of a difference is damaged, its bases
// are not known.
func TestStorageOfDamaged(t *testing.T) {
	s, m := newMemStore(t)
	data := model(1, 200_000)
	write(t, m, "m.json", data)
	save(t, s, CommitOptions{Paths: []string{"m.json"}})
	write(t, m, "m.json", trained(data, 1))
	save(t, s, CommitOptions{Paths: []string{"m.json"}})
	sn, err := s.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := sn.r.Set().Find(t.Context(), pack.KindPiece, pack.Key(objects.HashBlob(trained(data, 1))))
	if err != nil || codec.ID(l.Codec) != codec.Delta {
		t.Fatal(l, err)
	}
	name := DirName + "/" + l.Pack.Key()
	b := read(t, m, name)
	b[l.Off+60] ^= 4
	if err := m.Rewrite(name, b); err != nil {
		t.Fatal(err)
	}
	_, err = s.Storage(t.Context(), "", "m.json")
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "v2:m.json is damaged") {
		t.Error(err)
	}
	_, err = s.ModelStats(t.Context(), "", "m.json", 0)
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "v2:m.json is damaged") {
		t.Error(err)
	}
}
