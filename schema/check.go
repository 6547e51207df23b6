// Package schema knows the formats of models: so far, whether a file is
// well-formed.
package schema

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// Check tells what is wrong with a model, by the format that its name claims:
// JSON must be one well-formed document, a safetensors file must have a header
// whose tensors fit the file. "" means that nothing was found, or that the
// format is not known. The error is r's own. Memory is bounded, except for a
// safetensors header of at most 100 MB.
func Check(name string, r io.Reader) (finding string, err error) {
	switch strings.ToLower(path.Ext(name)) {
	case ".json":
		return checkJSON(r)
	case ".safetensors":
		return checkSafetensors(r)
	}
	return "", nil
}

func checkJSON(r io.Reader) (string, error) {
	track := &errReader{r: bufio.NewReaderSize(r, 1<<16)}
	d := json.NewDecoder(track)
	d.UseNumber()
	for n := 0; ; n++ {
		depth := 0
		for {
			t, err := d.Token()
			if track.err != nil {
				return "", track.err
			}
			if err == io.EOF && depth == 0 {
				switch n {
				case 0:
					return "no JSON document: the file is empty", nil
				case 1:
					return "", nil
				}
				return "more than one JSON document", nil
			}
			if err != nil {
				if err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				return fmt.Sprintf("not well-formed JSON at byte %d: %v", d.InputOffset(), err), nil
			}
			if delim, ok := t.(json.Delim); ok {
				if delim == '{' || delim == '[' {
					depth++
				} else {
					depth--
				}
			}
			if depth == 0 {
				break
			}
		}
	}
}

// errReader keeps an error of reading apart from errors of the document.
type errReader struct {
	r   io.Reader
	err error
}

func (e *errReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		e.err = err
	}
	return n, err
}

func checkSafetensors(r io.Reader) (string, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return short(err, "no safetensors header")
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > 100<<20 {
		return fmt.Sprintf("safetensors header of %d bytes", n), nil
	}
	var buf bytes.Buffer
	if _, err := io.CopyN(&buf, r, int64(n)); err != nil {
		return short(err, "safetensors header is cut off")
	}
	var tensors map[string]struct {
		DType   string   `json:"dtype"`
		Offsets []uint64 `json:"data_offsets"`
	}
	raw := map[string]json.RawMessage{}
	err := json.Unmarshal(buf.Bytes(), &raw)
	delete(raw, "__metadata__")
	if err == nil {
		var again []byte
		if again, err = json.Marshal(raw); err == nil {
			err = json.Unmarshal(again, &tensors)
		}
	}
	if err != nil {
		return fmt.Sprintf("safetensors header: %v", err), nil
	}
	size, err := io.Copy(io.Discard, r)
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		t := tensors[name]
		if len(t.Offsets) != 2 || t.Offsets[0] > t.Offsets[1] || t.Offsets[1] > uint64(size) {
			return fmt.Sprintf("tensor %q lies at %v of %d bytes", name, t.Offsets, size), nil
		}
	}
	return "", nil
}

func short(err error, what string) (string, error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return what, nil
	}
	return "", err
}
