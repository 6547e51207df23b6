// Package chunk cuts a model into pieces at places that mean something: where a
// tensor begins, in the formats whose layout it understands, and elsewhere at
// places that depend on the content alone, so that equal runs of bytes become
// equal pieces wherever they stand. With each piece goes what is known about it:
// the type of its elements, and a label by which a similar piece is found.
//
// What a file says about itself is believed only as far as it may be: a header
// that lies costs good cuts, never bytes, and memory stays bounded.
package chunk

import "io"

// Lengths of pieces in bytes. Pieces that are cut by content are of Min bytes
// at least, unless a tensor or the model's end follows; Max bounds what one
// piece costs in memory.
const (
	Min = 512 << 10
	Max = 4 << 20
)

// Elem is the type of a piece's elements: their length in bytes (0: not known;
// a piece may end in the middle of one), and whether they are floating-point
// numbers with sign, exponent and mantissa from the top, little-endian. The
// first element begins where the piece does; what else a piece may hold, such as
// the few bytes between two tensors, is little.
type Elem struct {
	Size  uint8
	Float bool
}

// Piece is a run of a model's bytes.
type Piece struct {
	Raw  []byte
	Elem Elem
	// Label is what similar pieces of other models have in common; 0 for none.
	// A piece of a tensor has that of the tensor's name, type, shape and the
	// piece's number in it, whatever the values; a group of small tensors, that
	// of them all; one cut by content has a sketch of the content. It is the
	// same in every process and on every machine.
	Label uint64
	// More are further sketches of a piece that was cut by content; 0 for none.
	More [sketches - 1]uint64
	Last bool // nothing follows
}

// Cutter reads a model and returns its pieces in order. Not for concurrent use.
type Cutter struct {
	w      window
	format Format
	known  bool // the format
	tensors
	open tensor // the large one that is being cut
	part int64  // the length of its parts
}

// New cuts what r gives.
func New(r io.Reader) *Cutter { return &Cutter{w: window{r: r}} }

// Format tells what the model is, once Next has returned for the first time.
func (c *Cutter) Format() Format { return c.format }

// Next returns the next piece. Its bytes are appended to buf[:0], which grows
// where its capacity is too small. At the end Next returns io.EOF; an empty
// model has no piece. The pieces do not depend on how the reader gives its
// bytes; an error of the reader is returned as it is.
func (c *Cutter) Next(buf []byte) (Piece, error) {
	if !c.known {
		c.begin()
	}
	c.w.start(buf)
	pos := c.w.base
	if len(c.w.at(pos, 1)) == 0 {
		return Piece{Last: true}, c.w.err
	}
	p, n := c.piece(pos)
	if n = min(n, len(c.w.buf)); c.w.failed() {
		return Piece{}, c.w.err
	}
	p.Raw, p.Last = c.w.cut(n)
	if c.w.failed() {
		return Piece{}, c.w.err
	}
	return p, nil
}

// piece tells what the piece at pos is, and how long. Less may be left of the
// model than it says.
func (c *Cutter) piece(pos int64) (Piece, int) {
	if pos < c.open.end {
		return c.tensorPart(pos)
	}
	t, ok := c.peek(&c.w, pos)
	switch {
	case ok && t.off == pos && t.end-t.off >= largeTensor:
		c.open = t
		c.take()
		return c.tensorPart(pos)
	case ok && t.off == pos:
		return c.group(pos)
	}
	return c.plain(pos)
}

// begin finds out the format, and what the header tells of the tensors.
func (c *Cutter) begin() {
	c.known = true
	head := c.w.lookahead(sampleSize)
	c.format = detect(head)
	c.part, c.layout = partSize, nil
	switch c.format {
	case Safetensors:
		c.layout = safetensorsLayout(&c.w)
	case GGUF:
		c.layout = ggufLayout(&c.w)
	case NPY:
		c.layout = npyLayout(head)
	case NPZ:
		c.layout = &npz{}
	case ONNX:
		c.layout = newONNX()
	case TFLite:
		c.layout = tfliteLayout(head)
	case Shard:
		c.part, c.layout = shardPart, shardLayout(head)
	}
}
