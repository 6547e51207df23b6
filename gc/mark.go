package gc

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sort"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/objects/pack"
)

// inventory is every record of the live packs, and which of them are needed.
type inventory struct {
	packs []pack.Info // oldest first
	rows  []row       // pieces, recipes and tree nodes, by key, kind, age of the pack and place
	heads []uint64    // of each row: how its key begins
	live  []bool      // of each row
}

// row is a record. The packs are numbered by age.
type row struct {
	key    pack.Key
	pack   int32
	off    uint32
	stored uint32
	raw    uint32
	kind   pack.Kind
	codec  uint8
	form   uint8
}

func (iv *inventory) loc(r *row) pack.Loc {
	return pack.Loc{Pack: iv.packs[r.pack].Name, Row: pack.Row{Key: r.key, Kind: r.kind, Codec: r.codec, Form: r.form,
		Off: r.off, Stored: r.stored, Raw: r.raw}}
}

// losses are packs that are missing, or cannot be read at all, and why.
type losses struct {
	packs []pack.Info
	why   error
}

// takeInventory lists the records of all, the packs that the journal names, but for the
// condemned ones. A pack that is not there as
// the journal says is an error, as is an index that cannot be read.
// With lost, such packs are listed there, and passed over.
func (c *Collector) takeInventory(ctx context.Context, st *journal.State, set *pack.Set, all []pack.Info, lost *losses) (*inventory, error) {
	files, err := c.Backend.List(ctx, pack.Prefix, "", 0)
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, f := range files {
		sizes[f.Key] = f.Size
	}
	iv := &inventory{}
	number := map[pack.Name]int32{}
	for _, p := range all {
		if _, condemned := st.Condemned[p.Name]; condemned {
			continue
		}
		var bad error
		switch size, ok := sizes[p.Name.Key()]; {
		case !ok:
			bad = fmt.Errorf("pack %s: %w", p.Name, objects.ErrMissing)
		case size != p.Size:
			bad = fmt.Errorf("pack %s has %d bytes, want %d: %w", p.Name, size, p.Size, pack.ErrCorrupt)
		case lost != nil:
			if _, err := set.Index(ctx, p); errors.Is(err, pack.ErrCorrupt) {
				bad = err
			}
		}
		if bad != nil && lost != nil {
			lost.packs, lost.why = append(lost.packs, p), errors.Join(lost.why, bad)
			continue
		}
		if bad != nil {
			return nil, bad
		}
		number[p.Name] = int32(len(iv.packs))
		iv.packs = append(iv.packs, p)
	}
	n := int64(0)
	for _, s := range st.Segments {
		n += s.Rows
	}
	iv.rows = make([]row, 0, n)
	if lost != nil && len(lost.packs) > 0 {
		set = pack.NewSet(c.Backend, st.Packs, st.Segments, with(st.Hidden(), lost.packs))
	}
	sorted := true
	for l, err := range set.Locs(ctx) {
		if err != nil {
			return nil, err
		}
		if l.Kind == pack.KindLabel {
			continue
		}
		n, ok := number[l.Pack]
		if !ok {
			return nil, fmt.Errorf("pack %s is indexed, and not in the journal: %w", l.Pack, journal.ErrCorrupt)
		}
		r := row{l.Key, n, l.Off, l.Stored, l.Raw, l.Kind, l.Codec, l.Form}
		if k := len(iv.rows); k > 0 && compareRows(&iv.rows[k-1], &r) > 0 {
			sorted = false
		}
		iv.rows = append(iv.rows, r)
	}
	if !sorted { // copies of one record come in any order
		sort.Slice(iv.rows, func(i, j int) bool { return compareRows(&iv.rows[i], &iv.rows[j]) < 0 })
	}
	iv.live = make([]bool, len(iv.rows))
	iv.heads = make([]uint64, len(iv.rows))
	for i := range iv.rows {
		iv.heads[i] = binary.BigEndian.Uint64(iv.rows[i].key[:])
		iv.live[i] = iv.rows[i].kind == pack.KindTree // of versions, which stay
	}
	return iv, nil
}

func compareRows(a, b *row) int {
	return cmp.Or(bytes.Compare(a.key[:], b.key[:]), cmp.Compare(a.kind, b.kind), cmp.Compare(a.pack, b.pack), cmp.Compare(a.off, b.off))
}

