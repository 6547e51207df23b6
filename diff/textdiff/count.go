package textdiff

import (
	"bytes"
	"context"
	"io"
	"unicode/utf8"
)

// count compares texts that are too large to compare line by line, side by side in
// blocks.
func count(ctx context.Context, a, b Source) (*Result, error) {
	r := &Result{TooLarge: true, Equal: a.Size() == b.Size()}
	x, y := &counter{r: &sequence{ctx, a, 0}}, &counter{r: &sequence{ctx, b, 0}}
	for !x.end || !y.end {
		for _, c := range []*counter{x, y} {
			if err := c.next(); err != nil {
				return nil, err
			}
		}
		r.Equal = r.Equal && bytes.Equal(x.block, y.block)
		if x.binary || y.binary {
			r.Binary = true
		}
		if r.Binary && !r.Equal {
			return &Result{Binary: true}, nil
		}
	}
	if r.Binary = r.Binary || len(x.tail) > 0 || len(y.tail) > 0; r.Binary {
		return &Result{Binary: true, Equal: r.Equal}, nil
	}
	r.FromLines, r.ToLines = x.lines, y.lines
	return r, nil
}

// counter counts the lines of a text, block by block.
type counter struct {
	r      io.Reader
	buf    []byte
	block  []byte // the last
	tail   []byte // the beginning of a character that the last block ends in
	lines  int64
	open   bool // the last line has no line break yet
	binary bool
	end    bool
}

func (c *counter) next() error {
	if c.buf == nil {
		c.buf = make([]byte, 256<<10)
	}
	n, err := io.ReadFull(c.r, c.buf)
	switch {
	case err == io.EOF, err == io.ErrUnexpectedEOF: // those of the source itself are wrapped
		c.end = true
	case err != nil:
		return err
	}
	c.block = c.buf[:n]
	c.lines += int64(bytes.Count(c.block, []byte("\n")))
	if n > 0 {
		c.open = c.block[n-1] != '\n'
		c.check()
	}
	if c.end && c.open {
		c.lines++
		c.open = false
	}
	return nil
}

// check looks for what is not text. A character may reach over blocks.
func (c *counter) check() {
	b := c.block
	for len(c.tail) > 0 && len(b) > 0 {
		c.tail, b = append(c.tail, b[0]), b[1:]
		if utf8.FullRune(c.tail) {
			c.binary = c.binary || !utf8.Valid(c.tail)
			c.tail = c.tail[:0]
		}
	}
	cut := len(b)
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				cut = i
			}
			break
		}
	}
	c.tail = append(c.tail, b[cut:]...)
	c.binary = c.binary || bytes.IndexByte(c.block, 0) >= 0 || !utf8.Valid(b[:cut])
}
