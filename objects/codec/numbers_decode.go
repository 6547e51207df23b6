package codec

import "fmt"

// A numbersDecoder is what has been read before the text is put together.
type numbersDecoder struct {
	layout   *layout
	numbers  int
	gaps     []dictGap
	dict     []byte
	tail     []byte
	runs     []byte
	misses   []uint64
	verbatim []byte
	columns  []columnReader
}

type dictGap struct {
	at, len int32
	next    uint32
	column  int32 // -1: that of the number before
	unlike  bool
}

// dictMargin is what is copied of a gap at once.
const dictMargin = 16

// decodeNumbers appends the text to dst, exactly size bytes of it, or fails with
// an error that wraps ErrCorrupt.
func decodeNumbers(dst, stored []byte, size int) ([]byte, error) {
	var d numbersDecoder
	if err := d.read(stored, size); err != nil {
		return nil, err
	}
	n := len(dst)
	if cap(dst)-n < size {
		dst = append(make([]byte, 0, n+size), dst...)
	}
	if err := d.print(dst[n : n+size]); err != nil {
		return nil, err
	}
	return dst[:n+size], nil
}

// read reads everything; no count is believed that the text of size bytes has no
// room for.
func (d *numbersDecoder) read(src []byte, size int) (err error) {
	if len(src) == 0 {
		return errTruncated
	}
	if len(src) >= size {
		return fmt.Errorf("%w: %d bytes for %d", ErrCorrupt, len(src), size)
	}
	if src[0] >= layoutC {
		return fmt.Errorf("%w: layout %d", ErrCorrupt, src[0])
	}
	d.layout = &layouts[src[0]]
	src = src[1:]
	var counts [5]int
	for i := range counts {
		if counts[i], src, err = readLength(src, size); err != nil {
			return err
		}
	}
	numbers, gaps, misses, columns, tail := counts[0], counts[1], counts[2], counts[3], counts[4]
	if gaps > misses || misses > numbers || !plausible(size, numbers, gaps, misses, columns) {
		return fmt.Errorf("%w: %d numbers, %d gaps, %d misses, %d columns", ErrCorrupt, numbers, gaps, misses, columns)
	}
	d.numbers = numbers
	words := make([]uint64, max(gaps+1, misses))
	if src, err = readWords(words[:gaps], src); err != nil {
		return err
	}
	d.gaps = make([]dictGap, gaps+1)
	sum := 0
	for i, n := range words[:gaps] {
		if n > uint64(size-sum) {
			return fmt.Errorf("%w: gaps are too long", ErrCorrupt)
		}
		d.gaps[i+1] = dictGap{at: int32(sum), len: int32(n)}
		sum += int(n)
	}
	if tail > size-sum {
		return fmt.Errorf("%w: gaps are too long", ErrCorrupt)
	}
	sum += tail
	if d.dict, src, err = readStream(make([]byte, 0, sum+dictMargin), src, sum); err != nil {
		return err
	}
	if len(d.dict) != sum {
		return fmt.Errorf("%w: gaps of %d bytes, want %d", ErrCorrupt, len(d.dict), sum)
	}
	d.tail = d.dict[sum-tail:]
	d.dict = append(d.dict, make([]byte, dictMargin)...)
	if src, err = readWords(words[:gaps+1], src); err != nil {
		return err
	}
	for i, k := range words[:gaps+1] {
		if k > uint64(columns) {
			return fmt.Errorf("%w: column %d", ErrCorrupt, k)
		}
		d.gaps[i].column = int32(k) - 1
	}
	if d.runs, src, err = readStream(nil, src, numbers/255+misses+1); err != nil {
		return err
	}
	d.misses = words[:misses]
	if src, err = readWords(d.misses, src); err != nil {
		return err
	}
	if d.verbatim, src, err = readStream(nil, src, size); err != nil {
		return err
	}
	d.columns = make([]columnReader, columns)
	var parts []part
	left := numbers
	for i := range d.columns {
		c := &d.columns[i]
		if len(src) == 0 || src[0] > columnFollowed || src[0] == columnFollowed && i+1 == columns {
			return fmt.Errorf("%w: column after column %d", ErrCorrupt, i)
		}
		c.then = c
		if src[0] == columnFollowed {
			c.then = &d.columns[i+1]
		}
		var n int
		if n, parts, src, err = readColumn(c, parts, src[1:], left); err != nil {
			return err
		}
		if len(parts) > maxParts(size) {
			return fmt.Errorf("%w: %d parts", ErrCorrupt, len(parts))
		}
		left -= n
	}
	if left != 0 || len(src) != 0 {
		return fmt.Errorf("%w: %d numbers and %d bytes left over", ErrCorrupt, left, len(src))
	}
	return nil
}
