package objects

import (
	"encoding/binary"
	"fmt"

	"github.com/mstore/mstore/internal/wire"
	"github.com/mstore/mstore/objects/chunk"
)

// Part is one piece of a blob.
type Part struct {
	Piece PieceID
	Size  int64  // raw bytes
	Label uint64 // by which the like of it is found in other blobs; 0 for none
}

// Recipe says of which pieces a blob is made, in order.
type Recipe struct {
	Blob   BlobID
	Format chunk.Format
	Parts  []Part
}

const recipeFormat = 1

// Size is the length of the blob in bytes.
func (r *Recipe) Size() (n int64) {
	for _, p := range r.Parts {
		n += p.Size
	}
	return n
}

// Encode returns the canonical encoding and the ID that follows from it.
func (r *Recipe) Encode() ([]byte, RecipeID) {
	var e wire.Encoder
	e.Byte(recipeFormat)
	e.Raw(r.Blob[:])
	e.Byte(byte(r.Format))
	e.Uint(uint64(len(r.Parts)))
	for _, p := range r.Parts {
		e.Raw(p.Piece[:])
		e.Uint(uint64(p.Size))
		e.B = binary.LittleEndian.AppendUint64(e.B, p.Label)
	}
	return e.B, derive(recipeContext, e.B)
}

// DecodeRecipe reads what Encode wrote and nothing else. Errors wrap
// ErrCorrupt.
func DecodeRecipe(b []byte) (*Recipe, RecipeID, error) {
	d := wire.NewDecoder(b)
	if f := d.Byte(); f != recipeFormat {
		d.Fail("recipe format %d", f)
	}
	r := new(Recipe)
	d.Fixed(r.Blob[:])
	r.Format = chunk.Format(d.Byte())
	r.Parts = make([]Part, d.Count(IDSize+9))
	var total int64
	for i := range r.Parts {
		d.Fixed(r.Parts[i].Piece[:])
		r.Parts[i].Size = int64(decodeInt(d))
		var label [8]byte
		d.Fixed(label[:])
		r.Parts[i].Label = binary.LittleEndian.Uint64(label[:])
		if r.Parts[i].Size > 1<<50 {
			d.Fail("piece of %d bytes", r.Parts[i].Size)
		}
		if total += r.Parts[i].Size; total < 0 || total > 1<<60 {
			d.Fail("blob too large")
			break
		}
	}
	if err := d.End(); err != nil {
		return nil, RecipeID{}, fmt.Errorf("recipe: %w: %w", ErrCorrupt, err)
	}
	return r, derive(recipeContext, b), nil
}
