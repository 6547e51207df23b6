package journal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects/codec"
)

func appendCRC(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(bytes.Clone(b), crc32.Checksum(b, castagnoli))
}

// Fuzzers get the bytes without their checksum, so that they come past it.

func FuzzCore(f *testing.F) {
	e := everyOp()
	f.Add(e.encodeCore())
	e.Ops = nil
	f.Add(e.encodeCore())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decodeCore(b)
		if err == nil && !bytes.Equal(e.encodeCore(), b) {
			t.Fatalf("accepted %x, writes %x", b, e.encodeCore())
		}
	})
}

func FuzzEntry(f *testing.F) {
	e := everyOp()
	for _, digests := range [][]Digest{nil, {{Number: 299, Time: epoch, Ops: e.Ops[2:4]}}, {{Number: 298}, {Number: 299, Batched: true}}} {
		data := encodeEntry(e.encodeCore(), digests)
		f.Add(data[:len(data)-4])
	}
	data := everyBatch(3).encode()
	f.Add(data[:len(data)-4])
	f.Fuzz(func(t *testing.T, b []byte) {
		data := appendCRC(b)
		got, err := decodeFile(data, 300)
		if err != nil {
			return
		}
		again := file{entries: got.entries, digests: got.digests}
		for i, e := range got.entries {
			again.cores = append(again.cores, e.encodeCore())
			if e.Number != 300+uint64(i) {
				t.Fatalf("entry %d of the file is %d", i, e.Number)
			}
		}
		if again := again.encode(); !bytes.Equal(again, data) {
			t.Fatalf("accepted %x, writes %x", data, again)
		}
		for _, d := range got.digests {
			if d.Number == 0 || d.Number >= 300 {
				t.Fatalf("digest of entry %d", d.Number)
			}
		}
	})
}

// FuzzState fuzzes the state inside a checkpoint; how that is compressed is
// the encoder's choice.
func FuzzState(f *testing.F) {
	f.Add(everyState().encodeState())
	f.Add((&State{}).encodeState())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeState(b)
		if err == nil && !bytes.Equal(s.encodeState(), b) {
			t.Fatalf("accepted %x, writes %x", b, s.encodeState())
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	b := everyState().encodeCheckpoint()
	f.Add(b[:len(b)-4])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeCheckpoint(appendCRC(b), 4)
		if err == nil && s.generation != 4 {
			t.Fatalf("generation %d", s.generation)
		}
	})
}

func FuzzArchiveInfo(f *testing.F) {
	for _, a := range everyState().archive {
		b := a.encode()
		f.Add(b[:len(b)-4])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = appendCRC(b)
		a, err := decodeArchiveInfo(b)
		if err == nil && !bytes.Equal(a.encode(), b) {
			t.Fatalf("accepted %x, writes %x", b, a.encode())
		}
	})
}

// FuzzDirectory fuzzes the rows of a directory, which are compressed in the
// file.
func FuzzDirectory(f *testing.F) {
	body := func(blocks []block) []byte {
		b := encodeDirectory(blocks)
		d := wire.NewDecoder(b[:len(b)-4])
		c, n := codec.ID(d.Byte()), d.Uint()
		raw, err := codec.Decode(nil, c, d.Raw(d.Len()), int(n), nil)
		if err != nil {
			f.Fatal(err)
		}
		return raw
	}
	f.Add(body(someBlocks()))
	f.Add(body(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var file wire.Encoder
		file.Byte(byte(codec.Raw))
		file.Uint(uint64(len(b)))
		file.Raw(b)
		blocks, err := decodeDirectory(appendCRC(file.B))
		if err == nil && !bytes.Equal(body(blocks), b) {
			t.Fatalf("accepted %x, writes %x", b, body(blocks))
		}
	})
}
