package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/internal/vfs"
)

// TestReadingOneTensorLeavesTheRest: a ranged read fetches the pieces it needs,
// and their bases, and nothing else.
func TestReadingOneTensorLeavesTheRest(t *testing.T) {
	const tensors, size = 12, 3 << 20
	header := map[string]any{}
	for i := range tensors {
		header[fmt.Sprintf("layer%02d", i)] = map[string]any{"dtype": "F32", "shape": []int{size / 4}, "data_offsets": []int{i * size, (i + 1) * size}}
	}
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...)
	data := len(file)
	file = append(file, noise(1, tensors*size)...)
	m, _ := newBase(t, files{"w.safetensors": string(file)})
	for i := data; i < len(file); i += 40 { // retrained: all tensors have moved
		file[i]++
	}
	put(t, m, files{"w.safetensors": string(file)})
	s, err := openOn(m, testClock())
	if err != nil {
		t.Fatal(err)
	}
	save(t, s, CommitOptions{Paths: []string{"."}})

	count := backend.NewCounter(backend.NewDir(vfs.Sub(m, DirName)))
	s = newStore(m, count, Options{Clock: testClock()})
	r, err := s.OpenModel(t.Context(), "v2", "w.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	count.Reset()
	got := make([]byte, 1000)
	at := data + 7*size + size/2
	if _, err := r.ReadAt(got, int64(at)); err != nil || !bytes.Equal(got, file[at:at+1000]) {
		t.Fatalf("wrong bytes, %v", err)
	}
	if c := count.Counts(); c.BytesRead > 2*size {
		t.Errorf("%d bytes were read for 1000 of a tensor of %d", c.BytesRead, size)
	}
}
