package main

import (
	"context"
	"iter"
	"math"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const diffLong = `Show what changed between two versions, or between a version and the working
directory: metrics, parameters and other fields first, then the models, each as
what it is.

  mstore diff                  HEAD and the working directory
  mstore diff REV              REV and the working directory
  mstore diff REV REV          two versions
  mstore diff REV:PATH REV:PATH
                               two models, of any paths; in place of one a file of
                               any place, or a version, which means the same path;
                               with one alone, the file of that path

PATHs after the versions limit it to these models and directories. An argument that
names no version is a path; after "--" all are. Of the working directory the tracked
models count.

JSON is compared by value: arrays are aligned, long ones of numbers summarised.
Tensors (safetensors, GGUF, ONNX, NumPy, TensorFlow.js) are compared by name, and by
how much their values moved. Text is compared line by line, if it is not too large
for that. All else is told by size and ID. A model that was removed and one that was
added are one that was renamed, if the store shows that they have most of their
content in common. Two models of different kinds are not compared, unless --text or
--binary says how.

--patch prints JSON models as JSON Patches (RFC 6902): of one model that is named the
patch, of others an object of patches by path. Text is printed as a unified diff.
Models that were added or removed are left out. Files of tensors, and JSON and text
together, are exit 2.

With --json one document: from, to (version, id, branch, time; or
working_directory, or file), fields (name, from, to, change, relative), models
(path, status, kind, from and to with path, id, size, kind and expired; similarity,
note, error; json, tensors, text: the details), totals (added, removed, changed,
renamed).

Exit codes: 0 done, different or not; 1 JSON that is not well-formed, with --patch;
2 wrong usage, or two models of different kinds; 3 no store, no such version or model, or the content of a model has expired;
4 a model is damaged; 5 a file keeps changing; 130 interrupted. In a comparison of
versions all other models are shown all the same.`

func newDiffCommand(a *app) *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff [REV [REV]] [PATH...]",
		Short: "Show what changed between versions, by value",
		Long:  diffLong,
		Example: `  mstore diff
  mstore diff v12 v13
  mstore diff prod model.json
  mstore diff v12:model.json v13:other.json
  mstore diff v12:model.safetensors ./candidate.safetensors
  mstore diff v12 --stat
  mstore diff v12 v13 --tolerance 1e-6
  mstore diff v12:model.json v13 --patch > model.patch.json
  mstore diff v12 v13 --json | jq '.models[] | .path, .json.totals'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args, o.dash = args, cmd.ArgsLenAtDash()
			o.limited = cmd.Flags().Changed("limit")
			return runDiff(cmd.Context(), a, o)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if _, _, ok := splitRevPath(word); ok {
				return a.completeRevPath(cmd, args, word)
			}
			return a.completeRev(true)(cmd, args, word)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.stat, "stat", false, "one line a model: how much changed")
	f.BoolVar(&o.patch, "patch", false, "print patches: JSON Patch for JSON, unified diff for text")
	f.BoolVar(&o.nameOnly, "name-only", false, "only the paths of models that differ")
	f.BoolVar(&o.nameStatus, "name-status", false, "only paths, after A (added), D (removed), M (changed) or R (renamed)")
	f.BoolVar(&o.text, "text", false, "compare all contents as text")
	f.BoolVar(&o.binary, "binary", false, "compare all contents by size and hash alone")
	f.Float64Var(&o.tolerance, "tolerance", 0, "changes of numbers up to `X` do not count: absolute, for JSON relative beyond 1")
	f.IntVarP(&o.limit, "limit", "n", 20, "show at most `N` changes of a model, the weightiest, and ten times as many lines of text; 0: all")
	a.jsonFlag(cmd, "print one JSON document, with up to 1,000 changes a model unless --limit says otherwise")
	return cmd
}

type diffOptions struct {
	args    []string
	dash    int
	limited bool // --limit was given

	stat, patch, nameOnly, nameStatus bool
	text, binary                      bool
	tolerance                         float64
	limit                             int
}

// compare is what the store is to do.
func (o *diffOptions) compare(a *app) store.Compare {
	how := store.Compare{Tolerance: o.tolerance, Limit: o.limit, NamesOnly: o.nameOnly || o.nameStatus, ForPatch: o.patch}
	switch {
	case a.json && !o.limited:
		how.Limit = 1000
	case o.stat:
		how.Limit = 1 // only the totals count
	case o.limit == 0:
		how.Limit = math.MaxInt
	}
	switch {
	case o.text:
		how.As = store.DiffText
	case o.binary:
		how.As = store.DiffBinary
	}
	return how
}

// diffPrinter prints a comparison in one form.
type diffPrinter interface {
	begin(d *store.Diff) error
	model(m *store.ModelDiff) error
	end() error
}

// check refuses flags that do not go together.
func (o *diffOptions) check(a *app) error {
	forms := 0
	for _, set := range []bool{o.stat, o.patch, o.nameOnly, o.nameStatus, a.json} {
		if set {
			forms++
		}
	}
	switch {
	case forms > 1:
		return usagef("give one of them", "--stat, --patch, --name-only, --name-status and --json are different forms")
	case o.text && o.binary:
		return usagef("give one of them", "--text and --binary exclude each other")
	case !(o.tolerance >= 0):
		return usagef("", "--tolerance %v: want a number of 0 or more", o.tolerance)
	case o.limit < 0:
		return usagef("0 shows all", "--limit %d: want a number of 0 or more", o.limit)
	}
	return nil
}

func runDiff(ctx context.Context, a *app, o diffOptions) error {
	if err := o.check(a); err != nil {
		return err
	}
	return a.with(ctx, func(s *store.Store) error {
		sides, err := a.diffArgs(ctx, s, o.args, o.dash)
		if err != nil {
			return err
		}
		d, models, err := sides.open(ctx, s, o.compare(a))
		if err != nil {
			return sides.explain(err)
		}
		if o.patch {
			return a.printPatches(ctx, models, sides.single(ctx, s, d))
		}
		return a.printDiff(ctx, o.printer(a), d, models)
	})
}

func (o *diffOptions) printer(a *app) diffPrinter {
	switch {
	case a.json:
		return &diffDocument{a: a}
	case o.nameOnly, o.nameStatus:
		return &diffNames{a: a, status: o.nameStatus}
	case o.stat:
		return &diffStat{a: a}
	}
	limit := o.limit
	if limit == 0 {
		limit = math.MaxInt / 10
	}
	return &diffReport{a: a, limit: limit}
}

// printDiff prints a comparison, and says what could not be compared.
func (a *app) printDiff(ctx context.Context, p diffPrinter, d *store.Diff, models iter.Seq2[*store.ModelDiff, error]) error {
	if err := p.begin(d); err != nil {
		return err
	}
	code := exitOK
	for m, err := range models {
		if err != nil {
			return err
		}
		if m.Err != nil {
			code = max(code, exitCode(ctx, m.Err))
			if !a.json {
				a.warn(m.Err.Error())
			}
		}
		if err := p.model(m); err != nil {
			return err
		}
	}
	if err := p.end(); err != nil {
		return err
	}
	if code != exitOK {
		return reportedError{code}
	}
	return nil
}
