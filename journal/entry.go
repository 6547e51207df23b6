package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// Format is the number of the journal's format.
const Format = 1

var (
	// ErrCorrupt: a file of the journal is not what its checksum says.
	ErrCorrupt = errors.New("journal is corrupt")
	// ErrMissing: a file of the journal is not there.
	ErrMissing = errors.New("journal is incomplete")
	// ErrFormat: a store of a newer format.
	ErrFormat = errors.New("written by a newer version of mstore")
	// ErrLost: another writer has taken the number. Nothing was changed.
	ErrLost = errors.New("another writer was first")
	// ErrNotStore: there is no journal.
	ErrNotStore = errors.New("no journal here")
	// ErrNotFound: no entry, version or name fits.
	ErrNotFound = errors.New("not found")
)

// Hash chains entries.
type Hash = [objects.IDSize]byte

// Kind is what an operation does.
type Kind uint8

// The operations of this format.
const (
	OpInit        Kind = 1 // begins a store: ID
	OpCommit      Kind = 2 // a new version: NameKind, Name, Record, Target, Parent, Merged
	OpSetName     Kind = 3 // makes or moves a name: NameKind, Name, Target, Reason
	OpDeleteName  Kind = 4 // NameKind, Name, Target (where it pointed), Reason
	OpAddPacks    Kind = 5 // Packs
	OpRemovePacks Kind = 6 // Packs
	OpSetConfig   Kind = 7 // Key, Value
	OpUnsetConfig Kind = 8 // Key

	OpExpire   Kind = 9  // content that is let go: Expired, Reason (the policy)
	OpCondemn  Kind = 10 // packs that are to be removed later: Packs, Reason
	OpUndelete Kind = 11 // condemned packs that are not to be removed: Packs
	OpHold     Kind = 12 // Target, Name (a model's path; "" for all), Reason
	OpUnhold   Kind = 13 // Target, Name
	OpRepair   Kind = 14 // what was written afresh after damage: Key (the file), Reason (from what)
)

// NameKind tells branches, tags, aliases and safety versions apart.
type NameKind uint8

// The kinds of names.
const (
	Branch NameKind = 1
	Tag    NameKind = 2
	Alias  NameKind = 3
	Safety NameKind = 4 // a safety version: off the branches, removed by gc in time
)

func (k NameKind) String() string {
	switch k {
	case Branch:
		return "branch"
	case Tag:
		return "tag"
	case Alias:
		return "alias"
	case Safety:
		return "safety version"
	}
	return "name"
}

// Target is a version and where it stands in the journal. Versions on one Line
// are each other's first parents, with consecutive Seq; a line is numbered by
// the entry of its first version.
type Target struct {
	ID    objects.VersionID
	Entry uint64
	Seq   uint64
	Line  uint64
}

// Op is one operation of an entry. Which fields count is said at its Kind.
type Op struct {
	Kind     Kind
	Store    [16]byte
	NameKind NameKind
	Name     string
	Target   Target   // for OpCommit Entry is the entry's own number
	Parent   Target   // of OpCommit: the first parent; zero for none
	Merged   []Target // of OpCommit: the further parents, in the record's order
	Record   []byte   // of OpCommit: the version's canonical encoding; nil in a digest
	Packs    []pack.Info
	Key      string
	Value    string
	Reason   string
	Expired  []Expired // of OpExpire; nil in a digest
	Expiry   Expiry    // of OpExpire; made from Expired
}

// Expired names content that was let go: what Path was in a version.
type Expired struct {
	Version objects.VersionID
	Entry   uint64 // of the version
	Path    string
	Blob    objects.BlobID
	Size    int64 // bytes of Blob
}

// Expiry sums up an operation that let content go.
type Expiry struct {
	Entry       uint64 // that holds the operation
	First, Last uint64 // entries of the oldest and the newest version it names
	Count       uint64 // contents it names
}

func expiryOf(number uint64, items []Expired) Expiry {
	x := Expiry{Entry: number, Count: uint64(len(items))}
	for i, it := range items {
		if i == 0 || it.Entry < x.First {
			x.First = it.Entry
		}
		x.Last = max(x.Last, it.Entry)
	}
	return x
}

// Entry is one entry of the journal.
type Entry struct {
	Number uint64
	Prev   Hash     // of the entry before
	Tx     [16]byte // random: tells one's own entry from another's
	Time   time.Time
	Ops    []Op
}

