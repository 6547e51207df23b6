package store

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// FsckOptions are the settings of Fsck.
type FsckOptions struct {
	// Quick looks at structure and reachability only: no piece is decoded.
	Quick bool
	// Repair writes again what is damaged, as far as parity, other copies, the working
	// directory, mirrors, remotes or the second store have it; and takes back entries that
	// are lost here and a mirror has.
	Repair bool
	// Sample, above 0 and up to 1: besides the structure of everything, the content of
	// that share of the packs only; the next check goes on where this one ended.
	Sample float64
	// Since, if not zero: besides the structure of everything, the content of packs
	// that came since then only.
	Since time.Time
	// Remote: ask the remotes whether they have what they promise. One that cannot be
	// reached is an error then.
	Remote bool
}

func (o *FsckOptions) partial() bool { return o.Sample > 0 || !o.Since.IsZero() }

// Problem is one thing that is wrong.
type Problem struct {
	Kind     string // corrupt, missing, dangling-ref, index
	Object   string // hex: a blob, piece, tree node or version, or a file's key
	Path     string // of a model that it hurts
	Versions []VersionRef
	Detail   string
}

// VersionRef names a version that a problem hurts.
type VersionRef struct {
	Version string // "v3"
	Branch  string // the branch that it was committed to
	ID      objects.VersionID
}

// FsckReport is the outcome of Fsck.
type FsckReport struct {
	OK       bool
	Objects  int64 // records, versions and journal files that were looked at
	Bytes    int64 // raw bytes of content that were hashed
	Problems []Problem
	Repaired int      // files and contents that Repair wrote again
	Repairs  []Repair // what these were
	Expired  int      // contents that retention let go
	Promised int      // contents that lie at a remote alone
	// ExpiredThere counts contents of Promised that retention let go at the remote: known
	// with FsckOptions.Remote only.
	ExpiredThere int
}

// Fsck proves the integrity of the store: the journal's chain, every pack,
// every piece, recipe and tree node by its hash, every blob by the hash of all
// its bytes, and that every version has what it names. Damage is in the
// report; the error says that it could not look.
func (s *Store) Fsck(ctx context.Context, o FsckOptions) (*FsckReport, error) {
	if o.Sample < 0 || o.Sample > 1 {
		return nil, as(ErrUsage, fmt.Errorf("a sample of %v is not a share above 0 and up to 1", o.Sample))
	}
	s, done := s.fresh()
	defer done()
	f, err := s.check(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Repair && (!f.rep.OK || s.aheadOf(ctx, f.sn.st)):
		if f, err = s.repair(ctx, o, f); err != nil {
			return nil, err
		}
	case o.Repair:
		s.protectOrWarn(ctx, true) // parity that is lost is named by nothing
	}
	s.sweep(ctx)
	cache := s.openStatCache()
	for _, p := range f.rep.Problems {
		if p.Path != "" {
			cache.drop(p.Path) // so that the next commit reads it, and stores it afresh
		}
	}
	cache.save()
	s.noteScrub(f)
	return f.rep, nil
}

