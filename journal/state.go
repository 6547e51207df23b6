package journal

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// Name is a branch, tag, alias or safety version.
type Name struct {
	Kind  NameKind
	Name  string
	To    Target
	Moved uint64 // the entry that made or last moved it
	Time  time.Time
	// Forked: the branch was put on a version, it has not grown to it; its next
	// commit begins a line.
	Forked bool
}

// State is a consistent snapshot of a store's names, packs and settings. It is
// not changed after Load or Append have returned it.
type State struct {
	Store  [16]byte
	Number uint64 // of the newest entry
	Hash   Hash   // of the newest entry
	Time   time.Time
	Names  map[string]Name
	Config map[string]string

	Versions uint64 // made so far
	// Packs lists the live packs that no segment covers, oldest first.
	Packs    []pack.Info
	Segments []pack.SegmentInfo
	// Filters are those of Packs, as far as they are known.
	Filters map[pack.Name]pack.Filter
	// Dead packs are removed but still listed in a segment.
	Dead map[pack.Name]bool
	// Condemned packs are to be removed: they are live no more, and still there.
	Condemned map[pack.Name]Condemned
	// Removals counts the entries that removed or condemned packs: content that
	// was there at another count may not be there now.
	Removals uint64
	// Expiries lists the operations that let content go, oldest first.
	Expiries []Expiry
	// Holds are exempt from every policy.
	Holds map[HoldKey]Hold
	// Mirror: the store is kept as a copy of another, and nothing is appended to it.
	Mirror bool

	generation uint64 // of the newest checkpoint; 0 for none
	base       uint64 // of the checkpoint that was read: less when newer ones are damaged
	watermark  uint64
	archive    []archiveInfo
	tail       []Digest // of the entries after the watermark
	newest     []*Entry // of the file that was read last, for who asks for them next
}

// Condemned is a pack that is to be removed.
type Condemned struct {
	pack.Info
	Entry  uint64 // that condemned it
	Time   time.Time
	Reason string
}

// HoldKey is what is held: a version, or one model of it.
type HoldKey struct {
	Version objects.VersionID
	Path    string // "" for the whole version
}

// Hold says that content is not to be let go.
type Hold struct {
	To     Target
	Path   string // "" for the whole version
	Reason string
	Entry  uint64 // that holds it
	Time   time.Time
}

func newState() *State {
	return &State{Names: map[string]Name{}, Config: map[string]string{}, Filters: map[pack.Name]pack.Filter{}, Dead: map[pack.Name]bool{},
		Condemned: map[pack.Name]Condemned{}, Holds: map[HoldKey]Hold{}}
}

// Hidden lists the packs that are not to be read: those that are removed but
// still listed somewhere, and the condemned ones. The caller must not change it.
func (s *State) Hidden() map[pack.Name]bool {
	if len(s.Condemned) == 0 {
		return s.Dead
	}
	all := maps.Clone(s.Dead)
	for name := range s.Condemned {
		all[name] = true
	}
	return all
}

// SortedHolds lists the holds, by the entries of their versions, then by path.
func (s *State) SortedHolds() []Hold {
	holds := slices.Collect(maps.Values(s.Holds))
	slices.SortFunc(holds, func(a, b Hold) int {
		return cmp.Or(cmp.Compare(a.To.Entry, b.To.Entry), cmp.Compare(a.Path, b.Path))
	})
	return holds
}

// SortedCondemned lists the condemned packs, by the entries that condemned them,
// then by name.
func (s *State) SortedCondemned() []Condemned {
	packs := slices.Collect(maps.Values(s.Condemned))
	slices.SortFunc(packs, func(a, b Condemned) int {
		return cmp.Or(cmp.Compare(a.Entry, b.Entry), bytes.Compare(a.Name[:], b.Name[:]))
	})
	return packs
}

// Watermark is the number up to which entries are in the archive.
func (s *State) Watermark() uint64 { return s.watermark }

