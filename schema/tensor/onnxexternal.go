package tensor

import (
	"strconv"
	"strings"
)

// entry reads a key and a value that say where external data is.
func (t *onnxTensor) entry(m *message) {
	var key, value string
	for f, ok := m.next(); ok; f, ok = m.next() {
		switch f.num {
		case 1:
			key = m.text(f, maxName, "key")
		case 2:
			value = m.text(f, maxONNXName, "value")
		default:
			m.whole(t.name, f, "field "+strconv.FormatUint(f.num, 10))
		}
	}
	switch key {
	case "location":
		t.location = &value
	case "offset":
		t.offset = value
	case "length":
		t.length = value
	}
}

// outside checks where a tensor says that its data is, without looking there.
func (o *onnxReader) outside(t *onnxTensor, at int64, size uint64, text bool) {
	o.external++
	if t.location == nil || *t.location == "" {
		o.problem(t.name, at, "external_data", "there is no location")
	} else if bad := badPath(*t.location); bad != "" {
		o.problem(t.name, at, "external_data", "the location %s %s", quote(*t.location), bad)
	}
	if text {
		o.problem(t.name, at, "data_location", "strings cannot be external")
	}
	if _, err := strconv.ParseUint(t.offset, 10, 63); err != nil && t.offset != "" {
		o.problem(t.name, at, "external_data", "the offset %s is not a whole number", quote(t.offset))
	}
	if n, err := strconv.ParseUint(t.length, 10, 63); t.length != "" && (err != nil || n != size) {
		o.problem(t.name, at, "external_data", "the length is %s, %s takes %d bytes", quote(t.length), showDims(t.dims), size)
	}
}

// badPath says what is wrong with the path of a file beside the model.
func badPath(p string) string {
	slashes := strings.ReplaceAll(p, `\`, "/")
	switch {
	case strings.HasPrefix(slashes, "/") || len(p) > 1 && p[1] == ':':
		return "is not relative"
	case strings.Contains("/"+slashes+"/", "/../"):
		return "leaves the model's directory"
	case strings.IndexByte(p, 0) >= 0:
		return "has a NUL byte"
	}
	return ""
}
