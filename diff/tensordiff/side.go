package tensordiff

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/mstore/mstore/schema/tensor"
)

// side is one of the two files.
type side struct {
	Side
	src   Source
	list  *tensor.Listing
	open  func(Side, string) (Source, error)
	names []string // of the tensors, unique
	files map[string]*sibling
}

// sibling is another file of the model.
type sibling struct {
	src Source
	err error
}

const (
	maxHead     = 64 << 10 // of which Detect tells the format
	maxProblems = 20       // of a side, in a result
)

// openSide reads the structure of a file.
func openSide(ctx context.Context, which Side, src Source, name string, open func(Side, string) (Source, error)) (*side, error) {
	head := make([]byte, min(maxHead, max(src.Size(), 0)))
	if n, err := src.ReadAt(head, 0); n < len(head) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("reading the tensor file %s: %w", which, err)
	}
	f, ok := Detect(name, head)
	if !ok {
		return nil, fmt.Errorf("the file %s: %w", which, errFormat)
	}
	list, err := tensor.List(ctx, f, src, src.Size(), tensor.Options{Limit: maxProblems})
	if err != nil {
		return nil, fmt.Errorf("the tensor file %s: %w", which, err)
	}
	if !list.Complete {
		p := tensor.Problem{Off: -1, Field: "tensors", Text: "some are not valid"}
		if len(list.Problems) > 0 {
			p = list.Problems[0]
		}
		return nil, &FileError{which, p}
	}
	s := &side{Side: which, src: src, list: list, open: open, files: map[string]*sibling{}}
	s.name()
	return s, nil
}

// name gives every tensor a name of its own: what has none is called "array" or
// "unnamed", and of those that share one the second is called "x (2)".
func (s *side) name() {
	seen := make(map[string]int, len(s.list.Tensors))
	s.names = make([]string, len(s.list.Tensors))
	for i, e := range s.list.Tensors {
		name := e.Name
		switch {
		case name == "" && s.list.Format == tensor.NPY:
			name = "array"
		case name == "":
			name = "unnamed"
		}
		for base := name; ; {
			seen[base]++
			if n := seen[base]; n > 1 {
				name = base + " (" + strconv.Itoa(n) + ")"
				if seen[name] > 0 {
					continue
				}
				seen[name] = 1
			}
			break
		}
		s.names[i] = name
	}
}

// sibling opens another file of the model once.
func (s *side) sibling(name string) (Source, error) {
	f := s.files[name]
	if f == nil {
		f = &sibling{}
		if s.open == nil {
			f.err = fmt.Errorf("its data is in %q, which was not opened", name)
		} else if f.src, f.err = s.open(s.Side, name); f.err != nil {
			f.err = fmt.Errorf("its data is in %q: %w", name, f.err)
		}
		s.files[name] = f
	}
	return f.src, f.err
}

// file sums up a side.
func (s *side) file() File {
	f := File{Format: s.list.Format, Tensors: len(s.list.Tensors)}
	for i := range s.list.Tensors {
		f.Elements = plus(f.Elements, s.list.Tensors[i].Elements)
		f.Bytes = plus(f.Bytes, s.list.Tensors[i].Bytes)
	}
	return f
}

// plus adds numbers of 0 or more without overflow.
func plus(a, b int64) int64 {
	if a += b; a < 0 {
		return 1<<63 - 1
	}
	return a
}
