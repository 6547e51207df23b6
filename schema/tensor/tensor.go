package tensor

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Format is a kind of file that tensors are kept in.
type Format string

// The formats.
const (
	Safetensors Format = "safetensors"
	GGUF        Format = "gguf"
	ONNX        Format = "onnx"
	NPY         Format = "npy"
	NPZ         Format = "npz"
	// TFJS is a model.json or a weights manifest of TensorFlow.js, which names
	// the files that hold the data. Only [List] reads it.
	TFJS Format = "tfjs"
)

// Options say what a check does. The zero value checks everything.
type Options struct {
	// Limit bounds Problems, and Notes of each sort; 0 means 100.
	Limit int
	// NoValues leaves the tensors' data unread: only the structure is checked.
	NoValues bool
}

// Problem is a place where a file is not valid.
type Problem struct {
	// Tensor is the name of the tensor it belongs to, "" for none or one
	// without a name. Names are cut to 200 bytes.
	Tensor string
	// Off is the byte of the file where it stands, -1 if that is not known.
	Off int64
	// Field names the part of the format, such as data_offsets or shape.
	Field string
	// Text says what was found, and what was expected.
	Text string
}

// String is the problem on one line.
func (p Problem) String() string {
	s := p.Field + ": " + p.Text
	if p.Tensor != "" {
		s = fmt.Sprintf("tensor %q: %s", p.Tensor, s)
	}
	if p.Off >= 0 {
		s = fmt.Sprintf("byte %d: %s", p.Off, s)
	}
	return s
}

// The sorts of a [Note].
const (
	SortNaN  = "nan"
	SortInf  = "inf"
	SortZero = "zero"
)

// Note is a tensor whose values stand out.
type Note struct {
	Tensor, Sort string
	// Count is how many values are so, Of how many there are. A complex
	// element has two values; of a quantised tensor, the scales are the values.
	Count, Of int64
}

// Report is what [Check] found.
type Report struct {
	// Tensors is how many tensors the file lists, valid or not.
	Tensors int
	// Parameters is the number of elements of all tensors, Bytes what they take
	// in the file. Tensors whose shape or type is not valid count as nothing.
	Parameters, Bytes int64
	// DTypes counts tensors by type: F32, BF16 and so on, by the names of
	// safetensors. GGUF has its own, such as Q4_K, and so have U, S, V, M8, m8
	// and struct of NumPy. Types that are not known are left out.
	DTypes map[string]int
	// Metadata has what the file says about itself: the entries of
	// __metadata__ of safetensors, the strings and numbers of GGUF, and
	// producer_name, ir_version, opset, graph_name and external_tensors (how
	// many have their data in other files) of ONNX. Only entries of at most 200
	// bytes are there, and at most 100.
	Metadata map[string]string
	// NaN, Inf and Zero count the tensors with NaN, with Inf, and with more
	// than one element but nothing except zeros. Types that have no NaN, such
	// as integers, are not looked at, and count in none of them.
	NaN, Inf, Zero int
	// NaNValues and InfValues count the values.
	NaNValues, InfValues int64
	// Problems are in the order they were found, at most Options.Limit;
	// MoreProblems is how many there were beyond.
	Problems     []Problem
	MoreProblems int
	// Notes name the tensors that NaN, Inf and Zero count, at most
	// Options.Limit of each sort.
	Notes []Note
}

// Check checks a file of format f that has size bytes. What is wrong with the
// file is in the report; the error is r's own or ctx's, then there is no report.
// r ending before size is its own error, [io.ErrUnexpectedEOF]. A format that is
// not one of the constants is [errors.ErrUnsupported].
//
// Where a problem hides the place of what follows, the check ends with it.
// Tensors are read in the order of the file, those that are not valid or that
// overlap another not at all. Checks may run concurrently.
func Check(ctx context.Context, f Format, r io.ReaderAt, size int64, o Options) (*Report, error) {
	c := newChecker(ctx, r, size, o)
	if err := c.run(f); err != nil {
		return nil, fmt.Errorf("checking tensors of format %q: %w", f, err)
	}
	if c.err != nil {
		return nil, c.err
	}
	return &c.rep, nil
}

// run checks a file; the error is that there is no such format.
func (c *checker) run(f Format) error {
	switch f {
	case Safetensors:
		c.safetensors()
	case GGUF:
		c.gguf()
	case ONNX:
		c.onnx()
	case NPY:
		c.npy()
	case NPZ:
		c.npz()
	default:
		return errors.ErrUnsupported
	}
	return nil
}