// check looks at everything once, as if some packs were not there.
func (s *Store) check(ctx context.Context, o FsckOptions, without map[pack.Name]bool) (*fsck, error) {
	f := newFsck(s, o, without)
	sn, err := s.load(ctx)
	if errors.Is(err, ErrDamaged) {
		f.problem(Problem{Kind: "corrupt", Detail: err.Error()})
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	if len(without) > 0 {
		sn = s.snapshotWithout(sn.st, without)
	}
	return s.checkAs(ctx, f, sn)
}

// checkAs looks at a snapshot.
func (s *Store) checkAs(ctx context.Context, f *fsck, sn *snapshot) (*fsck, error) {
	f.sn = sn
	sn.r.KeepPieces(keepPieces)
	for _, step := range []func(context.Context) error{f.format, f.journal, f.packs, f.condemned, f.pick, f.trees, f.contents, f.records, f.names, f.parity, f.attribute} {
		if err := step(ctx); err != nil {
			return nil, classify(err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.unreached(); err != nil { // what seems damaged could only not be read
			return nil, fmt.Errorf("the check ended early: %w", err)
		}
	}
	slices.SortStableFunc(f.rep.Problems, func(a, b Problem) int { return strings.Compare(a.Kind+a.Path+a.Object, b.Kind+b.Path+b.Object) })
	f.rep.OK = len(f.rep.Problems) == 0
	return f, nil
}

// snapshotWithout is a snapshot as if some packs were not there.
func (s *Store) snapshotWithout(st *journal.State, without map[pack.Name]bool) *snapshot {
	sn := s.snapshotOf(st)
	hidden := maps.Clone(st.Hidden())
	maps.Copy(hidden, without)
	set := pack.NewSet(s.b, st.Packs, st.Segments, hidden)
	set.Recover = func(ctx context.Context) ([]pack.Info, error) { return sn.h.LivePacks(ctx) }
	sn.r = objects.NewReader(s.b, set)
	sn.content = sn.r
	return sn
}

// keepPieces is how many bytes of decoded pieces are kept, as bases of those that
// come after.
const keepPieces = 64 << 20

func newFsck(s *Store, o FsckOptions, without map[pack.Name]bool) *fsck {
	return &fsck{s: s, o: o, without: without, rep: &FsckReport{}, bad: map[[objects.IDSize]byte]*Problem{}, damaged: map[pack.Name]bool{},
		checked: map[pack.Name]map[uint32]bool{}, blobs: map[objects.BlobID]int64{}, partOf: map[[objects.IDSize]byte]bool{}}
}

type fsck struct {
	s   *Store
	o   FsckOptions
	sn  *snapshot
	rep *FsckReport

	mu      sync.Mutex         // of what several goroutines note; not held while the store is read
	without map[pack.Name]bool // packs that are taken as gone
	damaged map[pack.Name]bool // packs of which something cannot be read
	picked  map[pack.Name]bool // packs whose content is read, of a partial check
	sampled pack.Name          // the last of these

	bad     map[[objects.IDSize]byte]*Problem // blobs and tree nodes that cannot be read
	checked map[pack.Name]map[uint32]bool     // records found right, by offset
	blobs   map[objects.BlobID]int64          // all that versions name, with their size
	partOf  map[[objects.IDSize]byte]bool     // pieces of blobs that cannot be read, which are told with these
	layouts []packRows
	seen    map[objects.TreeID]bool
	raw     int64
	total   int64
	done    atomic.Int64
}

type packRows struct {
	info pack.Info
	rows []pack.Row
}

func (f *fsck) problem(p Problem) { f.rep.Problems = append(f.rep.Problems, p) }

func kindOfDamage(err error) string {
	if errors.Is(err, objects.ErrMissing) || errors.Is(err, backend.ErrNotFound) || errors.Is(err, pack.ErrNotFound) || errors.Is(err, journal.ErrMissing) {
		return "missing"
	}
	return "corrupt"
}

func (f *fsck) format(ctx context.Context) error {
	b, err := backend.ReadAll(ctx, f.s.b, formatKey, 256)
	if err != nil || string(b) != formatLine {
		if err == nil {
			err = errors.New("does not say what it should")
		}
		f.problem(Problem{Kind: "corrupt", Object: formatKey, Detail: fmt.Sprintf("the format file: %v (nothing else depends on it)", err)})
	}
	return nil
}

func (f *fsck) journal(ctx context.Context) error {
	seen := map[string]bool{}
	files, err := f.s.j.Verify(ctx, f.sn.st, func(x journal.Finding) {
		if !seen[x.Key] {
			seen[x.Key] = true
			f.problem(Problem{Kind: kindOfDamage(x.Err), Object: x.Key, Detail: x.Err.Error()})
		}
	})
	f.rep.Objects += int64(files)
	return err
}

// trees reads every tree node that a version reaches, and gathers the blobs.
func (f *fsck) trees(ctx context.Context) error {
	f.seen = map[objects.TreeID]bool{}
	for e, err := range f.sn.h.Entries(ctx, 0) {
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			break // reported by the walk over the journal
		}
		rec, _, err := e.Version()
		if err != nil || rec == nil {
			continue
		}
		f.rep.Objects++
		if err := f.tree(ctx, rec.Tree); err != nil {
			return err
		}
	}
	return nil
}

func (f *fsck) tree(ctx context.Context, root objects.TreeID) error {
	return f.sn.tree(root).Walk(ctx, func(id objects.TreeID, entries []objects.TreeEntry, err error) (bool, error) {
		if err != nil {
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			f.hurt(id, Problem{Kind: kindOfDamage(err), Object: id.String(), Detail: err.Error()})
			return false, nil
		}
		if f.seen[id] {
			return false, nil
		}
		f.seen[id] = true
		for _, e := range entries {
			f.blobs[e.Blob] = e.Size
		}
		return true, nil
	})
}

// hurt notes an object that versions cannot do without.
func (f *fsck) hurt(id [objects.IDSize]byte, p Problem) {
	if f.bad[id] == nil {
		f.bad[id] = &p
	}
}

// contents verifies every blob: that all its pieces are there, and, unless
// quick, that they are right and join to the blob's hash. Blobs are read in the
// order in which they lie in the packs, so that the bases of one are mostly those
// that were read before.
func (f *fsck) contents(ctx context.Context) error {
	type blob struct {
		id   objects.BlobID
		size int64
		at   place
	}
	order := map[pack.Name]int{}
	for _, p := range f.layouts { // those that no segment covers are the newest, and come first
		order[p.info.Name] = len(order)
		if slices.Contains(f.sn.st.Packs, p.info) {
			order[p.info.Name] += len(f.layouts)
		}
	}
	blobs := make([]blob, 0, len(f.blobs))
	for id, size := range f.blobs {
		x, err := f.sn.expiry(ctx, id)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && x != nil { // else it is read, which tells what is wrong
			f.rep.Expired++
			continue
		}
		if err == nil {
			done, err := f.promised(ctx, id)
			if err != nil {
				return err
			}
			if done {
				continue
			}
		}
		f.total += size
		b := blob{id: id, size: size}
		if rc, err := f.sn.r.Recipe(ctx, id); err == nil && len(rc.Parts) > 0 && !f.shallow() {
			if l, err := f.sn.r.Set().Find(ctx, pack.KindPiece, pack.Key(rc.Parts[0].Piece)); err == nil {
				b.at = place{order[l.Pack], l.Off}
			}
		}
		blobs = append(blobs, b)
	}
	slices.SortFunc(blobs, func(a, b blob) int {
		return cmp.Or(cmp.Compare(a.at.pack, b.at.pack), cmp.Compare(a.at.off, b.at.off))
	})
	return inRuns(ctx, blobs, func(ctx context.Context, b blob) error {
		n, err := f.blob(ctx, b.id, b.size)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var rc *objects.Recipe
		if err != nil {
			rc, _ = f.sn.r.Recipe(ctx, b.id) // its pieces are told with it
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.raw += n
		if err != nil {
			f.hurt(b.id, Problem{Kind: kindOfDamage(err), Object: b.id.String(), Detail: err.Error()})
			if rc != nil {
				for _, p := range rc.Parts {
					f.partOf[p.Piece] = true
				}
			}
		}
		return nil
	})
}

// promised tells whether a content is not here, and need not be, since a remote promises
// it.
func (f *fsck) promised(ctx context.Context, id objects.BlobID) (bool, error) {
	if f.sn.leftOut[id] && !f.sn.listed(ctx, id) {
		f.rep.Promised++
		return true, ctx.Err()
	}
	x, err := f.sn.promise(ctx, id)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil || x == nil { // it is read, which tells what is wrong
		return false, nil
	}
	f.rep.Promised++
	if !f.o.Remote {
		return true, nil
	}
	p, err := f.s.promisor(ctx, f.sn, x.Remote)
	if err != nil {
		return false, err
	}
	switch err = p.has(ctx, id); {
	case errors.Is(err, ErrExpired):
		f.rep.ExpiredThere++
	case errors.Is(err, ErrDamaged):
		f.hurt(id, Problem{Kind: "missing", Object: id.String(), Detail: err.Error()})
	case err != nil:
		return false, err
	}
	return true, nil
}

// place is where a record lies, by the age of its pack.
type place struct {
	pack int
	off  uint32
}

func (f *fsck) blob(ctx context.Context, id objects.BlobID, size int64) (int64, error) {
	rc, err := f.sn.r.Recipe(ctx, id)
	if err != nil {
		return 0, err
	}
	if rc.Size() != size {
		return 0, fmt.Errorf("content %s has %d bytes, the tree says %d: %w", id, rc.Size(), size, objects.ErrCorrupt)
	}
	h := objects.NewHasher()
	at := f.sn.r.DecodeAt
	if len(rc.Parts) == 1 {
		at = f.sn.r.ReadAt
	}
	var buf []byte
	var n int64
	for _, p := range rc.Parts {
		if f.shallow() {
			_, have, err := f.sn.r.Has(ctx, pack.KindPiece, pack.Key(p.Piece))
			if err == nil && !have {
				err = fmt.Errorf("piece %s: %w", p.Piece, objects.ErrMissing)
			}
			if err != nil {
				return n, err
			}
			continue
		}
		if buf, err = f.piece(ctx, buf[:0], p, at); err != nil {
			return n, err
		}
		n += int64(len(buf))
		f.s.o.Progress("verifying", f.done.Add(int64(len(buf))), f.total)
		if len(rc.Parts) > 1 {
			_, _ = h.Write(buf)
		}
	}
	if len(rc.Parts) > 1 && !f.shallow() && objects.BlobID(h.Sum(nil)) != id {
		for _, p := range rc.Parts { // a piece that is wrong in spite of its checksum?
			if buf, err = f.piece(ctx, buf[:0], p, f.sn.r.ReadAt); err != nil {
				return n, err
			}
		}
		return n, fmt.Errorf("content %s: %w: hash differs", id, objects.ErrCorrupt)
	}
	return n, nil
}

// piece reads a piece from its first copy that is right. The copies that were
// looked at are noted; the others are looked at with the packs.
func (f *fsck) piece(ctx context.Context, dst []byte, p objects.Part, at func(context.Context, []byte, pack.Loc) ([]byte, error)) ([]byte, error) {
	var out []byte
	var bad, first error
	err := f.sn.r.Set().FindAll(ctx, pack.KindPiece, pack.Key(p.Piece), func(l pack.Loc) bool {
		out, bad = at(ctx, dst, l)
		f.mark(l, bad != nil && ctx.Err() == nil)
		if bad != nil && first == nil {
			first = bad
		}
		return bad != nil
	})
	if bad != nil {
		return nil, bad
	}
	if out == nil {
		return nil, fmt.Errorf("piece %s: %w: %w", p.Piece, objects.ErrMissing, err)
	}
	if first != nil && ctx.Err() == nil {
		f.mu.Lock()
		f.problem(Problem{Kind: kindOfDamage(first), Object: p.Piece.String(), Detail: first.Error() + otherCopy})
		f.mu.Unlock()
	}
	if int64(len(out)) != p.Size {
		return nil, fmt.Errorf("piece %s of %d bytes, the recipe says %d: %w", p.Piece, len(out), p.Size, objects.ErrCorrupt)
	}
	return out, nil
}

const otherCopy = " (another copy is intact, nothing is lost)"

// mark notes a record that was looked at.
func (f *fsck) mark(l pack.Loc, bad bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if bad {
		f.damaged[l.Pack] = true
	}
	m := f.checked[l.Pack]
	if m == nil {
		m = map[uint32]bool{}
		f.checked[l.Pack] = m
	}
	m[l.Off] = true
}

// records verifies what is in packs and was not read yet: recipes, tree nodes,
// pieces that no version names, second copies.
func (f *fsck) records(ctx context.Context) error {
	f.rep.Bytes = f.raw
	for _, p := range f.layouts {
		for _, row := range p.rows {
			if row.Kind == pack.KindLabel {
				continue
			}
			f.rep.Objects++
			if f.o.Quick || (f.o.partial() && !f.picked[p.info.Name]) || f.checked[p.info.Name][row.Off] {
				continue
			}
			raw, err := f.sn.r.ReadAt(ctx, nil, pack.Loc{Pack: p.info.Name, Row: row})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				f.damaged[p.info.Name] = true
				p := Problem{Kind: kindOfDamage(err), Object: hex.EncodeToString(row.Key[:]), Detail: err.Error()}
				if f.sn.r.Check(ctx, row.Kind, row.Key) == nil {
					p.Detail += otherCopy
					f.problem(p)
				} else if !f.partOf[row.Key] {
					f.hurt(row.Key, p)
				}
			} else if row.Kind == pack.KindPiece {
				f.rep.Bytes += int64(len(raw))
			}
		}
	}
	return nil
}

func (f *fsck) names(ctx context.Context) error {
	for _, n := range f.sn.st.SortedNames(0) {
		if _, err := f.sn.version(ctx, n.To); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			f.problem(Problem{Kind: "dangling-ref", Object: n.To.ID.String(), Detail: fmt.Sprintf("%s %q: %v", n.Kind, n.Name, err)})
		}
	}
	return nil
}
