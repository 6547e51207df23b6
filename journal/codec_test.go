package journal

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// everyOp is an entry with each operation once.
func everyOp() *Entry {
	from := Target{ID: objects.VersionID{9}, Entry: 299, Seq: 11, Line: 7}
	merged := []Target{{ID: objects.VersionID{6}, Entry: 80, Seq: 3, Line: 60}, {ID: objects.VersionID{5}, Entry: 298, Seq: 40, Line: 2}}
	v := objects.Version{Parents: []objects.VersionID{from.ID, merged[0].ID, merged[1].ID}, Seq: 12, Generation: 14, Time: epoch,
		Message: "m", Params: map[string]any{"lr": 0.5}}
	rec, id := v.Encode()
	to := Target{ID: id, Entry: 300, Seq: 12, Line: 7}
	packs := []pack.Info{{Name: pack.Name{1}, Size: 1 << 40}, {Name: pack.Name{2}}}
	expired := []Expired{
		{Version: from.ID, Entry: 299, Path: "a/b.json", Blob: objects.BlobID{7}, Size: 1 << 40},
		{Version: objects.VersionID{8}, Entry: 4, Path: "c", Blob: objects.BlobID{9}},
	}
	return &Entry{Number: 300, Prev: Hash{1, 2}, Tx: [16]byte{3}, Time: epoch.Add(time.Nanosecond), Ops: []Op{
		{Kind: OpInit, Store: [16]byte{4, 5}},
		{Kind: OpAddPacks, Packs: packs},
		{Kind: OpCommit, NameKind: Branch, Name: "main", Target: to, Parent: from, Merged: merged, Record: rec},
		{Kind: OpSetName, NameKind: Alias, Name: "best", Target: from, Reason: "rollback"},
		{Kind: OpDeleteName, NameKind: Tag, Name: "t/é", Target: from, Reason: ""},
		{Kind: OpRemovePacks, Packs: packs[:1]},
		{Kind: OpSetConfig, Key: "k", Value: "v\n"},
		{Kind: OpUnsetConfig, Key: "k"},
		{Kind: OpExpire, Reason: "keep-last 3", Expired: expired, Expiry: Expiry{Entry: 300, First: 4, Last: 299, Count: 2}},
		{Kind: OpCondemn, Packs: packs, Reason: "gc"},
		{Kind: OpUndelete, Packs: packs[1:]},
		{Kind: OpHold, Target: from, Name: "a/b.json", Reason: "paper"},
		{Kind: OpUnhold, Target: from},
		{Kind: OpRepair, Key: "objects/x.pack", Reason: "from parity"},
	}}
}

func TestEntryRoundTrip(t *testing.T) {
	e := everyOp()
	core := e.encodeCore()
	before := []Digest{
		{Number: 298, Tx: [16]byte{1}, Time: epoch, Ops: []Op{{Kind: OpUnsetConfig, Key: "a"},
			{Kind: OpExpire, Reason: "p", Expiry: Expiry{Entry: 298, First: 3, Last: 9, Count: 2}}}},
		{Number: 299, Time: epoch.Add(-time.Hour), Ops: []Op{{Kind: OpSetName, NameKind: Alias, Name: "x"}}},
	}
	data := encodeEntry(core, before)
	f, err := decodeFile(data, 300)
	if err != nil {
		t.Fatal(err)
	}
	got, hash, digests := f.entries[0], f.hash(), f.digests
	if !reflect.DeepEqual(got, e) {
		t.Errorf("entry:\n%+v, want\n%+v", got, e)
	}
	if !reflect.DeepEqual(digests, before) {
		t.Errorf("digests:\n%+v, want\n%+v", digests, before)
	}
	if hash != objects.EntryHash(core) {
		t.Error("hash differs")
	}
	if _, err := decodeFile(data, 301); !errors.Is(err, ErrCorrupt) {
		t.Errorf("as another number: %v", err)
	}
	v, id, err := got.Version()
	if err != nil || v.Seq != 12 || id != e.Ops[2].Target.ID {
		t.Errorf("version %v %v %v", v, id, err)
	}
	got.Ops[2].Target.Seq++
	if _, _, err := got.Version(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a record under another number: %v", err)
	}
	for i, change := range []func(op *Op){
		func(op *Op) { op.Merged = op.Merged[:1] },
		func(op *Op) { op.Merged = []Target{op.Merged[1], op.Merged[0]} },
		func(op *Op) { op.Parent.ID[0]++ },
		func(op *Op) { op.Parent, op.Merged = Target{}, nil },
	} {
		e := everyOp()
		change(&e.Ops[2])
		if _, _, err := e.Version(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("other parents %d: %v", i, err)
		}
	}
}

