package journal

import (
	"maps"
	"slices"
	"sort"
	"time"

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
	// Dead packs are removed but still listed in a segment.
	Dead map[pack.Name]bool
	// Removals counts the entries that removed packs: content that was there
	// at another count may not be there now.
	Removals uint64

	generation uint64 // of the newest checkpoint; 0 for none
	base       uint64 // of the checkpoint that was read: less when newer ones are damaged
	watermark  uint64
	archive    []archiveInfo
	tail       []Digest // of the entries after the watermark
}

// Watermark is the number up to which entries are in the archive.
func (s *State) Watermark() uint64 { return s.watermark }

// clone copies what apply changes.
func (s *State) clone() *State {
	c := *s
	c.Names = maps.Clone(s.Names)
	c.Config = maps.Clone(s.Config)
	c.Dead = maps.Clone(s.Dead)
	c.Packs = slices.Clip(s.Packs)
	c.tail = slices.Clip(s.tail)
	return &c
}

// apply makes the state follow one more entry.
func (s *State) apply(d Digest) {
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
			s.Names[op.Name] = Name{Kind: op.NameKind, Name: op.Name, To: op.Target, Moved: d.Number, Time: d.Time, Forked: op.NameKind == Branch}
		case OpDeleteName:
			delete(s.Names, op.Name)
		case OpAddPacks:
			s.Packs = append(s.Packs, op.Packs...)
		case OpRemovePacks:
			s.Removals++
			for _, p := range op.Packs {
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