// Commit returns the operation that makes a version, or nil.
func (e *Entry) Commit() *Op {
	for i := range e.Ops {
		if e.Ops[i].Kind == OpCommit {
			return &e.Ops[i]
		}
	}
	return nil
}

// Version decodes the entry's version; nil when it has none.
func (e *Entry) Version() (*objects.Version, objects.VersionID, error) {
	op := e.Commit()
	if op == nil {
		return nil, objects.VersionID{}, nil
	}
	v, id, err := objects.DecodeVersion(op.Record)
	if err == nil && (id != op.Target.ID || v.Seq != op.Target.Seq) {
		err = fmt.Errorf("entry %d names another version than it holds: %w", e.Number, ErrCorrupt)
	}
	if err == nil && !slices.EqualFunc(v.Parents, op.Parents(), func(id objects.VersionID, t Target) bool { return id == t.ID }) {
		err = fmt.Errorf("entry %d names other parents than its version: %w", e.Number, ErrCorrupt)
	}
	return v, id, err
}

// Parents lists where the parents of an OpCommit's version are, the first parent
// first.
func (op *Op) Parents() []Target {
	if op.Parent.Entry == 0 {
		return op.Merged
	}
	return append([]Target{op.Parent}, op.Merged...)
}

// encodeCore is the canonical encoding, over which the hash is made.
func (e *Entry) encodeCore() []byte {
	var w wire.Encoder
	w.Uint(e.Number)
	w.Raw(e.Prev[:])
	w.Raw(e.Tx[:])
	w.Int(e.Time.UnixNano())
	encodeOps(&w, e.Ops, true)
	return w.B
}

func decodeCore(b []byte) (*Entry, error) {
	d := wire.NewDecoder(b)
	e := &Entry{Number: d.Uint()}
	d.Fixed(e.Prev[:])
	d.Fixed(e.Tx[:])
	e.Time = time.Unix(0, d.Int()).UTC()
	e.Ops = decodeOps(d, e.Number, true)
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("entry: %w: %w", ErrCorrupt, err)
	}
	return e, nil
}

func encodeTarget(w *wire.Encoder, t Target) {
	w.Raw(t.ID[:])
	w.Uint(t.Entry)
	w.Uint(t.Seq)
	w.Uint(t.Line)
}

func decodeTarget(d *wire.Decoder) (t Target) {
	d.Fixed(t.ID[:])
	t.Entry, t.Seq, t.Line = d.Uint(), d.Uint(), d.Uint()
	return t
}

// decodeParents demands that parents stand before entry number.
func decodeParents(d *wire.Decoder, op *Op, number uint64) {
	op.Parent = decodeTarget(d)
	n := d.Count(objects.IDSize + 3)
	if n > MaxParents-1 || n > 0 && op.Parent.Entry == 0 {
		d.Fail("%d further parents", n)
		return
	}
	for range n {
		op.Merged = append(op.Merged, decodeTarget(d))
	}
	for i, p := range op.Parents() {
		if p.Entry >= number || p.Entry == 0 && i > 0 {
			d.Fail("parent of entry %d at entry %d", number, p.Entry)
		}
	}
}

// MaxParents is how many parents a version has at most.
const MaxParents = 16

func encodePacks(w *wire.Encoder, packs []pack.Info) {
	w.Uint(uint64(len(packs)))
	for _, p := range packs {
		w.Raw(p.Name[:])
		w.Uint(uint64(p.Size))
	}
}

func decodePacks(d *wire.Decoder) []pack.Info {
	n := d.Count(17)
	if n == 0 {
		return nil
	}
	packs := make([]pack.Info, n)
	for i := range packs {
		d.Fixed(packs[i].Name[:])
		packs[i].Size = decodeSize(d, maxSize)
	}
	return packs
}

func encodeExpired(w *wire.Encoder, items []Expired) {
	w.Uint(uint64(len(items)))
	for i := range items {
		it := &items[i]
		w.Raw(it.Version[:])
		w.Uint(it.Entry)
		w.String(it.Path)
		w.Raw(it.Blob[:])
		w.Uint(uint64(it.Size))
	}
}

func decodeExpired(d *wire.Decoder) []Expired {
	n := d.Count(2*objects.IDSize + 3)
	if n > MaxExpired {
		d.Fail("%d expired contents", n)
		return nil
	}
	var items []Expired
	for i := 0; i < n && d.Err() == nil; i++ {
		var it Expired
		d.Fixed(it.Version[:])
		it.Entry, it.Path = d.Uint(), d.String()
		d.Fixed(it.Blob[:])
		it.Size = decodeSize(d, maxSize)
		items = append(items, it)
	}
	return items
}

