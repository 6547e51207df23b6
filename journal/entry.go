package journal

import (
	"errors"
	"fmt"
	"slices"
	"time"

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
	// ErrMirror: the store is a mirror of another, which alone is written to.
	ErrMirror = errors.New("the store is a mirror")
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
	Remote NameKind = 5 // where a branch of another store was when it was last looked at
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
	case Remote:
		return "remote branch"
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
	// Filters, of OpAddPacks, are those of Packs as far as they are known; nil for none.
	// They are no part of what an entry is: its hash does not cover them, and once it is
	// folded they are gone.
	Filters []pack.Filter
	Key     string
	Value   string
	Reason  string
	Expired []Expired // of OpExpire; nil in a digest
	Expiry  Expiry    // of OpExpire; made from Expired
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

// Digest is what an entry did, without what is long: the version record, the
// list of what expired.
type Digest struct {
	Number  uint64
	Tx      [16]byte
	Time    time.Time
	Ops     []Op
	Batched bool // it is in one file with the entry before
}

func (e *Entry) digest() Digest { return Digest{Number: e.Number, Tx: e.Tx, Time: e.Time, Ops: e.Ops} }

// base clears the lowest hex digit of n that is not zero.
func base(n uint64) uint64 {
	for shift := 0; shift < 64; shift += 4 {
		if digit := n >> shift & 15; digit != 0 {
			return n - digit<<shift
		}
	}
	return 0
}

// lowestBase is the least base of the numbers from n to m. The intervals from a base
// to its number lie apart or one within the other, so only the bases of m are looked
// at.
func lowestBase(n, m uint64) uint64 {
	b := base(m)
	for b >= n {
		b = base(b)
	}
	return b
}

const prefix = "journal/"

func entryKey(n uint64) string { return fmt.Sprintf("%se%016x", prefix, n) }

func checkpointKey(generation uint64) string {
	return fmt.Sprintf("%sc%016x", prefix, ^generation)
}
