package main

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const logLong = `History, newest first: what led to HEAD or to REV, through merges too, and with PATHs
only versions that changed one of these models or something in these directories.
An argument that names no version is a path; -- separates where that is not clear.

Each version shows its name, the beginning of its ID, the names that point at it,
when and by whom it was made, its message, the models it changed (+ added,
~ changed, - removed), its metrics and its parameters. A version that came through
a merge is shown as BRANCH@vN.

--since and --until take 7d, 36h, yesterday, '3 days ago', a date or a time.
--author and --grep take a regular expression, for the author and the message.

--where takes an expression such as 'metrics.loss < 0.3 and params.lr = 0.001':
and, or, not, = != < <= > >=, in (1, 2), like 'glob', ~ 'regexp'. Fields: version,
time, age, author, message, branch, tag, alias, source, path, kind, models, size,
params.*, metrics.*, git.*, env.*, meta.*, quality.errors, quality.warnings,
expired. Dates are 2026-11-23, lengths of time 7d or 12h. Of paths, kinds, tags and
aliases one that fits is enough. What a version does not have fits nothing, so that
'metrics.acc != 1' leaves out versions without it, and 'not metrics.acc = 1' does not.

--sort takes a field of which a version has one: smallest first, and with --reverse
largest first; versions without it are left out. Without --sort, --reverse is oldest
first, of the newest N that -n leaves.

--columns A,B prints these fields (and id, parents) as a table, --csv as CSV: without
--columns what is usual, and every parameter and metric. --format takes a template of Go's
text/template, over what --json prints, with the functions short, join and json.
--graph draws how branches and merges hang together.

With --json one document per line: as 'commit --json' prints, with tags, aliases
and branches that point at the version now.

Exit codes: 0 done, even if no version matches; 2 wrong usage, an unknown field or values
that cannot be compared; 3 no store, no such version, or no version that has PATH; 4 the
journal is damaged; 130 interrupted.`

