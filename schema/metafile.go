package schema

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
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

// ParseMeta reads a metadata file: TOML or JSON by its extension, else YAML. Errors are
// *FileError.
func ParseMeta(file string, src []byte) (*Meta, error) {
	flat, err := flatten(file, src)
	if err != nil {
		return nil, err
	}
	m := &Meta{Params: map[string]any{}, Metrics: map[string]any{}, Env: map[string]any{}, Other: map[string]any{}}
	fail := func(v flatValue, err error) error {
		if v.line == 0 && strings.EqualFold(filepath.Ext(file), ".toml") {
			v.line = tomlLine(src, v.name)
		}
		return &FileError{file, v.line, v.name, err}
	}
	for _, v := range flat {
		section, name, below := strings.Cut(v.name, ".")
		text, isText := v.value.(string)
		isText = isText && !v.list
		switch {
		case below && (section == "params" || section == "parameters"):
			m.Params[name] = v.value
		case below && section == "metrics":
			m.Metrics[name] = v.value
		case below && (section == "env" || section == "environment" || section == "system_info"):
			m.Env[name] = v.value
		case v.name == "source" || v.name == "training_source":
			if !isText {
				return nil, fail(v, fmt.Errorf("want text, not %s", showValue(v.value)))
			}
			m.Source = text
		case v.name == "message" || v.name == "description":
			if !isText {
				return nil, fail(v, fmt.Errorf("want text, not %s", showValue(v.value)))
			}
			m.Message = text
		case section == "params" || section == "parameters" || section == "metrics" || section == "env" || section == "environment":
			return nil, fail(v, errors.New("want fields below it"))
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
