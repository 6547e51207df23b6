package objects

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/mstore/mstore/internal/backend"
	"github.com/mstore/mstore/objects/chunk"
	"github.com/mstore/mstore/objects/codec"
	"github.com/mstore/mstore/objects/pack"
)

// ErrMissing: no live pack holds what is asked for.
var ErrMissing = errors.New("missing")

// Reader reads objects by their IDs, each checked against its hash. Where one
// copy is damaged the next is tried. It may be used concurrently.
type Reader struct {
	b backend.Backend
	// Reload, if not nil, gives the pack set as it is now: it is called when a
	// pack has gone, because others fold or collect.
	Reload func(ctx context.Context) (*pack.Set, error)
	// Promised, if not nil, is asked for a recipe or a piece that no live pack lists,
	// and that another store may have: key is the blob's of a recipe. The Reader that it
	// returns has it, and is of this store when it has been stored here meanwhile. An
	// error that wraps ErrMissing says that nobody promises it.
	Promised func(ctx context.Context, kind pack.Kind, key pack.Key) (*Reader, error)

	buffers *buffers
	cache   *pieceCache
	chains  *backwards

	mu    sync.Mutex
	set   *pack.Set
	nodes map[TreeID]*treeNode
}

// maxNodes bounds the tree nodes that are kept, some 3 KB each.
const maxNodes = 8192

// NewReader reads from the packs of set, which lie in b.
func NewReader(b backend.Backend, set *pack.Set) *Reader {
	buf := new(buffers)
	return &Reader{b: b, set: set, nodes: map[TreeID]*treeNode{}, buffers: buf, cache: newPieceCache(buf, rootBytes), chains: new(backwards)}
}

// Promising returns a Reader of the same packs, with the same caches, that asks promised.
func (r *Reader) Promising(promised func(context.Context, pack.Kind, pack.Key) (*Reader, error)) *Reader {
	p := &Reader{b: r.b, Reload: r.Reload, Promised: promised, buffers: r.buffers, cache: r.cache, set: r.Set(), nodes: map[TreeID]*treeNode{}}
	return p
}

// Use makes the Reader read the packs of set, which lie in the same backend.
func (r *Reader) Use(set *pack.Set) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set = set
}

// Set returns the packs that are read.
func (r *Reader) Set() *pack.Set {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set
}

// Has tells whether some live pack lists a record, and which.
func (r *Reader) Has(ctx context.Context, kind pack.Kind, key pack.Key) (pack.Name, bool, error) {
	l, err := r.Set().Find(ctx, kind, key)
	if errors.Is(err, pack.ErrNotFound) {
		return pack.Name{}, false, nil
	}
	return l.Pack, err == nil, err
}

// HasBlob tells whether the blob's content is there, and in which pack its
// piece or recipe lies.
func (r *Reader) HasBlob(ctx context.Context, id BlobID) (pack.Name, bool, error) {
	p, ok, err := r.Has(ctx, pack.KindPiece, pack.Key(id))
	if ok || err != nil {
		return p, ok, err
	}
	return r.Has(ctx, pack.KindRecipe, pack.Key(id))
}