// Files lists the keys of the files that the state is made of: the checkpoint,
// archive and index segments, and the entries after the watermark.
func (s *State) Files() (keys []string) {
	if s.base > 0 {
		keys = append(keys, checkpointKey(s.base))
	}
	for _, a := range s.archive {
		keys = append(keys, a.key())
	}
	for _, x := range s.Segments {
		keys = append(keys, x.Key())
	}
	for i := range s.tail {
		if !s.tail[i].Batched {
			keys = append(keys, entryKey(s.tail[i].Number))
		}
	}
	return keys
}

// fileOf returns the number of the first entry of the file that holds entry n, which
// lies after the watermark.
func (s *State) fileOf(n uint64) uint64 {
	for s.tail[n-s.watermark-1].Batched {
		n--
	}
	return n
}

// keyOf names the file in which entry n came.
func (s *State) keyOf(n uint64) string {
	if n > s.watermark {
		n = s.fileOf(n)
	}
	return entryKey(n)
}

// clone copies what apply changes.
func (s *State) clone() *State {
	c := *s
	c.Names = maps.Clone(s.Names)
	c.Config = maps.Clone(s.Config)
	c.Filters = maps.Clone(s.Filters)
	c.Dead = maps.Clone(s.Dead)
	c.Condemned = maps.Clone(s.Condemned)
	c.Holds = maps.Clone(s.Holds)
	c.Packs = slices.Clip(s.Packs)
	c.Expiries = slices.Clip(s.Expiries)
	c.tail = slices.Clip(s.tail)
	return &c
}

// apply makes the state follow one more entry.
func (s *State) apply(d Digest) {
	at := d.Time // of what is condemned: no earlier than the entry before, if that clock was right
	if s.Time.After(at) {
		at = s.Time
	}
	s.Number, s.Time = d.Number, d.Time
	s.tail = append(s.tail, d)
	for i := range d.Ops {
		op := &d.Ops[i]
		switch op.Kind {
		case OpInit:
			s.Store = op.Store
		case OpCommit:
			s.Versions++
			s.Names[op.Name] = Name{Kind: op.NameKind, Name: op.Name, To: op.Target, Moved: d.Number, Time: d.Time}
		case OpSetName:
			s.Names[op.Name] = Name{Kind: op.NameKind, Name: op.Name, To: op.Target, Moved: d.Number, Time: d.Time, Forked: op.NameKind == Branch || op.NameKind == Remote}
		case OpDeleteName:
			delete(s.Names, op.Name)
		case OpAddPacks:
			s.Packs = append(s.Packs, op.Packs...)
			for i, f := range op.Filters {
				if len(f) > 0 && i < len(op.Packs) {
					s.Filters[op.Packs[i].Name] = f
				}
			}
			for _, p := range op.Packs {
				delete(s.Condemned, p.Name)
			}
		case OpRemovePacks:
			s.Removals++
			for _, p := range op.Packs {
				delete(s.Condemned, p.Name)
				if i := slices.IndexFunc(s.Packs, func(q pack.Info) bool { return q.Name == p.Name }); i >= 0 {
					s.Packs = slices.Delete(slices.Clone(s.Packs), i, i+1)
				} else {
					s.Dead[p.Name] = true
				}
			}
		case OpSetConfig:
			s.Config[op.Key] = op.Value
		case OpUnsetConfig:
			delete(s.Config, op.Key)
		case OpExpire:
			s.Expiries = append(s.Expiries, op.Expiry)
		case OpCondemn:
			s.Removals++
			for _, p := range op.Packs {
				s.Condemned[p.Name] = Condemned{Info: p, Entry: d.Number, Time: at, Reason: op.Reason}
			}
		case OpUndelete:
			for _, p := range op.Packs {
				delete(s.Condemned, p.Name)
			}
		case OpHold:
			s.Holds[HoldKey{op.Target.ID, op.Name}] = Hold{To: op.Target, Path: op.Name, Reason: op.Reason, Entry: d.Number, Time: d.Time}
		case OpUnhold:
			delete(s.Holds, HoldKey{op.Target.ID, op.Name})
		}
	}
}

// SortedNames lists the names of one kind, or of all kinds when it is 0, by
// name.
func (s *State) SortedNames(kind NameKind) []Name {
	var out []Name
	for _, n := range s.Names {
		if kind == 0 || n.Kind == kind {
			out = append(out, n)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
