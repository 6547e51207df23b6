package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/store"
)

const bestLong = `Name the versions with the best values of a metric, the best first: of those that
led to HEAD, or with PATH of those that changed that model or something in that
directory. Of equal ones the newest comes first. --rev and --all look elsewhere,
--where, --since and --until at fewer; they are those of 'mstore log'.

Whether small or large is good is said by --min or --max, or once for all by
a setting: 'mstore config best.loss min'.

With --json a list: version, id, branch, path, metric, value, time. The path is PATH,
or what of it the version changed; without PATH the only model that the version
changed, or "".

Exit codes: 0 done; 2 wrong usage, neither --min nor --max and no setting, or a metric
that no version has; 3 no store, no such version, or no version that has PATH; 4 the
journal is damaged; 130 interrupted.`

func newBestCommand(a *app) *cobra.Command {
	var o bestOptions
	cmd := &cobra.Command{
		Use:   "best [PATH] --metric NAME [--min | --max]",
		Short: "Name the versions with the best metric",
		Long:  bestLong,
		Example: `  mstore best --metric loss --min
  mstore best models/oracle.json --metric acc --max -n 1
  mstore config best.loss min && mstore best --metric loss --all
  mstore checkout $(mstore best --metric loss --min -n 1 --json | jq -r '.[0].id')`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("mstore best model.json --metric loss --min", "best takes at most one argument, a path")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.path = first(args)
			return runBest(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.metric, "metric", "", "the `NAME` of the metric")
	f.BoolVar(&o.min, "min", false, "the smaller the better")
	f.BoolVar(&o.max, "max", false, "the larger the better")
	f.IntVarP(&o.limit, "limit", "n", 5, "at most `N` versions")
	f.StringVar(&o.rev, "rev", "", "of the versions that led to `REV`")
	f.BoolVar(&o.all, "all", false, "of the versions of all branches")
	f.StringVar(&o.since, "since", "", "only versions made since `TIME`")
	f.StringVar(&o.until, "until", "", "only versions made up to `TIME`")
	f.StringVar(&o.where, "where", "", "only versions for which `EXPR` holds")
	cmd.MarkFlagsMutuallyExclusive("min", "max")
	cmd.MarkFlagsMutuallyExclusive("rev", "all")
	a.jsonFlag(cmd, "print a list as JSON")
	return cmd
}

type bestOptions struct {
	path, metric, rev   string
	min, max, all       bool
	limit               int
	since, until, where string
}

func runBest(ctx context.Context, a *app, o bestOptions) error {
	switch {
	case o.metric == "":
		return usagef("mstore best --metric loss --min", "which metric? name it with --metric")
	case o.limit < 1:
		return usagef("", "-n %d: want a number above 0", o.limit)
	}
	if name, err := expr.ParseField(o.metric); err == nil && len(name) > len("metrics.") && name[:len("metrics.")] == "metrics." {
		o.metric = name[len("metrics."):]
	}
	since, until, err := a.span(o.since, o.until)
	if err != nil {
		return err
	}
	return a.with(ctx, func(s *store.Store) error {
		larger := o.max
		if !o.min && !o.max {
			var known bool
			if larger, known, err = s.IsBest(ctx, o.metric); err != nil {
				return err
			} else if !known {
				return usagef("give --min or --max, or say it once for all: mstore config best."+o.metric+" min",
					"is a small or a large %s good?", o.metric)
			}
		}
		lo := store.LogOptions{Rev: o.rev, All: o.all, Limit: o.limit, Since: since, Until: until, Where: o.where}
		if o.path != "" {
			if lo.Paths, err = a.rels(s, []string{o.path}); err != nil {
				return err
			}
		}
		list, err := s.Best(ctx, store.BestOptions{Metric: o.metric, Max: larger, LogOptions: lo})
		if err != nil {
			return err
		}
		if len(list) == 0 && o.path != "" && since.IsZero() && until.IsZero() && o.where == "" {
			return a.neverSaved(ctx, s, lo)
		}
		return a.printBest(o.metric, list)
	})
}

// neverSaved tells why nothing was found of a path: no version changed it, or none of those
// that did has the metric.
func (a *app) neverSaved(ctx context.Context, s *store.Store, o store.LogOptions) error {
	for _, err := range s.Log(ctx, store.LogOptions{Rev: o.Rev, All: o.All, Paths: o.Paths, Limit: 1}) {
		if err != nil {
			return err
		}
		return a.printBest("", nil)
	}
	return notSaved(o.Paths)
}

// span reads --since and --until.
func (a *app) span(since, until string) (from, to time.Time, err error) {
	if since != "" {
		if from, err = parseSince(since, a.now()); err != nil {
			return from, to, err
		}
	}
	if until != "" {
		to, err = parseUntil(until, a.now())
	}
	return from, to, err
}

type bestDoc struct {
	Version string `json:"version"`
	ID      string `json:"id"`
	Branch  string `json:"branch"`
	Path    string `json:"path"`
	Metric  string `json:"metric"`
	Value   any    `json:"value"`
	Time    string `json:"time"`
}

func (a *app) printBest(metric string, list []store.Scored) error {
	if a.json {
		docs := make([]bestDoc, len(list))
		for i, b := range list {
			v := b.Version
			docs[i] = bestDoc{v.Name, v.ID.String(), v.Branch, b.Path, metric, b.Value, v.Time.UTC().Format(time.RFC3339)}
		}
		return writeJSON(a.out, docs)
	}
	if len(list) == 0 {
		a.say("none of these versions has a number there")
	}
	table := columns{}
	for _, b := range list {
		v := b.Version
		table.add(cell{text: versionName(v), look: a.style.version}, cell{text: v.ID.Short(), look: a.style.version},
			cell{text: cleanLine(metric), look: a.style.dim}, cell{text: showValue(b.Value), look: a.style.bold, right: true},
			cell{text: cleanLine(b.Path)}, cell{text: ago(v.Time, a.now())}, cell{text: cleanLine(firstLine(v.Message)), wide: true})
	}
	return table.write(a.out)
}

// versionName is vN, or BRANCH@vN of a version that another vN stands for on the branch
// that was asked for.
func versionName(v *store.Version) string {
	if v.Aside {
		return cleanLine(v.Branch) + "@" + v.Name
	}
	return v.Name
}
