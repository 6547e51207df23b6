package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// Copy is a version record that a pack's footer repeats, with what was meant to go
// into the journal beside it.
type Copy struct {
	Pack   pack.Info
	Intent *pack.Intent // nil: only the record is known
	Record []byte
}

// Rebuilt is a file of the journal that was written again.
type Rebuilt struct {
	Key  string
	From string // what helped: "a changed byte", "later entries", "a pack's footer"
}

// Rebuild writes entries and checkpoints again that are damaged, and entries that
// are missing: a file with one byte changed from its checksum, an entry from what
// later entries repeat of it and the copies of version records in the footers of
// packs. An entry counts as rebuilt only when its hash is what the next one says, as
// far as there is a next one. What cannot be rebuilt stays as it is.
func (j *Journal) Rebuild(ctx context.Context, copies []Copy) ([]Rebuilt, error) {
	r := &rebuilding{j: j, records: map[objects.VersionID]*Copy{}}
	for i := range copies {
		if _, id, err := objects.DecodeVersion(copies[i].Record); err == nil {
			if old := r.records[id]; old == nil || old.Intent == nil {
				r.records[id] = &copies[i]
			}
		}
	}
	if err := r.mend(ctx); err != nil {
		return r.done, err
	}
	return r.done, r.entries(ctx)
}

type rebuilding struct {
	j       *Journal
	records map[objects.VersionID]*Copy
	done    []Rebuilt
}

func (r *rebuilding) write(ctx context.Context, key string, data []byte, from string) error {
	w, err := r.j.b.Replace(ctx, key)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return errors.Join(err, w.Abort())
	}
	if err := w.Commit(); err != nil {
		return err
	}
	r.done = append(r.done, Rebuilt{key, from})
	return nil
}