// find gives the range of the copies of a record. Keys are hashes, so that where one
// stands follows from its first bytes, about.
func (iv *inventory) find(kind pack.Kind, key pack.Key) (first, end int) {
	n := len(iv.rows)
	if n == 0 {
		return 0, 0
	}
	head := binary.BigEndian.Uint64(key[:])
	guess, _ := bits.Mul64(head, uint64(n))
	lo, hi := int(guess), int(guess)+1 // rows before lo are less, those from hi on are not
	for step := 16; lo > 0 && iv.heads[lo-1] >= head; step *= 2 {
		hi, lo = lo, max(0, lo-step)
	}
	for step := 16; hi < n && iv.heads[hi-1] < head; step *= 2 {
		lo, hi = hi, min(n, hi+step)
	}
	i, _ := slices.BinarySearch(iv.heads[lo:hi], head)
	for first = lo + i; first < n && iv.heads[first] == head; first++ {
		r := &iv.rows[first]
		if c := cmp.Or(bytes.Compare(r.key[:], key[:]), cmp.Compare(r.kind, kind)); c >= 0 {
			break
		}
	}
	end = first
	for end < n && iv.rows[end].key == key && iv.rows[end].kind == kind {
		end++
	}
	return first, end
}

// first is the place of a content's first record, or of its recipe's; -1 for none.
func (iv *inventory) first(id objects.BlobID) int {
	for _, kind := range []pack.Kind{pack.KindPiece, pack.KindRecipe} {
		if first, end := iv.find(kind, pack.Key(id)); first < end {
			return first
		}
	}
	return -1
}

// hasBlob tells whether a blob's content, or how it is put together, is listed.
func (iv *inventory) hasBlob(id objects.BlobID) bool { return iv.first(id) >= 0 }

// each calls fn with every record that a blob needs: its recipe, if it has one, and
// its pieces. ErrMissing: one is not listed.
func (iv *inventory) each(ctx context.Context, r *objects.Reader, id objects.BlobID, fn func(i int)) error {
	visit := func(kind pack.Kind, key pack.Key) bool {
		first, end := iv.find(kind, key)
		for i := first; i < end; i++ {
			fn(i)
		}
		return first < end
	}
	if visit(pack.KindPiece, pack.Key(id)) {
		return nil
	}
	if !visit(pack.KindRecipe, pack.Key(id)) {
		return fmt.Errorf("content %s: %w", id, objects.ErrMissing)
	}
	rc, err := r.Recipe(ctx, id)
	if err != nil {
		return err
	}
	for _, p := range rc.Parts {
		if !visit(pack.KindPiece, pack.Key(p.Piece)) {
			return fmt.Errorf("piece %s of content %s: %w", p.Piece, id, objects.ErrMissing)
		}
	}
	return nil
}

// marked tells whether a content was marked.
func (iv *inventory) marked(id objects.BlobID) bool {
	i := iv.first(id)
	return i >= 0 && iv.live[i]
}

// mark notes what a blob needs.
func (iv *inventory) mark(ctx context.Context, r *objects.Reader, id objects.BlobID) error {
	return iv.each(ctx, r, id, func(i int) { iv.live[i] = true })
}

// contents is a set of blobs. It takes a byte for each record of the inventory, and
// more for those alone that are not in it.
type contents struct {
	iv     *inventory
	rows   []bool // by the first record of a blob
	absent map[objects.BlobID]bool
}

func newContents(iv *inventory) *contents {
	return &contents{iv: iv, rows: make([]bool, len(iv.rows)), absent: map[objects.BlobID]bool{}}
}

func (c *contents) has(id objects.BlobID) bool {
	if i := c.iv.first(id); i >= 0 {
		return c.rows[i]
	}
	return c.absent[id]
}

func (c *contents) add(id objects.BlobID) {
	if i := c.iv.first(id); i >= 0 {
		c.rows[i] = true
	} else {
		c.absent[id] = true
	}
}

// debris lists the pack files that the journal does not name: a writer is about to
// name them, or has died. With sweep it deletes those that the journal has removed.
func (c *Collector) debris(ctx context.Context, st *journal.State, live []pack.Info, removed map[pack.Name]bool, sweep bool) ([]pack.Info, error) {
	known := map[pack.Name]bool{}
	for _, p := range live {
		known[p.Name] = true
	}
	files, err := c.Backend.List(ctx, pack.Prefix, "", 0)
	if err != nil {
		return nil, err
	}
	var out []pack.Info
	for _, f := range files {
		name, ok := pack.ParseKey(f.Key)
		if !ok || known[name] {
			continue
		}
		if removed[name] { // who removed it was killed before it could delete the file
			if sweep {
				if err := c.Backend.Delete(ctx, f.Key); err != nil && !isNotFound(err) {
					return nil, err
				}
			}
			continue
		}
		if _, condemned := st.Condemned[name]; !condemned {
			out = append(out, pack.Info{Name: name, Size: f.Size})
		}
	}
	return out, nil
}

func isNotFound(err error) bool { return errors.Is(err, backend.ErrNotFound) }
