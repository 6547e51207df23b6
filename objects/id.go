package objects

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/zeebo/blake3"
)

// IDSize is the length of every ID in bytes; its text is twice as long.
const IDSize = 32

// BlobID is the plain BLAKE3-256 of a model's bytes.
type BlobID [IDSize]byte

// PieceID is the plain BLAKE3-256 of a piece's raw bytes.
type PieceID [IDSize]byte

// RecipeID is the hash of a recipe's encoding, in a context of its own.
type RecipeID [IDSize]byte

// TreeID is the hash of a tree node's encoding, in a context of its own.
type TreeID [IDSize]byte

// VersionID is the hash of a version's encoding, in a context of its own.
type VersionID [IDSize]byte

// The derive-key contexts. Changing one changes every ID of its kind.
const (
	recipeContext  = "mstore 2026 recipe v1"
	treeContext    = "mstore 2026 tree node v1"
	versionContext = "mstore 2026 version v1"
	entryContext   = "mstore 2026 journal entry v1"
)

// ErrBadID: a text is not an ID.
var ErrBadID = errors.New("not an ID: want 64 lower-case hex digits")

func (id BlobID) String() string    { return hex.EncodeToString(id[:]) }
func (id PieceID) String() string   { return hex.EncodeToString(id[:]) }
func (id RecipeID) String() string  { return hex.EncodeToString(id[:]) }
func (id TreeID) String() string    { return hex.EncodeToString(id[:]) }
func (id VersionID) String() string { return hex.EncodeToString(id[:]) }

// Short is the first 10 digits, for people.
func (id VersionID) Short() string { return id.String()[:10] }

// Short is the first 10 digits, for people.
func (id BlobID) Short() string { return id.String()[:10] }

// IsZero tells whether the ID is the zero value, which names nothing.
func (id VersionID) IsZero() bool { return id == VersionID{} }

// ParseBlobID reads 64 lower-case hex digits and nothing else.
func ParseBlobID(s string) (BlobID, error) {
	b, err := parseID(s)
	return BlobID(b), err
}

// ParseVersionID reads 64 lower-case hex digits and nothing else.
func ParseVersionID(s string) (VersionID, error) {
	b, err := parseID(s)
	return VersionID(b), err
}

func parseID(s string) (id [IDSize]byte, err error) {
	if len(s) != 2*IDSize {
		return id, fmt.Errorf("%q: %w", s, ErrBadID)
	}
	for i := range id {
		hi, lo := hexDigit(s[2*i]), hexDigit(s[2*i+1])
		if hi > 15 || lo > 15 {
			return [IDSize]byte{}, fmt.Errorf("%q: %w", s, ErrBadID)
		}
		id[i] = hi<<4 | lo
	}
	return id, nil
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// HashBlob returns the ID of a blob that is held in memory.
func HashBlob(b []byte) BlobID { return blake3.Sum256(b) }

// HashPiece returns the ID of a piece.
func HashPiece(b []byte) PieceID { return blake3.Sum256(b) }

// NewHasher returns a hasher whose sum is a BlobID.
func NewHasher() hash.Hash { return blake3.New() }

// EntryHash is the hash that chains a journal entry to the next.
func EntryHash(core []byte) [IDSize]byte { return derive(entryContext, core) }

// derivers keep a hasher for each context: setting one up costs as much as
// hashing a small record.
var derivers = func() map[string]*sync.Pool {
	m := map[string]*sync.Pool{}
	for _, context := range []string{recipeContext, treeContext, versionContext, entryContext} {
		m[context] = &sync.Pool{New: func() any { return blake3.NewDeriveKey(context) }}
	}
	return m
}()

func derive(context string, b []byte) (id [IDSize]byte) {
	pool := derivers[context]
	h := pool.Get().(*blake3.Hasher)
	h.Reset()
	_, _ = h.Write(b)
	h.Sum(id[:0])
	pool.Put(h)
	return id
}