// MaxExpired is how many contents one operation names at most.
const MaxExpired = 1 << 12

// maxOps bounds the operations of an entry: each takes some hundred bytes of
// memory.
const maxOps = 1 << 16

// maxSize bounds the sizes that are believed, in bytes or rows.
const maxSize = 1 << 60

func decodeSize(d *wire.Decoder, most uint64) int64 {
	n := d.Uint()
	if n > most {
		d.Fail("size %d", n)
		return 0
	}
	return int64(n)
}

// encodeOps writes operations, with full with the version records, without it
// as a digest.
func encodeOps(w *wire.Encoder, ops []Op, full bool) {
	w.Uint(uint64(len(ops)))
	for i := range ops {
		op := &ops[i]
		w.Byte(byte(op.Kind))
		switch op.Kind {
		case OpInit:
			w.Raw(op.Store[:])
		case OpCommit:
			w.Byte(byte(op.NameKind))
			w.String(op.Name)
			w.Raw(op.Target.ID[:])
			w.Uint(op.Target.Seq)
			w.Uint(op.Target.Line)
			encodeTarget(w, op.Parent)
			w.Uint(uint64(len(op.Merged)))
			for _, t := range op.Merged {
				encodeTarget(w, t)
			}
			if full {
				w.Bytes(op.Record)
			}
		case OpSetName, OpDeleteName:
			w.Byte(byte(op.NameKind))
			w.String(op.Name)
			encodeTarget(w, op.Target)
			w.String(op.Reason)
		case OpAddPacks, OpRemovePacks:
			encodePacks(w, op.Packs)
		case OpSetConfig:
			w.String(op.Key)
			w.String(op.Value)
		case OpUnsetConfig:
			w.String(op.Key)
		case OpExpire:
			w.String(op.Reason)
			if full {
				encodeExpired(w, op.Expired)
			} else {
				w.Uint(op.Expiry.First)
				w.Uint(op.Expiry.Last)
				w.Uint(op.Expiry.Count)
			}
		case OpCondemn:
			encodePacks(w, op.Packs)
			w.String(op.Reason)
		case OpUndelete:
			encodePacks(w, op.Packs)
		case OpHold, OpUnhold:
			encodeTarget(w, op.Target)
			w.String(op.Name)
			w.String(op.Reason)
		case OpRepair:
			w.String(op.Key)
			w.String(op.Reason)
		default:
			panic(fmt.Sprintf("journal: operation %d", op.Kind))
		}
	}
}

func decodeOps(d *wire.Decoder, number uint64, full bool) []Op {
	n := d.Count(2)
	if n > maxOps {
		d.Fail("%d operations", n)
		return nil
	}
	ops := make([]Op, 0, min(n, 8)) // an Op is large; grow by what is really there
	for range n {
		ops = append(ops, Op{})
		op := &ops[len(ops)-1]
		op.Kind = Kind(d.Byte())
		switch op.Kind {
		case OpInit:
			d.Fixed(op.Store[:])
		case OpCommit:
			op.NameKind = NameKind(d.Byte())
			op.Name = d.String()
			d.Fixed(op.Target.ID[:])
			op.Target.Entry, op.Target.Seq, op.Target.Line = number, d.Uint(), d.Uint()
			decodeParents(d, op, number)
			if full {
				op.Record = d.Bytes()
			}
		case OpSetName, OpDeleteName:
			op.NameKind = NameKind(d.Byte())
			op.Name = d.String()
			op.Target = decodeTarget(d)
			op.Reason = d.String()
		case OpAddPacks, OpRemovePacks:
			op.Packs = decodePacks(d)
		case OpSetConfig:
			op.Key, op.Value = d.String(), d.String()
		case OpUnsetConfig:
			op.Key = d.String()
		case OpExpire:
			op.Reason = d.String()
			if full {
				op.Expired = decodeExpired(d)
				op.Expiry = expiryOf(number, op.Expired)
			} else {
				op.Expiry = Expiry{Entry: number, First: d.Uint(), Last: d.Uint(), Count: d.Uint()}
			}
		case OpCondemn:
			op.Packs = decodePacks(d)
			op.Reason = d.String()
		case OpUndelete:
			op.Packs = decodePacks(d)
		case OpHold, OpUnhold:
			op.Target = decodeTarget(d)
			op.Name = d.String()
			op.Reason = d.String()
		case OpRepair:
			op.Key, op.Reason = d.String(), d.String()
		default:
			d.Fail("operation %d", op.Kind)
		}
		if d.Err() != nil {
			return nil
		}
	}
	return ops
}