// Complete tells whether the blob's recipe and all its pieces are there.
func (r *Reader) Complete(ctx context.Context, id BlobID) (bool, error) {
	rc, err := r.Recipe(ctx, id)
	if err != nil {
		if errors.Is(err, ErrMissing) || errors.Is(err, ErrCorrupt) {
			err = nil
		}
		return false, err
	}
	for _, p := range rc.Parts {
		if _, ok, err := r.Has(ctx, pack.KindPiece, pack.Key(p.Piece)); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// read returns the decoded payload of the first copy that is right, appended
// to dst. When a pack has gone it looks once more in the packs of now.
func (r *Reader) read(ctx context.Context, dst []byte, kind pack.Kind, key pack.Key) ([]byte, error) {
	return r.readWith(ctx, dst, kind, key, r.ReadAt)
}

// readAt is how a copy is read.
type readAt func(ctx context.Context, dst []byte, l pack.Loc) ([]byte, error)

func (r *Reader) readWith(ctx context.Context, dst []byte, kind pack.Kind, key pack.Key, at readAt) ([]byte, error) {
	out, err := r.readHere(ctx, dst, kind, key, at)
	if r.Promised == nil || kind != pack.KindPiece || !errors.Is(err, ErrMissing) {
		return out, err
	}
	from, perr := r.promised(ctx, kind, key)
	switch {
	case errors.Is(perr, ErrMissing):
		return nil, err
	case perr != nil:
		return nil, perr
	}
	return from.readHere(ctx, dst, kind, key, from.ReadAt)
}

// promised asks another store for a record.
func (r *Reader) promised(ctx context.Context, kind pack.Kind, key pack.Key) (*Reader, error) {
	from, err := r.Promised(ctx, kind, key)
	if err == nil && from.b == r.b {
		r.Use(from.Set())
	}
	return from, err
}

// readHere is readWith in the packs of this store alone.
func (r *Reader) readHere(ctx context.Context, dst []byte, kind pack.Kind, key pack.Key, at readAt) ([]byte, error) {
	set := r.Set()
	out, err := readFrom(ctx, set, dst, kind, key, at)
	if !errors.Is(err, backend.ErrNotFound) {
		return out, err
	}
	if r.Reload != nil {
		now, rerr := r.Reload(ctx)
		if rerr != nil {
			return nil, rerr
		}
		now.Inherit(set)
		r.Use(now)
		out, err = readFrom(ctx, now, dst, kind, key, at)
	}
	if errors.Is(err, backend.ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return out, err
}

func readFrom(ctx context.Context, set *pack.Set, dst []byte, kind pack.Kind, key pack.Key, at readAt) ([]byte, error) {
	var out []byte
	var bad error
	err := set.FindAll(ctx, kind, key, func(l pack.Loc) bool {
		out, bad = at(ctx, dst, l)
		return bad != nil && ctx.Err() == nil
	})
	switch {
	case out != nil && bad == nil:
		return out, nil
	case bad != nil:
		return nil, bad
	case errors.Is(err, pack.ErrNotFound):
		return nil, fmt.Errorf("%s %x: %w", kind, key[:], ErrMissing)
	}
	return nil, err
}

// ReadAt reads, decodes and checks the copy of a record at one place. The raw
// bytes are appended to dst.
func (r *Reader) ReadAt(ctx context.Context, dst []byte, l pack.Loc) ([]byte, error) {
	return r.readAt(ctx, dst, l, true)
}

// DecodeAt is ReadAt without the hash, for a piece whose bytes are hashed as a
// part of the whole. Damage is found by the record's checksum all the same.
func (r *Reader) DecodeAt(ctx context.Context, dst []byte, l pack.Loc) ([]byte, error) {
	return r.readAt(ctx, dst, l, l.Kind != pack.KindPiece)
}

func (r *Reader) readAt(ctx context.Context, dst []byte, l pack.Loc, check bool) ([]byte, error) {
	return r.readFor(ctx, new(reading), dst, l, check)
}

func (r *Reader) readFor(ctx context.Context, by *reading, dst []byte, l pack.Loc, check bool) ([]byte, error) {
	buf := r.buffers.get(pack.RecordSize(l.Stored))
	defer r.buffers.put(buf)
	rec, payload, err := pack.ReadInto(ctx, r.b, buf, l)
	if err != nil {
		return nil, corrupt(err)
	}
	raw, err := r.decode(ctx, by, dst, l.Row, rec, payload, nil, check)
	if err != nil {
		return nil, fmt.Errorf("%s %x in pack %s: %w", l.Kind, l.Key[:5], l.Pack, err)
	}
	return raw, nil
}

// decode appends what a record holds to dst, and checks it.
func (r *Reader) decode(ctx context.Context, by *reading, dst []byte, row pack.Row, rec pack.Record, payload []byte, f fetch, check bool) ([]byte, error) {
	n := len(dst)
	d := r.newDecoding(by, f, false, int(rec.Raw))
	defer func() { d.free() }()
	raw, err := d.payload(ctx, dst, rec, payload, 0)
	if err == nil && check {
		err = CheckRecord(row, rec, raw[n:])
		if err != nil && codec.ID(rec.Codec).HasBases() { // perhaps another copy of a base is right
			d.free()
			d = r.newDecoding(by, f, true, int(rec.Raw))
			if raw, err = d.payload(ctx, dst, rec, payload, 0); err == nil {
				err = CheckRecord(row, rec, raw[n:])
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if row.Kind == pack.KindPiece {
		r.keepPiece(PieceID(row.Key), raw[n:])
	}
	if raw == nil {
		raw = []byte{}
	}
	return raw, nil
}

// CheckRecord is what every read is checked by: that the raw bytes are what
// the key and the record's ID say.
func CheckRecord(l pack.Row, rec pack.Record, raw []byte) error {
	switch l.Kind {
	case pack.KindPiece:
		if HashPiece(raw) != PieceID(l.Key) || rec.ID != l.Key {
			return fmt.Errorf("%w: hash differs", ErrCorrupt)
		}
	case pack.KindRecipe:
		rc, id, err := DecodeRecipe(raw)
		if err != nil {
			return err
		}
		if id != RecipeID(rec.ID) || rc.Blob != BlobID(l.Key) {
			return fmt.Errorf("%w: hash differs", ErrCorrupt)
		}
	case pack.KindTree:
		if rec.ID != l.Key {
			return fmt.Errorf("%w: ID differs", ErrCorrupt)
		}
		return VerifyTreeNode(TreeID(l.Key), raw)
	default:
		return fmt.Errorf("%s: %w", l.Kind, codec.ErrUnknown)
	}
	return nil
}

// Check reads a record to tell whether some copy of it is right.
func (r *Reader) Check(ctx context.Context, kind pack.Kind, key pack.Key) error {
	_, err := r.read(ctx, nil, kind, key)
	return err
}

// Piece appends a piece's raw bytes to dst.
func (r *Reader) Piece(ctx context.Context, dst []byte, id PieceID) ([]byte, error) {
	return r.piece(ctx, dst, id, r.ReadAt)
}

func (r *Reader) piece(ctx context.Context, dst []byte, id PieceID, at readAt) ([]byte, error) {
	if raw, ok := r.cached(dst, id); ok {
		return raw, nil
	}
	return r.readWith(ctx, dst, pack.KindPiece, pack.Key(id), at)
}

// Recipe returns how a blob is put together. A blob that is one piece has one
// part.
func (r *Reader) Recipe(ctx context.Context, id BlobID) (*Recipe, error) {
	rc, err := r.recipe(ctx, id)
	if r.Promised == nil || !errors.Is(err, ErrMissing) {
		return rc, err
	}
	from, perr := r.promised(ctx, pack.KindRecipe, pack.Key(id))
	switch {
	case errors.Is(perr, ErrMissing):
		return nil, err
	case perr != nil:
		return nil, perr
	}
	return from.recipe(ctx, id)
}

func (r *Reader) recipe(ctx context.Context, id BlobID) (*Recipe, error) {
	set := r.Set()
	l, err := set.Find(ctx, pack.KindPiece, pack.Key(id))
	if err == nil {
		return onePiece(id, l), nil
	}
	raw, rerr := r.readHere(ctx, nil, pack.KindRecipe, pack.Key(id), r.ReadAt)
	if rerr == nil {
		rc, _, err := DecodeRecipe(raw)
		return rc, err
	}
	if !errors.Is(rerr, ErrMissing) {
		return nil, rerr
	}
	if now := r.Set(); now != set { // packs had gone, others are there now
		if l, err = now.Find(ctx, pack.KindPiece, pack.Key(id)); err == nil {
			return onePiece(id, l), nil
		}
	}
	switch {
	case errors.Is(err, pack.ErrNotFound):
		return nil, fmt.Errorf("content %s: %w", id, ErrMissing)
	case errors.Is(err, backend.ErrNotFound):
		return nil, fmt.Errorf("content %s: %w: %w", id, ErrMissing, err)
	}
	return nil, err
}

func onePiece(id BlobID, l pack.Loc) *Recipe {
	return &Recipe{Blob: id, Format: chunk.Format(l.Form), Parts: []Part{{Piece: PieceID(id), Size: int64(l.Raw)}}}
}

// TreeNode implements NodeReader.
func (r *Reader) TreeNode(ctx context.Context, id TreeID) ([]byte, error) {
	return r.read(ctx, nil, pack.KindTree, pack.Key(id))
}

// decodedNode is TreeNode with a cache. Nobody changes what it returns.
func (r *Reader) decodedNode(ctx context.Context, id TreeID) (*treeNode, error) {
	r.mu.Lock()
	n := r.nodes[id]
	r.mu.Unlock()
	if n != nil {
		return n, nil
	}
	b, err := r.TreeNode(ctx, id)
	if err != nil {
		return nil, err
	}
	if n, err = decodeTreeNode(b); err != nil {
		return nil, err
	}
	r.keep(id, n)
	return n, nil
}

// KeepNode makes a node known that is not in a pack yet.
func (r *Reader) KeepNode(id TreeID, b []byte) error {
	n, err := decodeTreeNode(b)
	if err == nil {
		r.keep(id, n)
	}
	return err
}

func (r *Reader) keep(id TreeID, n *treeNode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.nodes) >= maxNodes {
		clear(r.nodes)
	}
	r.nodes[id] = n
}
