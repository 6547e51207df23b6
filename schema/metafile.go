package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// MaxMetaFile bounds the size of a metadata file, in bytes.
const MaxMetaFile = 16 << 20

// Meta is what a metadata file says. Values are strings, int64, float64 or bool; the
// names of nested ones are joined with dots, and lists are JSON text.
type Meta struct {
	Params, Metrics map[string]any // of params or parameters, and metrics
	Env             map[string]any // of env, environment or system_info
	Source          string         // source or training_source
	Message         string         // message or description
	Other           map[string]any
}

// MetaError: a metadata file that cannot be understood.
type MetaError struct {
	File  string
	Line  int    // 0: not known
	Field string // with its parents, "" for the whole
	Err   error
}

func (e *MetaError) Error() string {
	where := e.File
	if e.Line > 0 {
		where += ":" + strconv.Itoa(e.Line)
	}
	if e.Field != "" {
		where += ": " + e.Field
	}
	return where + ": " + e.Err.Error()
}

func (e *MetaError) Unwrap() error { return e.Err }

// ParseMeta reads a metadata file: TOML or JSON by its extension, else YAML. Errors are
// *MetaError.
func ParseMeta(file string, src []byte) (*Meta, error) {
	flat, err := flatten(file, src)
	if err != nil {
		return nil, err
	}
	m := &Meta{Params: map[string]any{}, Metrics: map[string]any{}, Env: map[string]any{}, Other: map[string]any{}}
	for _, v := range flat {
		section, name, below := strings.Cut(v.name, ".")
		text, isText := v.value.(string)
		switch {
		case below && (section == "params" || section == "parameters"):
			m.Params[name] = v.value
		case below && section == "metrics":
			m.Metrics[name] = v.value
		case below && (section == "env" || section == "environment" || section == "system_info"):
			m.Env[name] = v.value
		case v.name == "source" || v.name == "training_source":
			if !isText {
				return nil, &MetaError{file, v.line, v.name, fmt.Errorf("want text, not %v", v.value)}
			}
			m.Source = text
		case v.name == "message" || v.name == "description":
			if !isText {
				return nil, &MetaError{file, v.line, v.name, fmt.Errorf("want text, not %v", v.value)}
			}
			m.Message = text
		case section == "params" || section == "parameters" || section == "metrics" || section == "env" || section == "environment":
			return nil, &MetaError{file, v.line, v.name, errors.New("want fields below it")}
		default:
			m.Other[v.name] = v.value
		}
	}
	return m, nil
}

// ParseEnv reads a file that a training has written about its environment, as ParseMeta
// does, but takes all of it for one section.
func ParseEnv(file string, src []byte) (map[string]any, error) {
	flat, err := flatten(file, src)
	if err != nil {
		return nil, err
	}
	env := map[string]any{}
	for _, v := range flat {
		env[v.name] = v.value
	}
	return env, nil
}

// flatValue is one scalar of a metadata file.
type flatValue struct {
	name  string
	value any
	line  int
}

type flattener struct {
	file string
	out  []flatValue
}

func flatten(file string, src []byte) ([]flatValue, error) {
	f := &flattener{file: file}
	if len(src) > MaxMetaFile {
		return nil, f.fail(0, "", fmt.Errorf("%d bytes are more than a metadata file may have", len(src)))
	}
	var err error
	switch strings.ToLower(filepath.Ext(file)) {
	case ".json":
		err = f.json(src)
	case ".toml":
		err = f.toml(src)
	default:
		err = f.yaml(src)
	}
	return f.out, err
}

func (f *flattener) fail(line int, field string, err error) error {
	return &MetaError{f.file, line, field, err}
}

// put takes one value; v is as one of the decoders gives it.
func (f *flattener) put(name string, v any, line int) error {
	join := func(k string) string {
		if name == "" {
			return k
		}
		return name + "." + k
	}
	switch x := v.(type) {
	case nil:
		return nil
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if err := f.put(join(k), x[k], line); err != nil {
				return err
			}
		}
		return nil
	case []any, []map[string]any:
		b, err := json.Marshal(x)
		if err != nil {
			return f.fail(line, name, errors.New("holds a number that is not finite, or something that JSON cannot hold"))
		}
		v = string(b)
	case int:
		v = int64(x)
	case uint64:
		v = float64(x)
	case time.Time:
		v = x.Format(time.RFC3339Nano)
	case json.Number:
		v = numberOf(string(x))
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return f.fail(line, name, fmt.Errorf("%v is not a finite number; give it as text, or leave it out", x))
		}
	case string, int64, bool:
	default:
		v = fmt.Sprint(x)
	}
	if name == "" {
		return f.fail(line, "", fmt.Errorf("want fields, not %v", v))
	}
	f.out = append(f.out, flatValue{name, v, line})
	return nil
}

func (f *flattener) json(src []byte) error {
	lineAt := func(off int64) int { return 1 + bytes.Count(src[:min(off, int64(len(src)))], []byte("\n")) }
	d := jsontext.NewDecoder(bytes.NewReader(src))
	for {
		_, err := d.ReadToken()
		if err == nil {
			continue
		}
		if d.StackDepth() == 0 && d.InputOffset() > 0 && len(bytes.TrimSpace(src[d.InputOffset():])) == 0 {
			break
		}
		w := &walker{d: d}
		text := err.Error()
		at := d.InputOffset()
		var se *syntaxError
		if errors.As(w.wrong(err), &se) {
			text, at = se.text, se.off
		}
		field := strings.TrimPrefix(strings.ReplaceAll(string(d.StackPointer()), "/", "."), ".")
		return f.fail(lineAt(at), field, errors.New(text))
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return f.fail(0, "", err)
	}
	return f.put("", v, 0)
}

func (f *flattener) toml(src []byte) error {
	var v map[string]any
	if _, err := toml.Decode(string(src), &v); err != nil {
		var pe toml.ParseError
		if errors.As(err, &pe) {
			return f.fail(pe.Position.Line, pe.LastKey, errors.New(pe.Message))
		}
		return f.fail(0, "", err)
	}
	err := f.put("", v, 0)
	var me *MetaError
	if errors.As(err, &me) { // the decoder does not tell lines of values
		last := me.Field[strings.LastIndexByte(me.Field, '.')+1:]
		for i, line := range strings.Split(string(src), "\n") {
			if k, _, ok := strings.Cut(line, "="); ok && strings.Trim(strings.TrimSpace(k), `"'`) == last {
				me.Line = i + 1
			}
		}
	}
	return err
}

func (f *flattener) yaml(src []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return f.fail(0, "", errors.New(strings.TrimPrefix(err.Error(), "yaml: ")))
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return f.node("", doc.Content[0], 0)
}

func (f *flattener) node(name string, n *yaml.Node, depth int) error {
	if depth > 100 {
		return f.fail(n.Line, name, errors.New("is nested too deeply"))
	}
	switch n.Kind {
	case yaml.AliasNode:
		return f.node(name, n.Alias, depth+1)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i].Value
			if name != "" {
				k = name + "." + k
			}
			if err := f.node(k, n.Content[i+1], depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return f.fail(n.Line, name, errors.New(strings.TrimPrefix(err.Error(), "yaml: ")))
	}
	return f.put(name, v, n.Line)
}
