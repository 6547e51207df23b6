package parity

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/mstore/mstore/internal/backend"
)

// The bytes of the format do not change by accident.
func TestGolden(t *testing.T) {
	f := protect(t, 5, 1000, 0, 90_000)
	got := blake3.Sum256(f.want[testName.Key()])
	const want = "d0abe4058e085c8f333f21111d9bfbf264f042f8480f2d3b06657705685d1c3c"
	if s := hex.EncodeToString(got[:]); s != want {
		t.Errorf("%d bytes of hash %s", len(f.want[testName.Key()]), s)
	}
}

// mul multiplies in GF(2^8) modulo 0x11d, the slow way.
func mul(a, b byte) (p byte) {
	for ; b != 0; b >>= 1 {
		if b&1 != 0 {
			p ^= a
		}
		hi := a >> 7
		a = a<<1 ^ hi*0x1d
	}
	return p
}

func inverse(a byte) byte {
	for b := 1; b < 256; b++ {
		if mul(a, byte(b)) == 1 {
			return byte(b)
		}
	}
	panic("no inverse")
}

// The file is what doc.go says, read without any of the package's code.
func TestLayout(t *testing.T) {
	f := protect(t, 8, 1000, 0, 69_003)
	file := f.want[testName.Key()]
	seq := slices.Concat(f.want["objects/00000"], f.want["objects/00002"])
	const k, m = 128, 11
	size := (len(seq) + k - 1) / k
	seq = append(seq, make([]byte, k*size-len(seq))...)

	le, table := binary.LittleEndian, crc32.MakeTable(crc32.Castagnoli)
	for magic, p := range map[string][]byte{"MSTOREPA": file[:44], "mstorepa": file[len(file)-44:]} {
		if string(p[:8]) != magic || le.Uint32(p[8:]) != 1 || le.Uint64(p[16:]) != uint64(len(file)) ||
			!bytes.Equal(p[24:40], testName[:]) || le.Uint32(p[40:]) != crc32.Checksum(p[:40], table) {
			t.Errorf("%s: %x", magic, p)
		}
	}
	n := int(le.Uint32(file[12:]))
	head, parity := file[44:44+n], file[44+n:44+n+m*size]
	if !bytes.Equal(head, file[44+n+m*size:len(file)-44]) {
		t.Fatal("two different headers")
	}
	hash := func(p []byte) []byte { h := blake3.Sum256(p); return h[:16] }

	want := append([]byte("MSTOREPH\x01\x00\x00\x00"), testName[:]...)
	want = binary.AppendUvarint(want, k)
	want = binary.AppendUvarint(want, m)
	want = binary.AppendUvarint(want, uint64(size))
	want = append(want, 3)
	for _, file := range f.files {
		want = append(want, 13)
		want = append(want, file.Key...)
		want = binary.AppendUvarint(want, uint64(file.Size))
	}
	for at := 0; at < 70_003; {
		end := min((at/size+1)*size, 70_003)
		if at < 1000 {
			end = min(end, 1000)
		}
		want = append(want, hash(seq[at:end])...)
		at = end
	}
	for j := range m {
		want = append(want, hash(parity[j*size:(j+1)*size])...)
	}
	want = append(want, hash(want)...)
	if !bytes.Equal(head, want) {
		t.Errorf("header\n%x, want\n%x", head, want)
	}
	for j := range m {
		for _, col := range []int{0, 1, size / 2, size - 1} {
			var sum byte
			for i := range k {
				sum ^= mul(seq[i*size+col], inverse(byte((k+j)^i)))
			}
			if sum != parity[j*size+col] {
				t.Fatalf("parity shard %d, column %d: %d, want %d", j, col, parity[j*size+col], sum)
			}
		}
	}
}

// One of the ends and one of the headers is enough, whichever.
func TestEnds(t *testing.T) {
	f := protect(t, 3, 700, 800)
	all := f.want[testName.Key()]
	loc := f.open().loc
	spots := []int64{10, loc.front() + 20, loc.back() + 20, loc.file - 10}
	for mask := range 16 {
		f.edit(testName.Key(), func(p []byte) []byte {
			for i, at := range spots {
				if mask>>i&1 != 0 {
					p[at] ^= 4
				}
			}
			return p
		})
		g, err := Open(ctx, f.b, testName)
		if usable := mask&9 != 9 && mask&6 != 6; !usable {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%04b: %v", mask, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%04b: %v", mask, err)
			continue
		}
		if err := g.Verify(ctx); (err == nil) != (mask == 0) {
			t.Errorf("%04b: %v", mask, err)
		}
		f.heal(g)
	}
	// Of another name, and of a newer format.
	if err := f.b.Put(ctx, Name{5}.Key(), all); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, f.b, Name{5}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("another name: %v", err)
	}
	f.edit(testName.Key(), func(p []byte) []byte {
		binary.LittleEndian.PutUint32(p[8:], Format+1)
		binary.LittleEndian.PutUint32(p[40:], crc32.Checksum(p[:40], castagnoli))
		p[len(p)-1] ^= 1
		return p
	})
	if _, err := Open(ctx, f.b, testName); !errors.Is(err, ErrFormat) {
		t.Errorf("newer format: %v", err)
	}
}

// Headers whose checksum is right and which say what cannot be.
func TestHostileHeaders(t *testing.T) {
	good := func() *header {
		files := []FileInfo{{"a", 1000}, {"b", 5000}}
		l := newLayout(files, 6000, 5)
		return &header{layout: l, data: make([]digest, len(l.segs)), parity: make([]digest, 5)}
	}
	for name, change := range map[string]func(h *header){
		"k":             func(h *header) { h.k++ },
		"no k":          func(h *header) { h.k = 0 },
		"m":             func(h *header) { h.m = 12 },
		"few m":         func(h *header) { h.m = 3; h.parity = h.parity[:3] },
		"size":          func(h *header) { h.size-- },
		"files":         func(h *header) { h.files = nil },
		"order":         func(h *header) { h.files[0].Key = "c" },
		"twice":         func(h *header) { h.files[0].Key = "b" },
		"key":           func(h *header) { h.files[0].Key = "../a" },
		"no key":        func(h *header) { h.files[0].Key = "" },
		"absolute key":  func(h *header) { h.files[0].Key = "/a" },
		"huge":          func(h *header) { h.files[0].Size = 1 << 62 },
		"negative":      func(h *header) { h.files[0].Size = -1 },
		"sum":           func(h *header) { h.files[0].Size = maxTotal },
		"few hashes":    func(h *header) { h.data = h.data[1:] },
		"many hashes":   func(h *header) { h.parity = append(h.parity, digest{}) },
		"another split": func(h *header) { h.files[0].Size, h.files[1].Size = 500, 5500; h.data = append(h.data, digest{}) },
	} {
		h := good()
		if _, err := decodeHeader(h.encode()); err != nil {
			t.Fatal(err)
		}
		change(h)
		if _, err := decodeHeader(h.encode()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A parity file that is sound and claims more than there can be costs little.
func TestHostileSizes(t *testing.T) {
	for _, m := range []int{4, 128} {
		l := newLayout([]FileInfo{{"a", maxTotal}}, maxTotal, m)
		h := &header{layout: l, name: testName, data: make([]digest, len(l.segs)), parity: make([]digest, m)}
		head := h.encode()
		b := backend.NewMem()
		if err := b.Put(ctx, testName.Key(), append(h.locate(testName, len(head)).encode(prefixMagic), head...)); err != nil {
			t.Fatal(err)
		}
		useAll(t, b)
	}
}
