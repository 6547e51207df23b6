// Package likeness tells how much two files have in common, without comparing all of
// them: saves of one model, some of whose numbers have changed.
//
// Text is taken apart at what separates values in JSON, CSV and the like. Its sketch is
// a sample, by hash, of some thousand of its words and pairs of neighbouring words;
// likeness is the share of both sketches' that both have (Broder, "On the
// resemblance and containment of documents", 1997). Other files are compared byte by
// byte in some thousand windows at the same places, when they are of the same size, and
// are else not alike: checkpoints of one network hold the same tensors, whose numbers
// agree in their first bytes the longer the nearer they are.
package likeness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// Limits of a sketch.
const (
	pairs      = 4096 // words and pairs of them, about
	enough     = 64   // of these
	windows    = 1024
	windowSize = 64
	blockSize  = 256 << 10
)

// Sketch is what is remembered of a file.
type Sketch struct {
	size  int64
	words map[uint64]struct{} // of text; nil for other files
	shift int                 // pairs count whose hash has so many zero bits at its end
	bytes []byte              // of other files: the windows
}

// Of reads a file of size bytes.
func Of(r io.ReaderAt, size int64) (*Sketch, error) {
	text, err := isText(r, size)
	if err != nil {
		return nil, err
	}
	s := &Sketch{size: size}
	if !text {
		s.bytes, err = s.readWindows(r)
		return s, err
	}
	s.shift = max(0, bits.Len64(uint64(size)/8/pairs))                                           // a word takes some 8 bytes
	if s.words, err = s.readWords(r, size); err == nil && len(s.words) < enough && s.shift > 0 { // long words
		s.shift = 0
		s.words, err = s.readWords(r, size)
	}
	return s, err
}

// Compare tells how alike another file is: 1 for the same, 0 for nothing in common.
func (s *Sketch) Compare(r io.ReaderAt, size int64) (float64, error) {
	if s.words == nil {
		if size != s.size {
			return 0, nil
		}
		other, err := s.readWindows(r)
		if err != nil || len(other) == 0 {
			return 0, err
		}
		same := 0
		for i := range other {
			if other[i] == s.bytes[i] {
				same++
			}
		}
		return float64(same) / float64(len(other)), nil
	}
	if text, err := isText(r, size); err != nil || !text {
		return 0, err
	}
	other, err := s.readWords(r, size)
	if err != nil {
		return 0, err
	}
	both := 0
	for h := range other {
		if _, ok := s.words[h]; ok {
			both++
		}
	}
	all := len(other) + len(s.words) - both
	if all == 0 {
		return 0, nil
	}
	return float64(both) / float64(all), nil
}

// isText tells by its beginning, as file(1) does.
func isText(r io.ReaderAt, size int64) (bool, error) {
	head := make([]byte, min(size, 8192))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("reading: %w", err)
	}
	return !bytes.ContainsRune(head, 0), nil
}

// readWindows reads the same places of every file of one size.
func (s *Sketch) readWindows(r io.ReaderAt) ([]byte, error) {
	n := min(windows, max(1, s.size/windowSize))
	out := make([]byte, 0, n*windowSize)
	var buf [windowSize]byte
	for i := range n {
		at := (s.size - windowSize) / n * i
		part := buf[:min(windowSize, s.size)]
		if _, err := r.ReadAt(part, max(at, 0)); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading: %w", err)
		}
		out = append(out, part...)
	}
	return out, nil
}

func (s *Sketch) readWords(r io.ReaderAt, size int64) (map[uint64]struct{}, error) {
	words := map[uint64]struct{}{}
	mask := uint64(1)<<s.shift - 1
	in := io.NewSectionReader(r, 0, size)
	buf := make([]byte, blockSize)
	kept, last := 0, uint64(0)
	for {
		n, err := io.ReadFull(in, buf[kept:])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("reading: %w", err)
		}
		data, end := buf[:kept+n], err != nil
		start := 0
		for i, c := range data {
			if !isSeparator[c] {
				continue
			}
			if i > start {
				last = addPair(words, mask, last, data[start:i])
			}
			start = i + 1
		}
		if end || start == 0 && len(data) == len(buf) { // the last word, or one without end
			if start < len(data) {
				last = addPair(words, mask, last, data[start:])
			}
			start = len(data)
		}
		kept = copy(buf, data[start:])
		if end {
			return words, nil
		}
	}
}

// addPair adds a word, and it with the one before.
func addPair(words map[uint64]struct{}, mask, last uint64, word []byte) uint64 {
	h := xxhash.Sum64(word)
	for _, x := range [2]uint64{h, (h ^ bits.RotateLeft64(last, 23)) * 0x9e3779b97f4a7c15} {
		if x>>20&mask == 0 {
			words[x] = struct{}{}
		}
	}
	return h
}

var isSeparator = func() (t [256]bool) {
	for _, c := range []byte(" \t\r\n,:;[]{}()\"'=<>|/") {
		t[c] = true
	}
	return t
}()
