package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/mstore/mstore/internal/vfs"
	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/schema"
)

// The modes of validation.
const (
	validateOff    = "off"
	validateWarn   = "warn"   // findings are kept with the version
	validateStrict = "strict" // a model with findings is kept off the branches
)

// validateOf begins the settings for models that match a glob.
const validateOf = "validate."

// gate is validation at work on one commit. A nil gate looks at nothing.
type gate struct {
	one      string // for all models; "": by the rules
	rules    []gateRule
	fallback string
	kinds    func() (*schema.Registry, error) // read when the first model is looked at
	options  schema.Options
	reports  map[string]*schema.Report
}

type gateRule struct{ glob, mode string }

// newGate reads the settings; one is the mode for all models, or "".
func newGate(settings map[string]string, one string) (g *gate, err error) {
	g = &gate{one: one, fallback: cmp.Or(settings["commit.validate"], validateWarn), reports: map[string]*schema.Report{}}
	for key, mode := range settings {
		if glob, ok := strings.CutPrefix(key, validateOf); ok {
			g.rules = append(g.rules, gateRule{glob, mode})
		}
	}
	slices.SortFunc(g.rules, func(a, b gateRule) int { // the most particular first
		return cmp.Or(cmp.Compare(len(b.glob), len(a.glob)), cmp.Compare(a.glob, b.glob))
	})
	if g.options.Params, err = extracts(settings, metaParams); err != nil {
		return nil, err
	}
	if g.options.Metrics, err = extracts(settings, metaMetrics); err != nil {
		return nil, err
	}
	g.kinds = sync.OnceValues(func() (*schema.Registry, error) { return registryOf(settings) })
	return g, nil
}

// mode tells how a model is validated.
func (g *gate) mode(p string) string {
	switch {
	case g == nil:
		return validateOff
	case g.one != "":
		return g.one
	}
	for _, r := range g.rules {
		if MatchGlob(r.glob, p) {
			return r.mode
		}
	}
	return g.fallback
}

// MatchGlob tells whether a path matches a glob, in which ** stands for any number of
// directories; one without a slash matches the name in any directory.
func MatchGlob(glob, p string) bool {
	if !strings.Contains(glob, "/") {
		glob = "**/" + glob
	}
	ok, err := doublestar.Match(glob, p)
	return ok && err == nil
}

// check looks at one model.
func (c *commit) check(ctx context.Context, in schema.Input) error {
	kinds, err := c.gate.kinds()
	if err != nil {
		return err
	}
	o := c.gate.options
	o.Limit = objects.MaxNotes
	rep, err := kinds.Check(ctx, in, o)
	if err != nil {
		return fmt.Errorf("validating %q: %w", in.Name, err)
	}
	c.gate.reports[in.Name] = rep
	return nil
}

// validate looks at a file as the settings ask for. It is false when the file is not
// what it was any more.
func (g *gatherer) validate(ctx context.Context, p string, was fs.FileInfo) (bool, error) {
	if g.gate.mode(p) == validateOff {
		return true, nil
	}
	f, err := g.s.root.Open(p)
	if err != nil {
		return false, fmt.Errorf("opening %q: %w", p, err)
	}
	defer f.Close()
	same := func() (bool, error) {
		fi, err := f.Stat()
		if err != nil {
			return false, err
		}
		return fi.Size() == was.Size() && fi.ModTime().Equal(was.ModTime()) && vfs.IdentityOf(fi) == vfs.IdentityOf(was), nil
	}
	if ok, err := same(); !ok || err != nil {
		return false, err
	}
	if err := g.check(ctx, schema.Input{Name: p, Size: was.Size(), At: f}); err != nil {
		return false, err
	}
	return same()
}

// judge writes what validation found into a version's record.
func (g *gate) judge(rec *objects.Version, changes []objects.Change) {
	if g == nil {
		return
	}
	rec.Quality = objects.Quality{}
	for i := range changes {
		ch := &changes[i]
		rep := g.reports[ch.Path]
		if rep == nil || ch.Status == objects.Removed || ch.Status == objects.Unchanged {
			continue
		}
		ch.Kind = rep.Kind
		q := &rec.Quality
		q.Errors += rep.Errors
		q.Warnings += rep.Warnings
		for _, f := range rep.Findings {
			if len(q.Notes) < objects.MaxNotes {
				q.Notes = append(q.Notes, noteOf(ch.Path, &f))
			}
		}
	}
}

// maxNoteText bounds what a version keeps of one finding, in bytes.
const maxNoteText = 300

