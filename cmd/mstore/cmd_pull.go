package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const pullLong = `Fetch from another store, and merge the current branch's upstream into it: 'mstore
fetch', then 'mstore merge'. With REMOTE and BRANCH that branch is merged instead; with
REMOTE alone the upstream, or the branch that is called as the current one. A branch
that has nothing of its own is moved forward; --ff-only refuses anything else. What
conflicts is told, nothing is changed then, and what was fetched stays.

With --json: fetch (as of 'mstore fetch'; null where the upstream is a branch of this
store) and merge (as of 'mstore merge').

Exit codes: 0 pulled, or nothing to do; 1 the other store cannot be reached, a merged
model is not valid, or a hook refused; 2 wrong usage, no upstream, or that store has a
newer format; 3 no such store, remote or branch; 4 what is needed is damaged, or the
other store sent what is wrong; 5 refused: conflicts, unsaved models, no fast-forward
with --ff-only, another store than before; 130 interrupted.`

func newPullCommand(a *app) *cobra.Command {
	var o mergeOptions
	var tags bool
	cmd := &cobra.Command{
		Use:   "pull [REMOTE [BRANCH]]",
		Short: "Fetch, and merge the upstream",
		Long:  pullLong,
		Example: `  mstore pull
  mstore pull --ff-only
  mstore pull origin exp -m "take over the experiment"
  mstore pull --theirs=embedding.json`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.revs = args
			return runPull(cmd.Context(), a, o, tags)
		},
	}
	a.mergeFlags(cmd, &o)
	f := cmd.Flags()
	f.Lookup("dry-run").Hidden = true
	f.BoolVar(&o.noFF, "no-ff", false, "make a version even where moving the branch would do")
	f.BoolVar(&o.ffOnly, "ff-only", false, "move the branch, or refuse")
	f.BoolVar(&o.unrelated, "allow-unrelated", false, "merge histories that have nothing in common, too")
	f.BoolVar(&tags, "tags", false, "fetch all tags, too")
	cmd.ValidArgsFunction = a.completeRemote
	return cmd
}

type pullDoc struct {
	Fetch *exchangeDoc `json:"fetch"`
	Merge *mergeDoc    `json:"merge"`
}

func runPull(ctx context.Context, a *app, o mergeOptions, tags bool) error {
	if o.noFF && o.ffOnly {
		return usagef("", "--no-ff and --ff-only exclude each other")
	}
	if o.dryRun {
		return usagef("'mstore fetch', then 'mstore merge --dry-run'", "a pull cannot be tried without fetching")
	}
	return a.with(ctx, func(s *store.Store) error {
		h := a.hooksOf(s, o.noHooks)
		po := store.PullOptions{Tags: tags}
		var err error
		if po.Merge, err = o.options(a, h); err != nil {
			return err
		}
		if len(o.revs) > 0 {
			po.Remote = a.remoteArg(o.revs[0])
		}
		if len(o.revs) > 1 {
			po.Branch = o.revs[1]
		}
		res, err := s.Pull(ctx, po)
		if res == nil || res.Merge == nil && (res.Fetch == nil || len(res.Fetch.Refs) == 0) {
			return a.explainMerge(err, "mstore pull")
		}
		if !a.json && res.Fetch != nil {
			if perr := a.printExchange(res.Fetch, "fetched", ""); perr != nil {
				return perr
			}
		}
		if err == nil {
			a.finish(ctx, s, h, res.Merge)
			if a.json {
				return writeJSON(a.out, pullDoc{newExchangeDoc(res.Fetch), newMergeDoc(res.Merge, false)})
			}
			return a.reportMerge(res.Merge, false)
		}
		if doc := conflictsDoc(err, false); doc != nil && a.json {
			if err := writeJSON(a.out, pullDoc{newExchangeDoc(res.Fetch), doc}); err != nil {
				return err
			}
		}
		return a.explainMerge(err, "mstore pull")
	})
}
