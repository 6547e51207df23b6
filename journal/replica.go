package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
)

// MirrorKey marks a store that is kept as a copy of another. It is listed with the
// journal, so that whoever reads that knows it without another request.
const MirrorKey = prefix + "mirror"

// Prefix is the prefix of the keys of all files of the journal.
const Prefix = prefix

// Survey is what there is of a journal at one moment, file by file.
type Survey struct {
	// State is the newest snapshot; nil when Err says why there is none.
	State *State
	Err   error
	// Checkpoints are the two newest that can be read, newest first: the second is there
	// for when the first is damaged. Damaged are newer ones that cannot.
	Checkpoints []*State
	Damaged     []Finding
	// Files are all that were listed, by key.
	Files map[string]int64
	// Entries are the numbers that files of entries begin with, ascending.
	Entries []uint64
	Mirror  bool
}

// Survey reads the newest snapshot and the checkpoints. The error says that it could
// not look, or is ErrNotStore; damage is in the Survey.
func (j *Journal) Survey(ctx context.Context) (v *Survey, err error) {
	for range 8 {
		if v, err = j.surveyOnce(ctx); err != nil || v.Err == nil {
			return v, err
		}
		v.State = nil
		if !errors.Is(v.Err, backend.ErrNotFound) && !errors.Is(v.Err, ErrMissing) {
			break
		}
	}
	return v, err
}

func (j *Journal) surveyOnce(ctx context.Context) (*Survey, error) {
	l, err := j.list(ctx)
	if err != nil {
		return nil, err
	}
	v := &Survey{Files: map[string]int64{}, Mirror: l.mirror}
	for _, i := range l.files {
		v.Files[i.Key] = i.Size
		if n, ok := ParseEntryKey(i.Key); ok {
			v.Entries = append(v.Entries, n)
		}
	}
	generations := l.checkpoints
	if len(generations)+len(v.Entries) == 0 {
		return v, ErrNotStore
	}
	for _, g := range generations {
		if len(v.Checkpoints) == 2 {
			break
		}
		c, err := j.checkpoint(ctx, g)
		switch {
		case err == nil:
			v.Checkpoints = append(v.Checkpoints, c)
		case errors.Is(err, ErrCorrupt):
			if len(v.Checkpoints) == 0 {
				v.Damaged = append(v.Damaged, Finding{checkpointKey(g), err})
			}
		case errors.Is(err, backend.ErrNotFound):
			v.Err = err
			return v, nil
		default:
			return nil, err
		}
	}
	if v.State, err = j.load(ctx, l, 0); err != nil {
		v.State, v.Err = nil, err
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return v, nil
	}
	v.State.Mirror = l.mirror
	return v, nil
}

// EntryKey is the key of the file that begins with entry n.
func EntryKey(n uint64) string { return entryKey(n) }

// ParseEntryKey tells which entry a file of entries begins with.
func ParseEntryKey(key string) (uint64, bool) { return parseKey(key, 'e') }

// ParseCheckpointKey tells which generation a checkpoint has.
func ParseCheckpointKey(key string) (uint64, bool) {
	n, ok := parseKey(key, 'c')
	return ^n, ok
}

// IsArchiveKey tells whether a key is that of an archive segment.
func IsArchiveKey(key string) bool {
	_, ok := parseKey(key, 'a')
	return ok
}

func parseKey(key string, kind byte) (uint64, bool) {
	name, ok := strings.CutPrefix(key, prefix)
	if !ok || len(name) != 17 || name[0] != kind || name != strings.ToLower(name) {
		return 0, false
	}
	n, err := strconv.ParseUint(name[1:], 16, 64)
	return n, err == nil
}

// Generation counts the checkpoints up to the one that a snapshot was read from.
func (s *State) Generation() uint64 { return s.base }

// CheckpointKey is the key of the checkpoint that a snapshot was read from; "" for none.
func (s *State) CheckpointKey() string {
	if s.base == 0 {
		return ""
	}
	return checkpointKey(s.base)
}

// Archives lists the archive segments of a snapshot: their keys, and how long they are.
func (s *State) Archives() (out []backend.Info) {
	for _, a := range s.archive {
		out = append(out, backend.Info{Key: a.key(), Size: a.size()})
	}
	return out
}