func noteOf(p string, f *schema.Finding) objects.Note {
	text := f.Message
	if f.Line > 0 {
		text = fmt.Sprintf("line %d, column %d: %s", f.Line, f.Column, text)
	}
	return objects.Note{Path: p, Error: f.Severity == schema.Error, Rule: f.Rule, Place: cut(f.Path, maxNoteText), Text: cut(text, maxNoteText)}
}

// cut shortens a text to so many bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// strictly keeps a commit off the branch that has models which the settings do not let
// pass: it becomes a version below quarantine/, so that nothing is lost.
func (c *commit) strictly(ctx context.Context) error {
	var bad []string
	for _, p := range sortedKeys(c.gate.reports) {
		if rep := c.gate.reports[p]; rep.Errors+rep.Warnings > 0 && c.gate.mode(p) == validateStrict {
			bad = append(bad, p)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	inv := &InvalidError{Reports: map[string]*schema.Report{}}
	for _, p := range bad {
		inv.Reports[p] = c.gate.reports[p]
	}
	if v := c.keptAlready(ctx); v != nil {
		c.w.Abort()
		inv.Name, inv.Version = v.Branch, v
		return as(ErrInvalid, inv)
	}
	q := *c
	q.res = &CommitResult{}
	q.quarantine("not valid: " + strings.Join(bad, ", "))
	if err := q.publish(ctx); err != nil {
		return errors.Join(inv, fmt.Errorf("and it could not be kept: %w", err))
	}
	inv.Name, inv.Version = q.name, q.res.Version
	return as(ErrInvalid, inv)
}

// keptAlready is a version below quarantine/, among the last, that has all that is to be
// saved: who tries again and again is not to make one each time.
func (c *commit) keptAlready(ctx context.Context) *Version {
	const last = 20
	names := c.sn.st.SortedNames(journal.Safety)
	names = slices.DeleteFunc(names, func(n journal.Name) bool { return !strings.HasPrefix(n.Name, "quarantine/") })
	for _, n := range slices.Backward(names[max(0, len(names)-last):]) {
		v, err := c.sn.version(ctx, n.To)
		if err != nil {
			continue
		}
		tree := c.sn.tree(v.Tree)
		same := !slices.ContainsFunc(c.edits, func(e objects.TreeEdit) bool {
			got, ok, err := tree.Get(ctx, e.Path)
			return err != nil || ok == e.Remove || ok && got.Blob != e.Blob || ok && !c.sn.listed(ctx, e.Blob)
		})
		if same {
			return v
		}
	}
	return nil
}

// quarantine turns a commit into one that is kept off the branches.
func (c *commit) quarantine(message string) {
	c.kind, c.name = journal.Safety, c.sn.freeName("quarantine/", c.s.o.Clock())
	c.o.AllowEmpty, c.o.Before, c.o.Expect, c.want, c.announce = true, nil, "", nil, nil
	if c.o.Message == "" {
		c.o.Message = message
	}
}

// RefusedError: CommitOptions.Before refused what came through a pipe, which is kept
// off the branches, as there is no other copy.
type RefusedError struct {
	Name string // "quarantine/20261123T101500Z"
	Err  error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%v; what came through the pipe is kept in %s for 30 days", e.Err, e.Name)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// InvalidError: models that the settings do not let pass, all that was found in them by
// path, and where they are kept.
type InvalidError struct {
	Reports map[string]*schema.Report
	Name    string // "quarantine/20261123T101500Z"
	Version *Version
}

func (e *InvalidError) Error() string {
	var b strings.Builder
	const most = 5
	n := 0
	for _, p := range sortedKeys(e.Reports) {
		rep := e.Reports[p]
		fmt.Fprintf(&b, "%q is not valid (%s)", p, countFindings(rep.Errors, rep.Warnings))
		for i := range rep.Findings {
			if n++; n <= most {
				fmt.Fprintf(&b, "\n    %s", rep.Findings[i].String())
			}
		}
		b.WriteString("\n")
	}
	if n > most {
		fmt.Fprintf(&b, "    and %d more\n", n-most)
	}
	b.WriteString("nothing was committed")
	if e.Name != "" {
		b.WriteString("; what you saved is kept in " + e.Name + " for 30 days")
	}
	return b.String()
}

func countFindings(errs, warnings int) string {
	var parts []string
	add := func(n int, word string) {
		if n > 1 {
			word += "s"
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	add(errs, "error")
	add(warnings, "warning")
	return strings.Join(parts, ", ")
}
