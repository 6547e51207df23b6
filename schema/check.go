package schema

import (
	"bytes"
	"context"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/mstore/mstore/schema/tensor"
)

// Input is a model to look at.
type Input struct {
	Name string // its path; the extension and the name tell formats and kinds apart
	Size int64
	At   io.ReaderAt
}

func (in *Input) reader() io.Reader { return io.NewSectionReader(in.At, 0, in.Size) }

// Options are the settings of Check.
type Options struct {
	Limit           int       // findings that are kept; 0: 100
	Params, Metrics []Extract // from documents of any kind, before what the kind takes
	NoValues        bool      // do not look at the values of tensors
}

const headSize = 64 << 10

// Check tells the kind of a model, and what is wrong with it: its format, its JSON
// Schema, its quality. The error is the input's own, or the context's. The content is
// read once, as a stream, and a second time up to the last finding; memory is bounded
// by what the schema asks for, not by the model's size.
func (r *Registry) Check(ctx context.Context, in Input, o Options) (*Report, error) {
	if o.Limit <= 0 {
		o.Limit = 100
	}
	head, err := readHead(&in)
	if err != nil {
		return nil, err
	}
	if f := tensor.Detect(in.Name, head); f != "" {
		return r.checkTensors(ctx, f, &in, &o)
	}
	named := strings.EqualFold(path.Ext(in.Name), ".json")
	if !named && !looksLikeJSON(head) {
		return &Report{}, nil
	}
	rep, err := r.checkJSON(ctx, &in, &o)
	if err == nil && rep.Damaged && !named { // it only looked like JSON
		return &Report{}, nil
	}
	return rep, err
}

func readHead(in *Input) ([]byte, error) {
	f := in.reader()
	head := make([]byte, min(headSize, max(in.Size, 0)))
	n := 0
	var err error
	for n < len(head) && err == nil {
		var more int
		more, err = f.Read(head[n:])
		n += more
	}
	if err != nil && err != io.EOF { // an unexpected end is the reader's error, too
		return nil, err
	}
	return head[:n], nil
}

func looksLikeJSON(head []byte) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	return len(head) > 1 && (head[0] == '{' || head[0] == '[') && bytes.IndexByte(head, 0) < 0
}

func (r *Registry) checkJSON(ctx context.Context, in *Input, o *Options) (*Report, error) {
	d := r.newDocument(in.Name, FormatJSON, o)
	if err := d.read(ctx, in.reader()); err != nil {
		return nil, err
	}
	rep := d.report()
	if !slices.ContainsFunc(rep.Findings, func(f Finding) bool { return f.off >= 0 }) {
		return rep, nil
	}
	if err := rep.locate(&stream{ctx, in.reader()}); err != nil {
		return nil, err
	}
	return rep, nil
}
