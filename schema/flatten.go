package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// flatValue is one scalar of a metadata file.
type flatValue struct {
	name  string
	value any  // string, int64, float64 or bool
	list  bool // value is the JSON text of one
	line  int  // 0: not known
}

type flattener struct {
	file string
	src  []byte
	out  []flatValue
	left int // values that may still come, with those that aliases repeat

	off  int64 // lines are counted up to there
	line int
}

const maxMetaValues = 1_000_000

// flatten reads a metadata file of any of the formats.
func flatten(file string, src []byte) ([]flatValue, error) {
	f := &flattener{file: file, src: src, left: maxMetaValues, line: 1}
	if len(src) > MaxMetaFile {
		return nil, f.fail(0, "", fmt.Errorf("%d bytes are more than the %d that a metadata file may have", len(src), MaxMetaFile))
	}
	var err error
	switch strings.ToLower(filepath.Ext(file)) {
	case ".json":
		err = f.json()
	case ".toml":
		err = f.toml()
	default:
		err = f.yaml()
	}
	return f.out, err
}

func (f *flattener) fail(line int, field string, err error) error {
	return &FileError{f.file, line, field, err}
}

// below is the name of a field of what has a name.
func (f *flattener) below(name, field string, line int) (string, error) {
	if field == "" {
		return "", f.fail(line, name, errors.New("has a field without a name"))
	}
	if name == "" {
		return field, nil
	}
	return name + "." + field, nil
}

// put takes a value that has no fields.
func (f *flattener) put(name string, v any, line int) error {
	v, err := plain(v)
	if err != nil {
		return f.fail(line, name, err)
	}
	if v == nil {
		return nil
	}
	list, isList := v.([]any)
	if isList {
		v = string(compact(list))
	}
	if name == "" {
		return f.fail(line, "", fmt.Errorf("want fields, not %s", showValue(v)))
	}
	f.out = append(f.out, flatValue{name, v, isList, line})
	return nil
}

