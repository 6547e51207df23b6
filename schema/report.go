package schema

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Formats of models, as far as their inside is looked at.
var Formats = []string{FormatJSON, "safetensors", "gguf", "onnx", "npy", "npz"}

// FormatJSON is the format of JSON documents.
const FormatJSON = "json"

// Finding is one thing that is wrong with a model, or that puts it in doubt.
type Finding struct {
	Severity Severity
	// Rule is the name of a quality rule, or "json" (not well-formed), "schema", "expects",
	// "wrapper", or the name of a tensor format (its structure).
	Rule     string
	Path     string // JSONPath of the value; the tensor; "" for the whole model
	Line     int    // of the value, from 1; 0: not known
	Column   int    // in characters, from 1
	Found    string // an excerpt of the value
	Expected string
	Message  string // the whole, in words

	off int64 // of the value in the file; -1: unknown
}

func (f *Finding) String() string {
	var b strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&b, "%d:%d: ", f.Line, f.Column)
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message)
	return b.String()
}

// Value is a named figure: an int64, float64, string or bool.
type Value struct {
	Name  string
	Value any
}

// Report is what Check found.
type Report struct {
	Format  string // one of Formats; "" for others
	Kind    string // "" when no kind is known for it
	Wrapped bool   // the document is {"metadata":…,"data":…}; all else is about the data
	Damaged bool   // empty, cut off, or not well-formed

	Errors, Warnings int       // all of them
	Findings         []Finding // by severity, then by place; not more than asked for
	Stats            []Value   // in the kind's order
	Params, Metrics  map[string]any
	Source           string         // what it says that it was made from
	Metadata         map[string]any // of the wrapper; what is no text, number or truth value is left out
}

// Valid tells whether no error was found.
func (r *Report) Valid() bool { return r.Errors == 0 }

// add counts a finding, and keeps it if there is room.
func (r *Report) add(f Finding, limit int) {
	full := r.full(f.Severity, limit)
	if f.Severity == Error {
		r.Errors++
	} else {
		r.Warnings++
	}
	if !full {
		r.Findings = append(r.Findings, f)
	}
}

// full tells whether no more findings of that severity are kept.
func (r *Report) full(s Severity, limit int) bool {
	if s == Error {
		return r.Errors >= limit
	}
	return r.Warnings >= limit
}

// sort puts errors before warnings, each by place, no more than limit in all.
func (r *Report) sort(limit int) {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.off, b.off))
	})
	r.Findings = r.Findings[:min(len(r.Findings), limit)]
}

// locate finds the lines and columns of the findings, by reading the document again up
// to the last of them. Columns count characters, not bytes.
func (r *Report) locate(in io.Reader) error {
	var at []*Finding
	for i := range r.Findings {
		if f := &r.Findings[i]; f.off >= 0 {
			at = append(at, f)
		}
	}
	slices.SortFunc(at, func(a, b *Finding) int { return cmp.Compare(a.off, b.off) })
	line, column, off := 1, 1, int64(0)
	buf := make([]byte, 64<<10)
	for len(at) > 0 {
		n, err := in.Read(buf)
		for rest := buf[:n]; len(rest) > 0 && len(at) > 0; {
			next := min(int64(len(rest)), max(0, at[0].off-off))
			line, column = advance(line, column, rest[:next])
			off, rest = off+next, rest[next:]
			for len(rest) > 0 && len(at) > 0 && at[0].off <= off {
				at[0].Line, at[0].Column = line, column
				at = at[1:]
			}
		}
		if err == io.EOF {
			for _, f := range at { // at the end of the file
				f.Line, f.Column = line, column
			}
			return nil
		}
		if err != nil && len(at) > 0 {
			return err
		}
	}
	return nil
}

// advance is where one is after a text.
func advance(line, column int, text []byte) (int, int) {
	if n := bytes.Count(text, []byte{'\n'}); n > 0 {
		line, column, text = line+n, 1, text[bytes.LastIndexByte(text, '\n')+1:]
	}
	for _, c := range text {
		if c&0xc0 != 0x80 {
			column++
		}
	}
	return line, column
}
