package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const pickExits = `
With --json: versions, a list of documents as 'mstore merge' prints.

Exit codes: 0 done, or nothing to do; 1 a model is not valid, or a hook refused; 2
wrong usage, or a merge without --mainline; 3 no store, no such version, or content
that is needed is expired; 4 such content is damaged; 5 refused: conflicts or unsaved
models; 130 interrupted.`

const cherryPickLong = `Do again on the current branch what a version did: what it changed against its
parent is merged as 'mstore merge' does it, into one new version with its message,
parameters, metrics and source. The metadata cherry-pick.from holds its ID. What the
branch has already is passed over. Of a merge --mainline says against which parent.

Several REVs are done in turn; with the first that is refused it ends, and what was
made before stays.

Conflicts change nothing; --ours (what the branch has) and --theirs (what the version
did) settle them, see 'mstore merge --help'. Unsaved models are never changed.
` + pickExits

const revertLong = `Undo on the current branch what a version did, by one new version: the reverse of
what it changed against its parent is merged as 'mstore merge' does it. The metadata
revert.of holds its ID; parameters and metrics are those that are given. Of a merge
--mainline says against which parent. No version goes away: 'mstore branch -f main
REV' moves a branch back instead.

Several REVs are undone in turn; with the first that is refused it ends, and what was
made before stays.

Conflicts change nothing; --ours (what the branch has) and --theirs (what was before)
settle them, see 'mstore merge --help'. Unsaved models are never changed.
` + pickExits

// picker is store.CherryPick or store.Revert.
type picker func(s *store.Store, ctx context.Context, rev string, o store.MergeOptions) (*store.MergeResult, error)

func newCherryPickCommand(a *app) *cobra.Command {
	return newPickCommand(a, "cherry-pick", (*store.Store).CherryPick, &cobra.Command{
		Short: "Do again what a version of another branch did",
		Long:  cherryPickLong,
		Example: `  mstore cherry-pick exp~2
  mstore cherry-pick exp@v5 exp@v7 --theirs=embedding.json
  mstore cherry-pick v12 --mainline 1   # of a merge`,
	})
}

func newRevertCommand(a *app) *cobra.Command {
	return newPickCommand(a, "revert", (*store.Store).Revert, &cobra.Command{
		Short: "Undo what a version did, by a new one",
		Long:  revertLong,
		Example: `  mstore revert HEAD
  mstore revert v12 -m "worse on the test set"
  mstore revert v12 --mainline 1   # of a merge`,
	})
}

func newPickCommand(a *app, name string, pick picker, cmd *cobra.Command) *cobra.Command {
	var o mergeOptions
	cmd.Use = name + " REV..."
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("'mstore "+name+" v12' takes one version", "%s what?", name)
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.revs = args
		return runPick(cmd.Context(), a, name, pick, o)
	}
	a.mergeFlags(cmd, &o)
	cmd.Flags().IntVar(&o.mainline, "mainline", 0, "of a merge: take its changes against parent `N`, counting from 1")
	return cmd
}

type picksDoc struct {
	Versions []*mergeDoc `json:"versions"`
}

func runPick(ctx context.Context, a *app, name string, pick picker, o mergeOptions) error {
	return a.with(ctx, func(s *store.Store) (err error) {
		h := a.hooksOf(s, o.noHooks)
		so, err := o.options(a, h)
		if err != nil {
			return err
		}
		doc := picksDoc{Versions: []*mergeDoc{}}
		if a.json {
			defer func() {
				if werr := writeJSON(a.out, doc); err == nil {
					err = werr
				}
			}()
		}
		// All are resolved before the first moves what names such as HEAD stand for.
		ids := make([]string, len(o.revs))
		for i, rev := range o.revs {
			v, err := s.Show(ctx, rev)
			if err != nil {
				return err
			}
			ids[i] = v.ID.String()
		}
		for i, rev := range o.revs {
			res, err := pick(s, ctx, ids[i], so)
			if err != nil {
				if d := conflictsDoc(err, o.dryRun); d != nil {
					doc.Versions = append(doc.Versions, d)
				}
				return a.explainMerge(err, joinWords("mstore "+name, rev))
			}
			a.finish(ctx, s, h, res)
			doc.Versions = append(doc.Versions, newMergeDoc(res, o.dryRun))
			if a.json {
				continue
			}
			if err := a.reportMerge(res, o.dryRun); err != nil {
				return err
			}
		}
		return nil
	})
}
