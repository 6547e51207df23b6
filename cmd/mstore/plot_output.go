package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/internal/plot"
	"github.com/mstore/mstore/store"
)

// leftOut counts values that cannot be drawn.
type leftOut struct{ text, infinite, low int }

// number is the value to draw; false for what is left out, or is not there.
func (l *leftOut) number(value any, log bool) (float64, bool) {
	if value == nil {
		return 0, false
	}
	y, ok := expr.Float(value)
	switch {
	case !ok:
		l.text++
	case math.IsNaN(y) || math.IsInf(y, 0):
		l.infinite++
	case log && y <= 0:
		l.low++
	default:
		return y, true
	}
	return 0, false
}

func (l leftOut) String() string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, plural(n, "value")+" "+what)
		}
	}
	add(l.infinite, "not finite")
	add(l.low, "not above 0")
	add(l.text, "not a number")
	return strings.Join(parts, ", ")
}

func (l leftOut) warn(a *app) {
	if l != (leftOut{}) {
		a.warn("left out: " + l.String())
	}
}

// plotPointDoc is a point in JSON.
type plotPointDoc struct {
	Version string `json:"version"`
	ID      string `json:"id"`
	Time    string `json:"time"`
	Value   any    `json:"value"`
}

// plotJSON prints all points, as they are read; nothing where a field has none.
func (a *app) plotJSON(ctx context.Context, q *plotQuery) error {
	for i := range q.fields {
		if err := q.demand(ctx, i); err != nil {
			return err
		}
	}
	left, sep := leftOut{}, ""
	a.out.WriteString(`{"series":[`)
	for _, line := range q.lines {
		for _, f := range q.fields {
			head, err := json.Marshal(struct {
				Branch string `json:"branch"`
				Field  string `json:"field"`
				Path   string `json:"path"`
			}{line.name, f.name, q.path})
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s\n%s,\"points\":[\n", sep, bytes.TrimSuffix(head, []byte("}")))
			sep = ","
			comma := ""
			err = q.read(ctx, line, f, func(v store.FieldValue) (bool, error) {
				if _, ok := left.number(v.Value, false); !ok {
					return true, nil
				}
				a.out.WriteString(comma)
				comma = ","
				return true, writeJSON(a.out, plotPointDoc{v.Name, v.ID.String(), v.Time.UTC().Format(time.RFC3339Nano), v.Value})
			})
			if err != nil {
				return err
			}
			a.out.WriteString("]}")
		}
	}
	a.out.WriteString("\n]}\n")
	left.warn(a)
	return a.out.failed()
}

// demand looks whether any version has a number for a field.
func (q *plotQuery) demand(ctx context.Context, field int) error {
	left, found := leftOut{}, false
	for _, line := range q.lines {
		err := q.read(ctx, line, q.fields[field], func(v store.FieldValue) (bool, error) {
			_, found = left.number(v.Value, false)
			return !found, nil
		})
		if err != nil || found {
			return err
		}
	}
	return q.noValue(ctx, field, left)
}

// writeSVG writes the drawing where it was asked for: whole or not at all.
func (a *app) writeSVG(c *plot.Chart, o plotOptions) error {
	width, height := 960, 480
	if o.width > 0 {
		width = o.width
	}
	if o.height > 0 {
		height = o.height
	}
	if o.svg == "-" {
		return c.SVG(a.out, width, height)
	}
	file := absolute(a.cwd, o.svg)
	if err := mayReplace(file); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".plot-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	err = c.SVG(temp, width, height)
	if err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), file); err != nil {
		return err
	}
	a.say("wrote %s", cleanLine(o.svg))
	return nil
}

// mayReplace refuses to overwrite what is no SVG: models lie here.
func mayReplace(file string) error {
	fi, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		return usagef("", "--svg %s: not a regular file", cleanLine(file))
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, 5)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	if n > 0 && !bytes.HasPrefix(head, []byte("<svg")) && !bytes.HasPrefix(head, []byte("<?xml")) {
		return fmt.Errorf("%q is there and no SVG, so it is not overwritten: %w", file, store.ErrConflict)
	}
	return nil
}