// plain makes what decoders give the same for all of them.
func plain(v any) (any, error) {
	switch x := v.(type) {
	case int:
		return int64(x), nil
	case uint64:
		return float64(x), nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("%v is not a finite number; give it as text, or leave it out", x)
		}
	case time.Time:
		return timeText(x), nil
	case []map[string]any:
		list := make([]any, len(x))
		for i := range x {
			list[i] = x[i]
		}
		return plain(list)
	case []any:
		list := make([]any, len(x))
		for i := range x {
			var err error
			if list[i], err = plain(x[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		m := make(map[string]any, len(x))
		for k := range x {
			var err error
			if m[k], err = plain(x[k]); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	return v, nil
}

// timeText writes a date or a time of TOML, with as much of it as was given.
func timeText(t time.Time) string {
	switch t.Location().String() { // as the decoder marks those without a zone
	case "datetime-local":
		return t.Format("2006-01-02T15:04:05.999999999")
	case "date-local":
		return t.Format(time.DateOnly)
	case "time-local":
		return t.Format("15:04:05.999999999")
	}
	return t.Format(time.RFC3339Nano)
}

func (f *flattener) json() error {
	w := &walker{d: jsontext.NewDecoder(bytes.NewReader(f.src))}
	err := f.jsonValue(w, "")
	if err == nil {
		_, off := w.peek()
		if _, err = w.d.ReadToken(); err == io.EOF {
			return nil
		}
		if err == nil {
			err = &syntaxError{off, "there is more than one document"}
		}
	} else if err == io.EOF && len(bytes.TrimSpace(f.src)) == 0 {
		return f.fail(1, "", errors.New("the file is empty"))
	}
	var me *FileError
	if errors.As(err, &me) {
		return err
	}
	var se *syntaxError
	if !errors.As(err, &se) && !errors.As(w.wrong(err), &se) {
		return f.fail(0, "", err)
	}
	return f.fail(f.lineAt(se.off), fieldAt(w.d), errors.New(se.text))
}

// fieldAt is the name of the field where a decoder is.
func fieldAt(d *jsontext.Decoder) string {
	names := slices.Collect(d.StackPointer().Tokens())
	for i := range names {
		if kind, _ := d.StackIndex(i + 1); kind != '{' { // a list is a value
			names = names[:i]
			break
		}
	}
	return strings.Join(names, ".")
}

// lineAt is the line of an offset, which does not lie before the last one.
func (f *flattener) lineAt(off int64) int {
	if off = min(off, int64(len(f.src))); off > f.off {
		f.line += bytes.Count(f.src[f.off:off], []byte("\n"))
		f.off = off
	}
	return f.line
}

func (f *flattener) jsonValue(w *walker, name string) error {
	kind, off := w.peek()
	line := f.lineAt(off)
	if kind != '{' {
		v, err := decode(w.d)
		if err != nil {
			return err
		}
		return f.put(name, v, line)
	}
	if _, err := w.d.ReadToken(); err != nil {
		return err
	}
	for w.d.PeekKind() != '}' {
		tok, err := w.d.ReadToken()
		if err != nil {
			return err
		}
		field, err := f.below(name, tok.String(), line)
		if err != nil {
			return err
		}
		if err := f.jsonValue(w, field); err != nil {
			return err
		}
	}
	_, err := w.d.ReadToken()
	return err
}

func (f *flattener) toml() error {
	var v map[string]any
	if _, err := toml.Decode(string(f.src), &v); err != nil {
		var pe toml.ParseError
		if errors.As(err, &pe) {
			return f.fail(pe.Position.Line, pe.LastKey, errors.New(pe.Message))
		}
		return f.fail(0, "", err)
	}
	err := f.tomlValue("", v)
	var me *FileError
	if errors.As(err, &me) {
		me.Line = tomlLine(f.src, me.Field)
	}
	return err
}

func (f *flattener) tomlValue(name string, v any) error {
	m, ok := v.(map[string]any)
	if !ok {
		return f.put(name, v, 0)
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		field, err := f.below(name, k, 0)
		if err == nil {
			err = f.tomlValue(field, m[k])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *flattener) yaml() error {
	n, line, err := readYAML(f.src)
	if err != nil {
		return f.fail(line, "", err)
	}
	if n == nil {
		return nil
	}
	return f.node("", n, 0)
}

// node takes what a node holds.
func (f *flattener) node(name string, n *yaml.Node, depth int) error {
	if target(n).Kind != yaml.MappingNode {
		v, err := f.value(name, n, depth)
		if err != nil {
			return err
		}
		return f.put(name, v, n.Line)
	}
	return f.members(name, n, depth, func(k string, n *yaml.Node, depth int) error {
		field, err := f.below(name, k, n.Line)
		if err != nil {
			return err
		}
		return f.node(field, n, depth)
	})
}

// members goes through a mapping: what it merges first, then its own, which so prevail.
func (f *flattener) members(name string, n *yaml.Node, depth int, do func(k string, n *yaml.Node, depth int) error) error {
	if f.left--; f.left < 0 || depth > 100 {
		return f.fail(n.Line, name, errors.New("is nested too deeply, or holds too many values"))
	}
	n = target(n)
	own := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].ShortTag() != "!!merge" {
			continue
		}
		list := []*yaml.Node{n.Content[i+1]}
		if m := target(list[0]); m.Kind == yaml.SequenceNode {
			list = m.Content
		}
		for _, m := range slices.Backward(list) {
			if target(m).Kind != yaml.MappingNode {
				return f.fail(m.Line, name, errors.New("merges what has no fields"))
			}
			if err := f.members(name, m, depth+1, do); err != nil {
				return err
			}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := target(n.Content[i])
		switch {
		case key.ShortTag() == "!!merge":
			continue
		case key.Kind != yaml.ScalarNode:
			return f.fail(key.Line, name, errors.New("has a field whose name is no text"))
		case own[key.Value]:
			return f.fail(key.Line, strings.TrimPrefix(name+"."+key.Value, "."), errors.New("is given twice"))
		}
		own[key.Value] = true
		if err := do(key.Value, n.Content[i+1], depth+1); err != nil {
			return err
		}
	}
	return nil
}

// value decodes a node; dates stay as they are written.
func (f *flattener) value(name string, n *yaml.Node, depth int) (any, error) {
	if f.left--; f.left < 0 || depth > 100 {
		return nil, f.fail(n.Line, name, errors.New("is nested too deeply, or holds too many values"))
	}
	n = target(n)
	switch n.Kind {
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			v, err := f.value(name, c, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		m := map[string]any{}
		return m, f.members(name, n, depth, func(k string, n *yaml.Node, depth int) (err error) {
			m[k], err = f.value(name, n, depth)
			return err
		})
	}
	switch n.ShortTag() {
	case "!!str", "!!timestamp", "!!binary":
		return n.Value, nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		_, text := splitYAMLError(err)
		return nil, f.fail(n.Line, name, errors.New(text))
	}
	return v, nil
}

// tomlLine finds the line of a value, which the decoder does not tell; 0: it does not.
func tomlLine(src []byte, name string) int {
	last := name[strings.LastIndexByte(name, '.')+1:]
	for i, line := range bytes.Split(src, []byte("\n")) {
		k, _, ok := strings.Cut(string(line), "=")
		if k = strings.Trim(strings.TrimSpace(k[strings.LastIndexByte(k, '.')+1:]), `"'`); ok && k == last {
			return i + 1
		}
	}
	return 0
}
