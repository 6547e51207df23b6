package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/mstore/mstore/store"
)

// printPatches prints what turns the models of one side into those of the other. single
// tells that one model was named: of JSON its patch stands alone then.
func (a *app) printPatches(ctx context.Context, models iter.Seq2[*store.ModelDiff, error], single bool) error {
	json, text, err := a.patchKinds(models)
	if err != nil {
		return err
	}
	switch {
	case json != "" && text != "":
		return usagef("name models of one kind: mstore diff v1 v2 --patch "+shellQuote(json), "%q is JSON and %q is text: their patches cannot stand in one output", json, text)
	case text != "":
		return a.textPatches(models)
	}
	return a.jsonPatches(ctx, models, single)
}

// patchKinds tells whether there is JSON and text to patch, by the path of one, and
// refuses what has no patches.
func (a *app) patchKinds(models iter.Seq2[*store.ModelDiff, error]) (json, text string, err error) {
	for m, err := range models {
		switch {
		case err != nil:
			return "", "", err
		case m.Err != nil:
			return "", "", m.Err
		case !patchable(m):
		case m.Kind == store.DiffJSON:
			json = m.Path()
		case m.Text != nil && !m.Text.TooLarge:
			text = m.Path()
		case m.Text != nil:
			return "", "", usagef("", "%q is too large for a patch", m.Path())
		default:
			return "", "", usagef("name the models that are JSON or text", "%q is %s, of which there are no patches", m.Path(), m.Kind)
		}
	}
	return json, text, nil
}

// patchable tells whether a model has contents on both sides that differ.
func patchable(m *store.ModelDiff) bool {
	return m.From != nil && m.To != nil && m.From.Blob != m.To.Blob
}

// leftOut warns of models that a patch does not bring about.
func (a *app) leftOut(m *store.ModelDiff) {
	if m.Status != store.DiffSame && !patchable(m) {
		a.warn(fmt.Sprintf("%s: %s, which is not in the patch", m.Path(), m.Status))
	}
}

func (a *app) jsonPatches(ctx context.Context, models iter.Seq2[*store.ModelDiff, error], single bool) error {
	sep := "{"
	for m, err := range models {
		if err != nil {
			return err
		}
		if !patchable(m) {
			a.leftOut(m)
			continue
		}
		if !single {
			a.out.WriteString(sep)
			if err := writeJSON(withoutBreak{a.out}, m.Path()); err != nil {
				return err
			}
			a.out.WriteString(": ")
			sep = ","
		}
		if err := m.Patch(ctx, a.out); err != nil || single {
			return err
		}
	}
	switch {
	case single:
		a.out.WriteString("[]\n")
	case sep == "{":
		a.out.WriteString("{}\n")
	default:
		a.out.WriteString("}\n")
	}
	return a.out.failed()
}

func (a *app) textPatches(models iter.Seq2[*store.ModelDiff, error]) error {
	for m, err := range models {
		if err != nil {
			return err
		}
		if !patchable(m) || m.Text == nil {
			a.leftOut(m)
			continue
		}
		fmt.Fprintf(a.out, "--- a/%s\n+++ b/%s\n", cleanLine(m.From.Path), cleanLine(m.To.Path))
		if _, err := a.out.Write(m.Text.Hunks); err != nil {
			return err
		}
	}
	return a.out.failed()
}