func newLogCommand(a *app) *cobra.Command {
	var o logOptions
	cmd := &cobra.Command{
		Use:   "log [REV] [PATH...]",
		Short: "Show history",
		Long:  logLong,
		Example: `  mstore log -n 5
  mstore log model.json --since 7d
  mstore log exp --where 'metrics.acc > 0.9' --sort metrics.loss
  mstore log --all --graph --oneline
  mstore log --columns version,time,metrics.loss,params.lr
  mstore log --csv > history.csv
  mstore log --format '{{.version}} {{short .id}} {{.metrics.loss}}'
  mstore log --json | jq -r '[.version, .metrics.loss] | @tsv'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args, o.dash = args, cmd.ArgsLenAtDash()
			o.limited = cmd.Flags().Changed("limit")
			return runLog(cmd.Context(), a, o)
		},
		ValidArgsFunction: a.completeRev(true),
	}
	f := cmd.Flags()
	f.IntVarP(&o.limit, "limit", "n", 0, "at most `N` versions")
	f.BoolVar(&o.all, "all", false, "what led to any branch, tag or alias")
	f.BoolVar(&o.first, "first-parent", false, "follow first parents only, not what was merged")
	f.StringVar(&o.since, "since", "", "only versions made since `TIME`")
	f.StringVar(&o.until, "until", "", "only versions made up to `TIME`")
	f.StringVar(&o.author, "author", "", "only versions whose author matches the regular expression `PATTERN`")
	f.StringVar(&o.grep, "grep", "", "only versions whose message matches the regular expression `PATTERN`")
	f.StringVar(&o.where, "where", "", "only versions for which `EXPR` holds")
	f.StringVar(&o.sort, "sort", "", "order by a `FIELD`: metrics.NAME, params.NAME, time, size, …")
	f.BoolVar(&o.reverse, "reverse", false, "the other way round")
	f.BoolVar(&o.oneline, "oneline", false, "one line for each version")
	f.StringVar(&o.columns, "columns", "", "print a table of `FIELDS`, separated by commas")
	f.BoolVar(&o.csv, "csv", false, "print CSV")
	f.StringVar(&o.format, "format", "", "print each version as a `TEMPLATE` says")
	f.BoolVar(&o.graph, "graph", false, "draw branches and merges beside the versions")
	a.jsonFlag(cmd, "print one JSON document per version and line")
	for _, pair := range [][2]string{
		{"json", "csv"}, {"json", "format"}, {"json", "graph"}, {"json", "oneline"}, {"json", "columns"},
		{"columns", "format"}, {"columns", "graph"}, {"columns", "oneline"},
		{"csv", "format"}, {"csv", "graph"}, {"csv", "oneline"}, {"format", "graph"}, {"format", "oneline"},
	} {
		cmd.MarkFlagsMutuallyExclusive(pair[0], pair[1])
	}
	for _, other := range []string{"sort", "reverse", "where", "grep", "author", "since", "until"} {
		cmd.MarkFlagsMutuallyExclusive("graph", other)
	}
	return cmd
}

type logOptions struct {
	args                []string
	dash                int
	limit               int
	limited             bool
	all, first          bool
	since, until        string
	author, grep, where string
	sort                string
	reverse             bool
	columns, format     string
	oneline, csv, graph bool
}

// versionPrinter prints versions one by one.
type versionPrinter interface {
	print(ctx context.Context, s *store.Store, v *store.Version) error
	// close prints what was held back.
	close() error
}

func runLog(ctx context.Context, a *app, o logOptions) error {
	debug.SetGCPercent(400) // versions pass through; little of them lives long
	if o.limited && o.limit < 1 {
		return usagef("", "-n %d: want a number above 0", o.limit)
	}
	since, until, err := a.span(o.since, o.until)
	if err != nil {
		return err
	}
	return a.with(ctx, func(s *store.Store) error {
		r, err := a.splitRevPaths(ctx, s, o.args, o.dash)
		if err != nil {
			return err
		}
		switch {
		case o.all && r.rev != "":
			return usagef("leave out one of them", "--all is every branch, and %s is one version", r.rev)
		case o.graph && len(r.paths) > 0:
			return usagef("mstore log --oneline "+first(r.paths), "--graph shows every version, not those of some paths")
		}
		p, err := a.newVersionPrinter(ctx, s, o)
		if err != nil {
			return err
		}
		lo := store.LogOptions{Rev: r.rev, All: o.all, First: o.first, Paths: r.paths, Limit: o.limit, Since: since, Until: until,
			Author: o.author, Grep: o.grep, Where: o.where, Sort: o.sort, Reverse: o.reverse}
		printed := 0
		for v, err := range s.Log(ctx, lo) {
			if r.rev == "" && len(r.paths) == 0 && printed == 0 && errors.Is(err, store.ErrNotFound) {
				break // a new store: HEAD names no version yet
			}
			if err != nil {
				return r.explain(err, first(o.args))
			}
			if printed++; printed == 1 {
				a.progress.close()
			}
			if err := p.print(ctx, s, v); err != nil {
				return err
			}
		}
		if err := p.close(); err != nil {
			return err
		}
		narrowed := slices.ContainsFunc([]string{o.since, o.until, o.where, o.author, o.grep, o.sort}, func(s string) bool { return s != "" })
		if printed > 0 || narrowed {
			return nil
		}
		if len(r.paths) > 0 {
			return r.explain(notSaved(r.paths), first(o.args))
		}
		a.say("no versions yet")
		return nil
	})
}

func (a *app) newVersionPrinter(ctx context.Context, s *store.Store, o logOptions) (versionPrinter, error) {
	switch {
	case o.columns != "" || o.csv:
		return a.newColumnPrinter(ctx, s, o)
	case o.format != "":
		return a.newTemplatePrinter(ctx, s, o.format)
	}
	expired, err := s.Expired(ctx)
	if err != nil {
		return nil, err
	}
	p := &logPrinter{app: a, out: a.out, expired: expired, oneline: o.oneline, now: a.now(), tty: isTerminal(a.out.w)}
	if o.graph {
		return newGraphPrinter(p), nil
	}
	return p, nil
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// splitList takes a list with commas apart.
func splitList(list string) []string {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		out = append(out, strings.TrimSpace(part))
	}
	return out
}
