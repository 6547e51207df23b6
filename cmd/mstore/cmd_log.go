package main

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const logLong = `History, newest first: of HEAD or of REV, and with PATHs only versions that
changed one of these models or something in these directories. An argument that
names no version is a path; -- separates where that is not clear.

Each version shows its name, the beginning of its ID, the names that point at it,
when and by whom it was made, its message, the models it changed (+ added,
~ changed, - removed), its metrics and its parameters.

--since takes 7d, 36h, yesterday, '3 days ago', a date or a time. --where takes
an expression such as 'metrics.loss < 0.3 and params.lr = 0.001'.

With --json one document per line: as 'commit --json' prints, with tags, aliases
and branches that point at the version now.

Exit codes: 0 done, even if no version matches; 2 wrong usage; 3 no store, no
such version, or no version that has PATH; 4 the journal is damaged; 130
interrupted.`

func newLogCommand(a *app) *cobra.Command {
	var o logOptions
	cmd := &cobra.Command{
		Use:   "log [REV] [PATH...]",
		Short: "Show history",
		Long:  logLong,
		Example: `  mstore log -n 5
  mstore log model.json --since 7d
  mstore log exp --where 'metrics.acc > 0.9' --sort metrics.loss
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
	f.StringVar(&o.since, "since", "", "only versions made since `TIME`")
	f.StringVar(&o.where, "where", "", "only versions for which `EXPR` holds")
	f.StringVar(&o.sort, "sort", "", "order: time, metrics.`NAME` or params.NAME")
	f.BoolVar(&o.oneline, "oneline", false, "one line for each version")
	a.jsonFlag(cmd, "print one JSON document per version and line")
	return cmd
}

type logOptions struct {
	args               []string
	dash               int
	limit              int
	limited            bool
	since, where, sort string
	oneline            bool
}

func runLog(ctx context.Context, a *app, o logOptions) error {
	debug.SetGCPercent(400) // versions pass through; little of them lives long
	if o.limited && o.limit < 1 {
		return usagef("", "-n %d: want a number above 0", o.limit)
	}
	var since time.Time
	if o.since != "" {
		var err error
		if since, err = parseSince(o.since, a.now()); err != nil {
			return err
		}
	}
	return a.with(ctx, func(s *store.Store) error {
		r, err := a.splitRevPaths(ctx, s, o.args, o.dash)
		if err != nil {
			return err
		}
		expired, err := s.Expired(ctx)
		if err != nil {
			return err
		}
		p := &logPrinter{app: a, expired: expired, oneline: o.oneline, now: a.now(), tty: isTerminal(a.out.w)}
		versions := s.Log(ctx, store.LogOptions{
			Rev: r.rev, Paths: r.paths, Limit: o.limit, Since: since, Where: o.where, Sort: o.sort,
		})
		for v, err := range versions {
			if r.rev == "" && len(r.paths) == 0 && p.printed == 0 && errors.Is(err, store.ErrNotFound) {
				break // a new store: HEAD names no version yet
			}
			if err != nil {
				return r.explain(err, first(o.args))
			}
			if err := p.print(ctx, s, v); err != nil {
				return err
			}
		}
		if p.printed > 0 || since != (time.Time{}) || o.where != "" {
			return nil
		}
		if len(r.paths) > 0 {
			return r.explain(notSaved(r.paths), first(o.args))
		}
		a.say("no versions yet")
		return nil
	})
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
