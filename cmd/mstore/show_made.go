package main

import (
	"fmt"
	"strings"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// metaText is a value of a version's metadata, as text.
func metaText(meta map[string]any, key string) string {
	if v, ok := meta[key]; ok {
		if s, ok := v.(string); ok {
			return s
		}
		return showValue(v)
	}
	return ""
}

// sourceFact is what the models were made from, and what it was then.
func sourceFact(v *store.Version) string {
	text := v.Source
	if size, ok := v.Meta["source.size"].(int64); ok {
		text += fmt.Sprintf(" (%s, %s, blake3 %.10s)", humanBytes(size), metaText(v.Meta, "source.time"), metaText(v.Meta, "source.blake3"))
	}
	return text
}

// gitFact is the state of the project around the models.
func gitFact(meta map[string]any) string {
	commit := metaText(meta, "git.commit")
	if commit == "" && metaText(meta, "git.branch") == "" {
		return metaText(meta, "git.error")
	}
	var notes []string
	if b := metaText(meta, "git.branch"); b != "" {
		notes = append(notes, b)
	}
	if dirty, ok := meta["git.dirty"].(bool); ok && dirty {
		notes = append(notes, "with changes that were not committed")
	}
	if e := metaText(meta, "git.error"); e != "" {
		notes = append(notes, "not known whether there were changes: "+e)
	}
	text := strings.TrimSpace(commit)
	if text == "" {
		text = "no commit yet"
	}
	if len(notes) > 0 {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	return text
}

func systemFact(meta map[string]any) string {
	text := metaText(meta, "host")
	if u := metaText(meta, "user"); u != "" {
		text = u + "@" + text
	}
	if os := metaText(meta, "os"); os != "" {
		text += ", " + os
	}
	if m := metaText(meta, "mstore"); m != "" {
		text += ", mstore " + m
	}
	return strings.TrimPrefix(text, ", ")
}

// shownElsewhere is metadata that stands in a line of its own.
var shownElsewhere = map[string]bool{"git.commit": true, "git.branch": true, "git.dirty": true, "git.error": true, "host": true, "user": true,
	"os": true, "mstore": true, "source.size": true, "source.time": true, "source.blake3": true}

func otherMeta(meta map[string]any) (env, other map[string]any) {
	env, other = map[string]any{}, map[string]any{}
	for k, v := range meta {
		if name, ok := strings.CutPrefix(k, "env."); ok {
			env[name] = v
		} else if !shownElsewhere[k] {
			other[k] = v
		}
	}
	return env, other
}

// printQuality prints what validation said of a version's models.
func (a *app) printQuality(v *store.Version) {
	q := v.Quality
	if q.Errors+q.Warnings == 0 {
		return
	}
	fmt.Fprintf(a.out, "\nquality: %s\n", counted(q.Errors, q.Warnings))
	a.printNotes(q.Notes, "")
	if n := q.Errors + q.Warnings - len(q.Notes); n > 0 {
		fmt.Fprintf(a.out, "  %s\n", a.style.dim.Sprintf("and %d more: mstore validate %s", n, v.Name))
	}
}

// printNotes prints the findings about one model, or about all.
func (a *app) printNotes(notes []objects.Note, path string) {
	for _, n := range notes {
		if path != "" && n.Path != path {
			continue
		}
		look := a.style.warn
		if n.Error {
			look = a.style.bad
		}
		text := n.Text
		if n.Place != "" {
			text = n.Place + ": " + text
		}
		if path == "" {
			text = n.Path + ": " + text
		}
		fmt.Fprintf(a.out, "  %s  %s %s\n", look.Sprint(severityOf(n)), cleanLine(text), a.style.dim.Sprint("["+n.Rule+"]"))
	}
}
