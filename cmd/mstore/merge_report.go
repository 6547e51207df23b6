package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mstore/mstore/diff/jsonmerge"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// reportMerge prints what a merge did, or would do.
func (a *app) reportMerge(res *store.MergeResult, dryRun bool) error {
	a.progress.close()
	out, st := a.out, a.style
	would := ""
	if dryRun {
		would = "would be "
	}
	at := func(v *store.Version) string { return st.version.Sprint(v.Name) + " " + v.ID.Short() }
	switch {
	case res.Outcome == store.UpToDate && res.Version != nil:
		fmt.Fprintf(out, "nothing to do: %s is at %s and has it all\n", st.branch.Sprint(res.Branch), at(res.Version))
		return out.failed()
	case res.Outcome == store.UpToDate:
		fmt.Fprintf(out, "nothing to do: %s has it all\n", st.branch.Sprint(res.Branch))
		return out.failed()
	case res.Outcome == store.FastForward:
		fmt.Fprintf(out, "%s %smoved forward to %s, without a new version\n", st.branch.Sprint(res.Branch), would, at(res.Version))
	case res.Version != nil:
		fmt.Fprintf(out, "%s  %s\n", at(res.Version), st.branch.Sprint(res.Branch))
	default:
		fmt.Fprintf(out, "a version on %s %smade\n", st.branch.Sprint(res.Branch), would)
	}
	table := columns{indent: "  "}
	more := 0
	for i := range res.Models {
		m := &res.Models[i]
		if m.Status == objects.Unchanged && m.Conflict == nil {
			continue
		}
		if len(table.rows) == mergeModels && m.Conflict == nil {
			more++
			continue
		}
		row := st.changeRow(m.Change)
		if how := howMerged(m); how != "" {
			row = append(row, cell{text: how, look: st.dim})
		}
		table.add(row...)
	}
	table.write(out)
	if more > 0 {
		fmt.Fprintf(out, "  %s\n", st.dim.Sprintf("… and %d more", more))
	}
	if b := res.Brought; b != nil && b.Written+b.Removed > 0 {
		a.say("on disk: %d written, %d removed", b.Written, b.Removed)
	}
	if b := res.Brought; b != nil {
		if b.Safety != "" {
			a.warn("the store could not give back some of what was on disk; it is kept in " + b.Safety + " for 30 days")
		}
		for _, x := range b.Expired {
			a.warn(fmt.Sprintf("%s was not brought back: it has %s", x.Path, x.Expiry))
		}
	}
	if res.Commit != nil {
		a.warnOfFindings(res.Commit)
	}
	return out.failed()
}

// howMerged tells where a model's content is from, unless that goes without saying.
func howMerged(m *store.MergedModel) string {
	switch {
	case m.Conflict != nil && m.How == store.TookBoth:
		return "merged by value, conflicts taken from " + m.Values.Conflicts[0].Taken
	case m.How == store.TookBoth:
		return fmt.Sprintf("merged by value: %d from ours, %d from theirs", m.Values.FromOurs, m.Values.FromTheirs)
	case m.Conflict != nil:
		return "conflict, " + m.How + " taken"
	}
	return ""
}

// explainMerge prints the conflicts that an error is about, and adds what to do next.
// command is what was typed.
func (a *app) explainMerge(err error, command string) error {
	var conflict *store.MergeError
	var unsaved *store.UnsavedError
	switch {
	case errors.As(err, &conflict):
		if !a.json {
			a.progress.close()
			for i := range conflict.Conflicts {
				a.printConflict(&conflict.Conflicts[i])
			}
		}
		p := shellQuote(conflict.Conflicts[0].Path)
		return &hintError{err, fmt.Sprintf("'%s --ours' or '--theirs' says who wins all conflicts, --ours=%s or --theirs=%s those of one model", command, p, p)}
	case errors.As(err, &unsaved):
		return &hintError{err, "save them ('mstore commit PATH') or take them back ('mstore checkout HEAD PATH') first"}
	}
	return a.explainInvalid(err)
}

// What a merge prints, of one model and in all.
const (
	mergeValues = 10
	mergeModels = 30
)

func (a *app) printConflict(c *store.MergeConflict) {
	out, st := a.out, a.style
	fmt.Fprintf(out, "%s %s: %s\n", st.bad.Sprint("conflict"), cleanLine(c.Path), reasonOf(c))
	if c.Values == nil {
		return
	}
	shown := c.Values.Conflicts[:min(len(c.Values.Conflicts), mergeValues)]
	for i := range shown {
		x := &shown[i]
		fmt.Fprintf(out, "  %s %s\n", st.bold.Sprint(cleanLine(x.Path)), st.dim.Sprintf("(%s)", x.Reason))
		table := columns{indent: "    "}
		for _, side := range []struct {
			name string
			v    *jsonmerge.Value
		}{{"base", x.Base}, {"ours", x.Ours}, {"theirs", x.Theirs}} {
			table.add(cell{text: side.name, look: st.dim}, cell{text: showShown(side.v)})
		}
		table.write(out)
	}
	if more := c.Values.Total - int64(len(shown)); more > 0 {
		fmt.Fprintf(out, "  %s\n", st.dim.Sprintf("… and %d more (--json lists up to 1,000)", more))
	}
}

func showShown(v *jsonmerge.Value) string {
	if v == nil {
		return "(none)"
	}
	text := cleanLine(v.Text)
	if v.Cut {
		text += "…"
	}
	return text
}

// reasonOf says in words what both sides have done.
func reasonOf(c *store.MergeConflict) string {
	var text string
	switch {
	case c.Values != nil:
		text = fmt.Sprintf("both sides changed %s", plural(int(c.Values.Total), "value"))
	case c.Ours == nil:
		text = "ours removed it, theirs changed it"
	case c.Theirs == nil:
		text = "theirs removed it, ours changed it"
	case c.Base == nil && !c.Crosswise:
		text = "both sides added it"
	default:
		text = "both sides changed it"
	}
	if c.Crosswise {
		text += " (the branches were merged into each other, and did not agree on it)"
	}
	return text
}

// shortRefs is "v3 1a2b3c4d5e, 237d1c8a90": further parents have no number here.
func shortRefs(parents []store.Parent) string {
	var out []string
	for _, p := range parents {
		out = append(out, strings.TrimSpace(p.Name+" "+p.ID.Short()))
	}
	return strings.Join(out, ", ")
}
