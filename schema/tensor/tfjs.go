package tensor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"

	"github.com/go-json-experiment/json/jsontext"
)

// IsTFJS tells whether a file that begins with head, of which 64 KB are enough,
// is a model.json or a weights manifest of TensorFlow.js.
func IsTFJS(head []byte) bool {
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case len(text) == 0:
		return false
	case text[0] == '{':
		return bytes.Contains(text, []byte(`"weightsManifest"`)) || bytes.Contains(text, []byte(`"modelTopology"`))
	}
	return text[0] == '[' && bytes.Contains(text, []byte(`"weights"`)) && bytes.Contains(text, []byte(`"paths"`))
}

const maxTFJSGroup = 64 << 20 // bytes of one group of the manifest

// tfjsGroup is a list of weights, and the files that hold them one after the
// other (tfjs-core/src/io/types.ts: WeightsManifestGroupConfig).
type tfjsGroup struct {
	Paths   []string     `json:"paths"`
	Weights []tfjsWeight `json:"weights"`
}

type tfjsWeight struct {
	Name         string   `json:"name"`
	Shape        []uint64 `json:"shape"`
	DType        string   `json:"dtype"`
	Quantization *struct {
		DType string   `json:"dtype"`
		Scale *float64 `json:"scale"`
		Min   *float64 `json:"min"`
	} `json:"quantization"`
}

var tfjsTypes = map[string]*elem{"float32": elems["F32"], "float16": elems["F16"], "int32": elems["I32"], "bool": elems["BOOL"],
	"complex64": elems["C64"], "uint8": elems["U8"], "uint16": elems["U16"]}

// tfjs reads a model.json, an object with the manifest in it, or the manifest
// alone, an array of groups. The files with the data are not looked at.
func (c *checker) tfjs() {
	d := jsontext.NewDecoder(io.NewSectionReader(c, 0, c.size))
	fault := func(err error) {
		if c.err == nil {
			c.problem("", d.InputOffset(), "json", "%v", err)
		}
	}
	if d.PeekKind() == '[' {
		if err := c.manifest(d); err != nil {
			fault(err)
			return
		}
		c.toEnd = true
		return
	}
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		if err == nil {
			err = fmt.Errorf("it begins with %s, expected an object or an array", t)
		}
		fault(err)
		return
	}
	found := false
	for d.PeekKind() == '"' {
		t, err := d.ReadToken()
		if err != nil {
			fault(err)
			return
		}
		switch key := t.String(); {
		case key == "weightsManifest":
			found, err = true, c.manifest(d)
		default:
			err = c.property(d, key)
		}
		if err != nil {
			fault(err)
			return
		}
	}
	if _, err := d.ReadToken(); err != nil {
		fault(err)
		return
	}
	if !found {
		c.problem("", -1, "weightsManifest", "it is missing")
		return
	}
	c.toEnd = true
}

// property lists what a model.json has beside the weights.
func (c *checker) property(d *jsontext.Decoder, key string) error {
	kind := d.PeekKind()
	if kind != '{' && kind != '[' {
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		text := string(v)
		if kind == '"' {
			if err := json.Unmarshal(v, &text); err != nil {
				return err
			}
		}
		c.meta(key, text)
		return nil
	}
	from := d.InputOffset()
	if err := d.SkipValue(); err != nil {
		return err
	}
	p := Pair{Key: clean(key), Value: "object"}
	if kind == '[' {
		p.Value = "array"
	}
	p.Sum = c.digest(from, d.InputOffset())
	c.list.Metadata = append(c.list.Metadata, p)
	return nil
}

// manifest reads the groups.
func (c *checker) manifest(d *jsontext.Decoder) error {
	if t, err := d.ReadToken(); err != nil {
		return err
	} else if t.Kind() != '[' {
		return fmt.Errorf("the weights manifest is %s, expected an array", t.Kind())
	}
	for d.PeekKind() == '{' {
		at := d.InputOffset()
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		if len(v) > maxTFJSGroup {
			return fmt.Errorf("a group has %d bytes, at most %d are read", len(v), maxTFJSGroup)
		}
		var g tfjsGroup
		if err := json.Unmarshal(v, &g); err != nil {
			return err
		}
		c.group(&g, at)
	}
	t, err := d.ReadToken()
	if err == nil && t.Kind() != ']' {
		err = fmt.Errorf("a group of weights is %s, expected an object", t.Kind())
	}
	return err
}

// group lists its weights. After one of unknown length no other has a place.
func (c *checker) group(g *tfjsGroup, at int64) {
	for _, p := range g.Paths {
		if bad := badPath(p); bad != "" || p == "" || path.Clean(p) == "." {
			c.problem("", at, "paths", "the path %s is no file beside the model", quote(p))
			c.rep.Tensors += len(g.Weights)
			return
		}
	}
	off := uint64(0)
	for i := range g.Weights {
		w := &g.Weights[i]
		c.rep.Tensors++
		name := w.DType
		entry := Entry{Name: w.Name, Files: g.Paths, Off: int64(off)}
		if q := w.Quantization; q != nil {
			name = q.DType
			if q.Scale != nil {
				entry.Scale = *q.Scale
			}
			if q.Min != nil {
				entry.Min = *q.Min
			}
		}
		e := tfjsTypes[name]
		elements, ok := product(w.Shape)
		size := uint64(0)
		if ok && e != nil {
			size, ok = e.size(elements)
		}
		switch {
		case e == nil:
			c.problem(w.Name, at, "dtype", "the length of type %s is not known", quote(name))
		case !ok || off+size/8 > 1<<62:
			c.problem(w.Name, at, "shape", "%s has more elements than a file can hold", shapeText(w.Shape))
		case len(g.Paths) == 0:
			c.problem(w.Name, at, "paths", "there is none")
		default:
			entry.Shape, entry.Elements, entry.Bytes = lengths(w.Shape), int64(elements), int64(size/8)
			c.count(e, elements, size/8)
			c.list.add(entry, e)
			off += size / 8
			continue
		}
		c.rep.Tensors += len(g.Weights) - i - 1
		return
	}
}
