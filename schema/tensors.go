package schema

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/mstore/mstore/schema/tensor"
)

// checkTensors looks at the structure of a tensor file, and then at what was found
// there, as a document that rules can ask.
func (r *Registry) checkTensors(ctx context.Context, f tensor.Format, in *Input, o *Options) (*Report, error) {
	t, err := tensor.Check(ctx, f, in.At, in.Size, tensor.Options{Limit: o.Limit, NoValues: o.NoValues})
	if err != nil {
		return nil, err
	}
	doc, err := json.Marshal(tensorDoc(t, in.Size))
	if err != nil {
		return nil, err
	}
	d := r.newDocument(in.Name, string(f), o)
	if err := d.read(ctx, bytes.NewReader(doc)); err != nil {
		return nil, err
	}
	rep := d.report()
	for i := range rep.Findings { // these places are not the file's
		rep.Findings[i].off = -1
	}
	if len(t.Problems) > 0 {
		rep.Damaged = true
		kept := rep.Findings
		rep.Findings, rep.Errors, rep.Warnings = nil, 0, 0 // quality is no matter then
		for _, f := range kept {
			if f.Severity == Error {
				rep.add(f, o.Limit)
			}
		}
		for _, p := range t.Problems {
			msg := p.Text
			if p.Field != "" {
				msg = p.Field + ": " + msg
			}
			if p.Off >= 0 {
				msg += fmt.Sprintf(" (byte %d)", p.Off)
			}
			rep.add(Finding{Severity: Error, Rule: string(f), Path: p.Tensor, Message: msg, off: -1}, o.Limit)
		}
		rep.Errors += t.MoreProblems
	}
	rep.sort(o.Limit)
	return rep, nil
}

// tensorDoc is what rules see of a tensor file.
func tensorDoc(t *tensor.Report, size int64) map[string]any {
	notes := map[string][]any{"nan": {}, "inf": {}, "zero": {}}
	for _, n := range t.Notes {
		notes[n.Sort] = append(notes[n.Sort], map[string]any{"tensor": n.Tensor, "values": n.Count, "of": n.Of})
	}
	doc := map[string]any{"file_bytes": size, "tensors": t.Tensors, "parameters": t.Parameters, "bytes": t.Bytes, "dtypes": t.DTypes,
		"metadata": t.Metadata, "nan_tensors": t.NaN, "inf_tensors": t.Inf, "zero_tensors": t.Zero, "nan_values": t.NaNValues, "inf_values": t.InfValues}
	for k, v := range notes {
		doc[k] = v
	}
	return doc
}