// Digest is what an entry did, without what is long: the version record, the
// list of what expired.
type Digest struct {
	Number uint64
	Tx     [16]byte
	Time   time.Time
	Ops    []Op
}

func (e *Entry) digest() Digest { return Digest{Number: e.Number, Tx: e.Tx, Time: e.Time, Ops: e.Ops} }

// An entry file: magic, u32 format, u32 length of the core, core, digests of
// the entries after the base in ascending order (count, then transaction, time
// and operations of each), u32 CRC-32C of all.
const entryMagic = "MSTOREJE"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeEntry(core []byte, digests []Digest) []byte {
	w := wire.Encoder{B: make([]byte, 0, len(core)+64+64*len(digests))}
	w.Raw([]byte(entryMagic))
	w.B = binary.LittleEndian.AppendUint32(w.B, Format)
	w.B = binary.LittleEndian.AppendUint32(w.B, uint32(len(core)))
	w.Raw(core)
	w.Uint(uint64(len(digests)))
	for i := range digests {
		w.Raw(digests[i].Tx[:])
		w.Int(digests[i].Time.UnixNano())
		encodeOps(&w, digests[i].Ops, false)
	}
	return binary.LittleEndian.AppendUint32(w.B, crc32.Checksum(w.B, castagnoli))
}

// checkFile verifies magic, checksum and format of a small file and returns
// what is between.
func checkFile(b []byte, magic string) ([]byte, error) {
	if len(b) < len(magic)+8 || string(b[:len(magic)]) != magic {
		return nil, fmt.Errorf("not a %s file: %w", magic, ErrCorrupt)
	}
	n := len(b) - 4
	if crc32.Checksum(b[:n], castagnoli) != binary.LittleEndian.Uint32(b[n:]) {
		return nil, fmt.Errorf("checksum: %w", ErrCorrupt)
	}
	if f := binary.LittleEndian.Uint32(b[len(magic):]); f != Format {
		return nil, fmt.Errorf("format %d: %w", f, ErrFormat)
	}
	return b[len(magic)+4 : n], nil
}

// decodeEntry returns the entry, its hash, and the digests of those before it.
func decodeEntry(b []byte, number uint64) (*Entry, Hash, []Digest, error) {
	fail := func(err error) (*Entry, Hash, []Digest, error) {
		return nil, Hash{}, nil, fmt.Errorf("journal entry %d: %w", number, err)
	}
	body, err := checkFile(b, entryMagic)
	if err != nil {
		return fail(err)
	}
	if len(body) < 4 || uint64(binary.LittleEndian.Uint32(body)) > uint64(len(body)-4) {
		return fail(fmt.Errorf("length: %w", ErrCorrupt))
	}
	n := binary.LittleEndian.Uint32(body)
	core := body[4 : 4+n]
	e, err := decodeCore(core)
	if err != nil {
		return fail(err)
	}
	if e.Number != number {
		return fail(fmt.Errorf("is entry %d: %w", e.Number, ErrCorrupt))
	}
	d := wire.NewDecoder(body[4+n:])
	digests := make([]Digest, d.Count(2))
	if uint64(len(digests)) >= max(number, 1) {
		d.Fail("%d digests", len(digests))
	}
	for i := range digests {
		if d.Err() != nil {
			break
		}
		digests[i].Number = number - uint64(len(digests)) + uint64(i)
		d.Fixed(digests[i].Tx[:])
		digests[i].Time = time.Unix(0, d.Int()).UTC()
		digests[i].Ops = decodeOps(d, digests[i].Number, false)
	}
	if err := d.End(); err != nil {
		return fail(fmt.Errorf("digests: %w: %w", ErrCorrupt, err))
	}
	return e, objects.EntryHash(core), digests, nil
}

// base is the number whose state the digests of entry n build on: n with its
// lowest octal digit that is not zero cleared.
func base(n uint64) uint64 {
	for shift := 0; shift < 64; shift += 3 {
		if digit := n >> shift & 7; digit != 0 {
			return n - digit<<shift
		}
	}
	return 0
}

const prefix = "journal/"

func entryKey(n uint64) string { return fmt.Sprintf("%se%016x", prefix, n) }

func checkpointKey(generation uint64) string {
	return fmt.Sprintf("%sc%016x", prefix, ^generation)
}