// mend looks for damage to one byte, in every small file.
func (r *rebuilding) mend(ctx context.Context) error {
	infos, err := r.j.b.List(ctx, prefix, "", 0)
	if err != nil {
		return err
	}
	for _, i := range infos {
		var good func([]byte) bool
		name := strings.TrimPrefix(i.Key, prefix)
		switch {
		case len(name) == 17 && name[0] == 'e':
			n, err := strconv.ParseUint(name[1:], 16, 64)
			if err != nil {
				continue
			}
			good = func(b []byte) bool { _, err := decodeFile(b, n); return err == nil }
		case len(name) == 17 && name[0] == 'c':
			good = func(b []byte) bool { _, err := openCheckpoint(b); return err == nil }
		default:
			continue
		}
		if i.Size > maxMend {
			continue
		}
		b, err := backend.ReadAll(ctx, r.j.b, i.Key, maxMend)
		if err != nil || good(b) {
			continue
		}
		if m := mended(b, good); m != nil {
			if err := r.write(ctx, i.Key, m, "a changed byte"); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// maxMend bounds the files in bytes in which a changed byte is looked for: that takes
// time with the square of the length.
const maxMend = 16 << 10

// mended finds the byte that was changed in a file that ends with its CRC-32C, by
// what that says; nil when it was not just one. A CRC is linear: how a change of
// one byte changes it depends on where the byte is, not on what else there is.
func mended(b []byte, good func([]byte) bool) []byte {
	n := len(b) - 4
	if n < 1 {
		return nil
	}
	got := crc32.Checksum(b[:n], castagnoli)
	said := uint32(b[n]) | uint32(b[n+1])<<8 | uint32(b[n+2])<<16 | uint32(b[n+3])<<24
	want := got ^ said
	try := func(at int, x byte) []byte {
		m := bytes.Clone(b)
		m[at] ^= x
		if good(m) {
			return m
		}
		return nil
	}
	for k := range 4 { // the checksum itself
		if x := byte(want >> (8 * k)); want == uint32(x)<<(8*k) && x != 0 {
			return try(n+k, x)
		}
	}
	// The CRC of a message that differs in its last byte, and then of one zero byte more
	// each time.
	var zero [1]byte
	for x := 1; x < 256; x++ {
		a := crc32.Update(0, castagnoli, []byte{byte(x)}) ^ crc32.Update(0, castagnoli, zero[:])
		for at := n - 1; at >= 0; at-- {
			if a == want {
				if m := try(at, byte(x)); m != nil {
					return m
				}
			}
			a = shifted(a)
		}
	}
	return nil
}

// shifted tells by how much two checksums differ after one more byte that is the
// same, of two that differ by a.
func shifted(a uint32) uint32 { return castagnoli[byte(a)] ^ a>>8 }

// entries rebuilds entries after the newest checkpoint that can be read.
func (r *rebuilding) entries(ctx context.Context) error {
	l, err := r.j.list(ctx)
	if err != nil {
		return err
	}
	base := newState()
	for _, g := range l.checkpoints {
		if c, err := r.j.checkpoint(ctx, g); err == nil {
			base = c
			break
		}
	}
	for len(l.keys) > 0 && l.keys[0] <= base.watermark {
		l.keys = l.keys[1:]
	}
	if len(l.keys) == 0 {
		return nil
	}
	s := base
	for last := l.keys[len(l.keys)-1]; s.Number < last; {
		n := s.Number + 1
		f, err := r.j.read(ctx, n)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && f.entries[0].Prev != s.Hash && n > 1 {
			return nil // another store's, or damage beyond this
		}
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, backend.ErrNotFound) {
				return err
			}
			later := l.keys[sort.Search(len(l.keys), func(i int) bool { return l.keys[i] > n }):]
			if f, err = r.file(ctx, s, n, later); err != nil || f == nil {
				return err
			}
		}
		s = s.clone()
		for _, d := range f.all()[len(f.digests):] {
			d.Ops = withoutRecords(slices.Clone(d.Ops))
			s.apply(d)
		}
		s.Hash = f.hash()
	}
	return nil
}

// file makes the file again that begins with entry n and follows s; nil when that is not
// possible. later are the files after it.
func (r *rebuilding) file(ctx context.Context, s *State, n uint64, later []uint64) (*file, error) {
	entries, from := r.repeated(ctx, n, later), "later entries"
	if entries == nil {
		entries, from = r.footer(ctx, s, n), "a pack's footer"
	}
	if entries == nil {
		return nil, nil
	}
	f := &file{entries: entries}
	prev := s.Hash
	for _, e := range entries {
		e.Prev = prev
		core := e.encodeCore()
		f.cores = append(f.cores, core)
		prev = objects.EntryHash(core)
	}
	if next, err := r.j.read(ctx, f.last()+1); err == nil && next.entries[0].Prev != prev {
		return nil, nil
	}
	f.digests = s.repeated(f.first(), f.last())
	if err := r.write(ctx, entryKey(n), f.encode(), from); err != nil {
		return nil, fmt.Errorf("rebuilding journal entry %d: %w", n, err)
	}
	return f, nil
}

// repeated finds what a later file says of entry n, and of those that came with it.
func (r *rebuilding) repeated(ctx context.Context, n uint64, later []uint64) []*Entry {
	for _, key := range later {
		f, err := r.j.read(ctx, key)
		if err != nil {
			continue
		}
		i := slices.IndexFunc(f.digests, func(d Digest) bool { return d.Number == n })
		if i < 0 {
			continue
		}
		var entries []*Entry
		for _, d := range f.digests[i:] {
			if d.Number > n && !d.Batched {
				break
			}
			e := r.entry(d)
			if e == nil {
				return nil
			}
			entries = append(entries, e)
		}
		return entries
	}
	return nil
}

// entry makes an entry from its digest; nil when more would have to be known.
func (r *rebuilding) entry(d Digest) *Entry {
	e := &Entry{Number: d.Number, Tx: d.Tx, Time: d.Time, Ops: slices.Clone(d.Ops)}
	for i := range e.Ops {
		switch op := &e.Ops[i]; op.Kind {
		case OpCommit:
			c := r.records[op.Target.ID]
			if c == nil {
				return nil
			}
			op.Record = c.Record
		case OpExpire:
			return nil // nothing else knows what it names
		}
	}
	return e
}

// footer makes entry n from what a pack says it was written for: a version on a
// name that is where the version's parent is, in packs that the journal does not
// name yet.
func (r *rebuilding) footer(ctx context.Context, s *State, n uint64) []*Entry {
	var found *Entry
	for _, c := range r.records {
		if c.Intent == nil || s.names(c.Pack.Name) {
			continue
		}
		v, id, err := objects.DecodeVersion(c.Record)
		if err != nil {
			continue
		}
		op := Op{Kind: OpCommit, NameKind: NameKind(c.Intent.NameKind), Name: c.Intent.Name, Record: c.Record,
			Target: Target{ID: id, Entry: n, Seq: v.Seq, Line: n}}
		at, exists := s.Names[op.Name]
		switch {
		case len(v.Parents) == 0 && !exists:
		case exists && len(v.Parents) > 0 && at.Kind == op.NameKind && at.To.ID == v.Parents[0]:
			op.Parent = at.To
			if !at.Forked {
				op.Target.Line = at.To.Line
			}
		default:
			continue
		}
		if len(v.Parents) > 1 {
			if op.Merged, err = r.merged(ctx, s, v.Parents[1:]); err != nil {
				continue
			}
		}
		if found != nil {
			return nil // two could be it
		}
		found = &Entry{Number: n, Tx: c.Intent.Tx, Time: c.Intent.Time,
			Ops: []Op{{Kind: OpAddPacks, Packs: append(slices.Clone(c.Intent.Packs), c.Pack)}, op}}
	}
	if found == nil {
		return nil
	}
	add := &found.Ops[0]
	for _, p := range add.Packs {
		var f pack.Filter // as far as it can be told
		if x, err := pack.OpenIndex(ctx, r.j.b, p); err == nil {
			f, _ = x.Filter()
		}
		add.Filters = append(add.Filters, f)
	}
	return []*Entry{found}
}

// merged finds the further parents of a version that follows s.
func (r *rebuilding) merged(ctx context.Context, s *State, ids []objects.VersionID) ([]Target, error) {
	h := r.j.History(s)
	var out []Target
	for _, id := range ids {
		found, err := h.FindID(ctx, id.String(), 2)
		if err != nil {
			return nil, err
		}
		if len(found) != 1 { // recorded twice, it could be either
			return nil, fmt.Errorf("version %s: %w", id, ErrNotFound)
		}
		out = append(out, found[0])
	}
	return out, nil
}

// names tells whether a state knows a pack that no segment covers.
func (s *State) names(p pack.Name) bool {
	_, condemned := s.Condemned[p]
	return condemned || slices.ContainsFunc(s.Packs, func(q pack.Info) bool { return q.Name == p })
}
