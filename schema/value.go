package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// decode reads a value into memory: map[string]any, []any, string, int64, float64, bool
// or nil. Of members of one name the last counts.
func decode(d *jsontext.Decoder) (any, error) {
	tok, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch kind := tok.Kind(); kind {
	case '{':
		m := map[string]any{}
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String() // the token does not outlive the next
			if m[key], err = decode(d); err != nil {
				return nil, err
			}
		}
		_, err = d.ReadToken()
		return m, err
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, err := decode(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.ReadToken()
		return list, err
	default:
		return scalarOf(tok), nil
	}
}

// scalarOf is a token that is a string, int64, float64, bool or nil.
func scalarOf(tok jsontext.Token) any {
	switch tok.Kind() {
	case '"':
		return tok.String()
	case '0':
		return numberOf(tok.String())
	case 't', 'f':
		return tok.Bool()
	}
	return nil
}

// numberOf is an int64 where the number is one, else a float64: the nearest, also where
// the number is beyond all of them, so that it is always finite.
func numberOf(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	f, _ := strconv.ParseFloat(text, 64)
	return max(-math.MaxFloat64, min(math.MaxFloat64, f))
}

const excerptLength = 60

// clip cuts a text to what a finding has room for.
func clip(s string) string {
	if len(s) <= excerptLength {
		return s
	}
	n := excerptLength
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// excerptOf describes a decoded value.
func excerptOf(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return fmt.Sprintf("an array of %d", len(v))
	case string:
		v = v[:min(len(v), 4*excerptLength)]
		return clip(string(compact(v)))
	}
	return clip(string(compact(v)))
}

// compact writes a value as JSON, with <, > and & as they are.
func compact(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Append(nil, v)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// showValue writes a value into a message.
func showValue(v any) string {
	switch v := v.(type) {
	case nil, there:
		return "?"
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return clip(strings.ToValidUTF8(v, "\uFFFD"))
	}
	return fmt.Sprint(v)
}