// Parents stand before their child, further ones follow a first, and there are not
// too many.
func TestEntryParents(t *testing.T) {
	for i, change := range []func(op *Op){
		func(op *Op) { op.Parent.Entry = 300 },
		func(op *Op) { op.Merged[1].Entry = 300 },
		func(op *Op) { op.Merged[1].Entry = 0 },
		func(op *Op) { op.Parent = Target{} },
		func(op *Op) { op.Merged = slices.Repeat(op.Merged, MaxParents/2) },
	} {
		e := everyOp()
		change(&e.Ops[2])
		if _, err := decodeFile(encodeEntry(e.encodeCore(), nil), 300); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// Any bit of an entry file, and any length, is found.
func TestEntryDamage(t *testing.T) {
	file := encodeEntry(everyOp().encodeCore(), nil)
	for i := range 8 * len(file) {
		bad := bytes.Clone(file)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := decodeFile(bad, 300); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
	for n := range file {
		if _, err := decodeFile(file[:n], 300); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

func TestNewerFormat(t *testing.T) {
	file := encodeEntry(everyOp().encodeCore(), nil)
	file = file[:len(file)-4]
	file[8] = filterFormat + 1
	if _, err := decodeFile(appendCRC(file), 300); !errors.Is(err, ErrFormat) || errors.Is(err, ErrCorrupt) {
		t.Errorf("%v, want ErrFormat alone", err)
	}
}

// everyState is a state with something in each field that a checkpoint keeps.
func everyState() *State {
	to := Target{ID: objects.VersionID{1}, Entry: 2, Seq: 1, Line: 2}
	return &State{
		Store: [16]byte{8}, Number: 500, Hash: Hash{9}, Time: epoch, Versions: 480, Removals: 3,
		Names: map[string]Name{
			"main": {Kind: Branch, Name: "main", To: to, Moved: 500, Time: epoch, Forked: true},
			"best": {Kind: Alias, Name: "best", To: to, Moved: 3, Time: epoch.Add(-time.Hour)},
		},
		Config:   map[string]string{"a": "1", "b": ""},
		Packs:    []pack.Info{{Name: pack.Name{5}, Size: 77}},
		Segments: []pack.SegmentInfo{{Name: pack.Name{6}, Packs: 3, Rows: 9, Size: 1000}},
		Filters:  map[pack.Name]pack.Filter{},
		Dead:     map[pack.Name]bool{{7}: true, {8}: true},
		Condemned: map[pack.Name]Condemned{
			{9}: {Info: pack.Info{Name: pack.Name{9}, Size: 5}, Entry: 400, Time: epoch, Reason: "gc"},
			{3}: {Info: pack.Info{Name: pack.Name{3}}, Entry: 401, Time: epoch},
		},
		Expiries: []Expiry{{Entry: 400, First: 2, Last: 300, Count: 77}, {Entry: 401}},
		Holds: map[HoldKey]Hold{
			{Version: to.ID}:            {To: to, Reason: "paper", Entry: 9, Time: epoch},
			{Version: to.ID, Path: "a"}: {To: to, Path: "a", Entry: 10, Time: epoch},
		},

		generation: 4, base: 4, watermark: 500,
		archive: []archiveInfo{
			{First: 1, Last: 400, Name: [8]byte{1}, DirOff: 1000, DirLen: 50, Blocks: 4, IDs: 380},
			{First: 401, Last: 500, Name: [8]byte{2}, DirOff: 100, DirLen: 20, Blocks: 1, IDs: 100},
		},
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	s := everyState()
	b := s.encodeCheckpoint()
	got, err := decodeCheckpoint(b, 4)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, s) {
		t.Errorf("\n%+v, want\n%+v", got, s)
	}
	if !bytes.Equal(got.encodeCheckpoint(), b) {
		t.Error("encodes differently")
	}
	if _, err := decodeCheckpoint(b, 5); !errors.Is(err, ErrCorrupt) {
		t.Errorf("of another generation: %v", err)
	}
	for i := range 8 * len(b) {
		bad := bytes.Clone(b)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := decodeCheckpoint(bad, 4); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
}

func TestArchiveInfoRoundTrip(t *testing.T) {
	for _, a := range everyState().archive {
		got, err := decodeArchiveInfo(a.encode())
		if err != nil || got != a {
			t.Errorf("%+v, %v, want %+v", got, err, a)
		}
	}
	for _, a := range []archiveInfo{
		{First: 0, Last: 5}, {First: 6, Last: 5},
		{First: 1, Last: 5, IDs: 6}, {First: 1, Last: 5, Blocks: 6},
		{First: 1, Last: 5, DirOff: math.MaxUint64}, {First: 1, Last: math.MaxUint64, IDs: 1 << 60},
	} {
		if _, err := decodeArchiveInfo(a.encode()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%+v is accepted", a)
		}
	}
}

func someBlocks() []block {
	return []block{
		{First: 1, Count: 128, Off: 12, Stored: 900, Raw: 4000, Codec: codec.Zstd, CRC: math.MaxUint32, Time: epoch,
			Lines: []lineSpan{{1, 1, 100}, {50, 3, 9}}, Moves: []nameMoves{{"main", 100}, {"side", 9}}},
		{First: 129, Count: 2, Off: 912, Stored: 10, Raw: 10, Codec: codec.Raw, Time: epoch.Add(time.Hour),
			Lines: []lineSpan{}, Moves: []nameMoves{{"side", 1}, {"best", 1}},
			Joints: []joint{{place{129, 4, 129}, []place{{60, 3, 1}}}, {place{130, 101, 1}, []place{{129, 4, 129}, {100, 7, 50}}}}},
	}
}

func TestDirectoryRoundTrip(t *testing.T) {
	want := someBlocks()
	got, err := decodeDirectory(encodeDirectory(want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("\n%+v, %v, want\n%+v", got, err, want)
	}
}

// Joints ascend, have parents, and these stand before them.
func TestDirectoryJoints(t *testing.T) {
	for i, joints := range [][]joint{
		{{place{130, 4, 1}, nil}},
		{{place{130, 4, 1}, []place{{130, 3, 1}}}},
		{{place{130, 4, 1}, []place{{2, 1, 2}}}, {place{130, 5, 1}, []place{{3, 1, 3}}}},
		{{place{130, 4, 1}, slices.Repeat([]place{{2, 1, 2}}, MaxParents+1)}},
		{{place{129 + maxBlockEntries, 4, 1}, []place{{2, 1, 2}}}},
	} {
		blocks := someBlocks()
		blocks[1].Joints = joints
		if _, err := decodeDirectory(encodeDirectory(blocks)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// An archive gives back every entry, core for core, also after it was merged
// with the segments before it.
func TestArchiveRoundTrip(t *testing.T) {
	w := newStore(t, backend.NewMem())
	want := map[uint64][]byte{}
	for _, n := range []int{1, 127, 300, 1, 2100} {
		w.commits(n)
		h := w.j.History(w.s)
		for n := w.s.watermark + 1; n <= w.s.Number; n++ {
			_, core, err := h.entry(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			want[n] = core
		}
		w.fold()
		h = w.j.History(w.s)
		for n := uint64(1); n <= w.s.Number; n++ {
			_, core, err := h.entry(t.Context(), n)
			if err != nil || !bytes.Equal(core, want[n]) {
				t.Fatalf("entry %d of %d: %v", n, w.s.Number, err)
			}
		}
		w.verify()
	}
	if n := len(w.s.archive); n > 3 {
		t.Errorf("%d archive segments", n)
	}
}

// Any byte of an archive that is damaged is found by Verify, or what is read
// is right all the same.
func TestArchiveDamage(t *testing.T) {
	b := backend.NewMem()
	w := newStore(t, b)
	w.commits(40)
	w.fold()
	key := w.s.archive[0].key()
	data, err := backend.ReadAll(t.Context(), b, key, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	step := 7
	if testing.Short() {
		step = 41
	}
	for i := 0; i < len(data); i += step {
		bad := bytes.Clone(data)
		bad[i] ^= 0x10
		replace(t, b, key, bad)
		found := false
		if _, err := w.j.Verify(t.Context(), w.s, func(Finding) { found = true }); err != nil {
			t.Fatal(err)
		}
		if !found {
			t.Fatalf("byte %d of %d: not found", i, len(data))
		}
	}
	for n := 0; n < len(data); n += 97 {
		replace(t, b, key, data[:n])
		found := false
		if _, err := w.j.Verify(t.Context(), w.s, func(Finding) { found = true }); err != nil || !found {
			t.Fatalf("cut to %d bytes: found %v, %v", n, found, err)
		}
		for n := uint64(1); n <= w.s.Number; n++ {
			if e, err := w.j.History(w.s).Entry(t.Context(), n); err == nil && e.Number != n {
				t.Fatalf("entry %d is %d", n, e.Number)
			}
		}
	}
}
