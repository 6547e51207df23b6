package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mstore/mstore/schema"
	"github.com/mstore/mstore/store"
)

// findingDoc is one finding of validation in JSON.
type findingDoc struct {
	Severity string `json:"severity"` // error or warning
	Rule     string `json:"rule"`
	Path     string `json:"path"`   // JSONPath, or the tensor; empty: the whole model
	Line     int    `json:"line"`   // 0: not known
	Column   int    `json:"column"` // in characters
	Found    string `json:"found"`
	Expected string `json:"expected"`
	Message  string `json:"message"`
}

func newFindingDoc(f *schema.Finding) findingDoc {
	return findingDoc{string(f.Severity), f.Rule, f.Path, f.Line, f.Column, f.Found, f.Expected, f.Message}
}

// findings splits what was found by severity; the lists are never nil.
func findings(rep *schema.Report) (errs, warnings []findingDoc) {
	errs, warnings = []findingDoc{}, []findingDoc{}
	for i := range rep.Findings {
		if f := &rep.Findings[i]; f.Severity == schema.Error {
			errs = append(errs, newFindingDoc(f))
		} else {
			warnings = append(warnings, newFindingDoc(f))
		}
	}
	return errs, warnings
}

// counted is "1 error, 2 warnings".
func counted(errs, warnings int) string {
	switch {
	case errs > 0 && warnings > 0:
		return plural(errs, "error") + ", " + plural(warnings, "warning")
	case errs > 0:
		return plural(errs, "error")
	}
	return plural(warnings, "warning")
}

// shownFindings is how many findings of one model a commit prints.
const shownFindings = 3

// warnOfFindings tells what validation found in the models that were saved.
func (a *app) warnOfFindings(res *store.CommitResult) {
	v := res.Version
	if v == nil || v.Quality.Errors+v.Quality.Warnings == 0 || a.quiet {
		return
	}
	for _, p := range slices.Sorted(maps.Keys(res.Reports)) {
		rep := res.Reports[p]
		if rep.Errors+rep.Warnings == 0 {
			continue
		}
		fmt.Fprintf(a.stderr, "%s %s: %s\n", a.errStyle.warn.Sprint("warning:"), cleanLine(p), counted(rep.Errors, rep.Warnings))
		for i := range rep.Findings[:min(len(rep.Findings), shownFindings)] {
			fmt.Fprintf(a.stderr, "    %s\n", cleanLine(rep.Findings[i].String()))
		}
		if n := rep.Errors + rep.Warnings - shownFindings; n > 0 {
			fmt.Fprintf(a.stderr, "    and %d more: mstore validate %s\n", n, shellQuote(v.Name+":"+p))
		}
	}
}

// explainInvalid adds to a refusal how to look at what was kept.
func (a *app) explainInvalid(err error) error {
	var inv *store.InvalidError
	if !errors.As(err, &inv) || inv.Name == "" {
		return err
	}
	p := slices.Sorted(maps.Keys(inv.Reports))[0]
	return &hintError{err, fmt.Sprintf("'mstore validate %s' tells all, 'mstore checkout %s -o DIR' brings it to look at, 'mstore commit --validate=warn' saves it all the same",
		shellQuote(inv.Name+":"+p), inv.Name)}
}