// CheckArchive verifies an archive segment of s, which lies in b, whole: its checksums,
// and that each entry follows the one before.
func CheckArchive(ctx context.Context, b backend.Backend, s *State, key string) error {
	for _, info := range s.archive {
		if info.key() != key {
			continue
		}
		j := New(b, Options{})
		if err := j.verifyArchive(ctx, info); err != nil {
			return err
		}
		a := openArchive(ctx, b, info)
		blocks, err := a.directory(ctx)
		if err != nil {
			return err
		}
		var prev Hash
		for i := range blocks {
			cores, err := a.cores(ctx, &blocks[i])
			if err != nil {
				return err
			}
			for k, core := range cores {
				e, err := decodeCore(core)
				if err != nil {
					return err
				}
				n := blocks[i].First + uint64(k)
				if e.Number != n || n > info.First && e.Prev != prev {
					return fmt.Errorf("entry %d does not follow the one before: %w", n, ErrCorrupt)
				}
				prev = objects.EntryHash(core)
			}
		}
		if info.Last == s.watermark && s.Number == s.watermark && prev != s.Hash {
			return fmt.Errorf("hash of entry %d: %w", info.Last, ErrCorrupt)
		}
		return nil
	}
	return fmt.Errorf("%q is of no archive segment: %w", key, ErrNotFound)
}

// EntryFile is what a file of entries holds.
type EntryFile struct {
	Entries []*Entry
	Hash    Hash // of the last
}

// First is the number of the first entry.
func (f *EntryFile) First() uint64 { return f.Entries[0].Number }

// Last is the number of the last entry.
func (f *EntryFile) Last() uint64 { return f.Entries[len(f.Entries)-1].Number }

// MaxEntryFile and MaxCheckpointFile bound such files in bytes.
const (
	MaxEntryFile      = maxEntry
	MaxCheckpointFile = maxCheckpoint
)

// CheckEntryFile verifies a file of entries: its checksum, that it belongs to its key,
// and that each entry follows the one before.
func CheckEntryFile(key string, data []byte) (*EntryFile, error) {
	n, ok := ParseEntryKey(key)
	if !ok {
		return nil, fmt.Errorf("%q is not the key of an entry: %w", key, ErrNotFound)
	}
	f, err := decodeFile(data, n)
	if err != nil {
		return nil, err
	}
	return &EntryFile{f.entries, f.hash()}, nil
}

// CheckCheckpointFile verifies a checkpoint: its checksum, and that it belongs to its
// key.
func CheckCheckpointFile(key string, data []byte) (*State, error) {
	g, ok := ParseCheckpointKey(key)
	if !ok {
		return nil, fmt.Errorf("%q is not the key of a checkpoint: %w", key, ErrNotFound)
	}
	return decodeCheckpoint(data, g)
}

// CheckAgainstEntries demands that a checkpoint says of names, settings, versions and
// what is held, condemned or let go what the entries up to it say, which are in its
// archive. It reads all of them.
func (j *Journal) CheckAgainstEntries(ctx context.Context, checkpoint *State) error {
	replayed := newState()
	for e, err := range j.History(checkpoint).Entries(ctx, 0) {
		if err != nil {
			return err
		}
		d := e.digest()
		d.Ops = withoutRecords(append([]Op(nil), d.Ops...))
		replayed.apply(d)
		replayed.tail = nil
		replayed.Hash = objects.EntryHash(e.encodeCore())
	}
	want, got := replayed.clone(), checkpoint.clone()
	for _, x := range []*State{want, got} {
		x.generation, x.archive = 0, nil
		x.Packs, x.Segments, x.Dead = nil, nil, nil
	}
	if !bytes.Equal(want.encodeState(), got.encodeState()) {
		return fmt.Errorf("checkpoint %d does not say what the entries say: %w", checkpoint.base, ErrCorrupt)
	}
	return nil
}

// Settings reads the shared settings as far as the journal can be read, also where it
// is damaged: what cannot be read is passed over. It is for finding what repairs it.
func (j *Journal) Settings(ctx context.Context) (map[string]string, error) {
	l, err := j.list(ctx)
	if err != nil {
		return nil, err
	}
	s := newState()
	for _, g := range l.checkpoints {
		if c, err := j.checkpoint(ctx, g); err == nil {
			s = c
			break
		}
	}
	seen := s.Number
	for _, n := range l.keys {
		if n <= seen {
			continue
		}
		f, err := j.read(ctx, n)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			continue
		}
		for _, d := range f.all() {
			if d.Number > seen {
				d.Ops = withoutRecords(append([]Op(nil), d.Ops...))
				s.apply(d)
				seen = d.Number
			}
		}
	}
	return s.Config, nil
}
