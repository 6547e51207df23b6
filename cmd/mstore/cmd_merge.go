package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const mergeLong = `Bring what was done on another branch, or up to any version, into the current
branch; without BRANCH from its upstream ('mstore branch --set-upstream-to').

Model by model, both sides are compared with what they last had in common. What one
side alone has changed, added or removed is taken. A JSON model that both sides have
changed is merged by value, where the changes do not touch. The new version has both
sides as parents; its parameters and metrics are those that are given. A branch that
has nothing of its own is only moved forward, unless --no-ff wants a version.

What both sides have changed is a conflict: all conflicts are listed, by model and by
path within JSON models with both values, nothing is changed anywhere, and the exit
code is 5. --ours and --theirs say which side wins, in all models or, repeated, with
=GLOB in those that match (a path, or a glob as in settings: one without a slash
matches in any directory; the longest counts). What does not touch is taken from both
sides all the same.

Models on disk that hold what the branch had become those of the merged version. A
merge that would change a model that holds what is not saved is refused. Should the
process die after the version is made, the next command that saves or checks out
finishes the work on disk.

With --json: result (merged, fast-forward, up-to-date, conflict), dry_run, branch,
version, id, parents, message, ours, theirs (version, id), bases (the same), models
(path, id, size, status against ours, how: ours, theirs, both; conflict; values),
conflicts (path, base, ours, theirs: id and size or null; crosswise; values: reason,
path, base, ours, theirs, taken; total), written, removed, left.

Exit codes: 0 merged, moved or nothing to do; 1 a merged model is not valid, or a
hook refused; 2 wrong usage; 3 no store, no such version, or content that is needed is
expired; 4 such content is damaged; 5 refused: conflicts, unsaved models, no common
ancestor, no fast-forward with --ff-only; 130 interrupted.`

func newMergeCommand(a *app) *cobra.Command {
	var o mergeOptions
	cmd := &cobra.Command{
		Use:   "merge [BRANCH|REV]",
		Short: "Bring another branch's models into this one",
		Long:  mergeLong,
		Example: `  mstore merge exp --dry-run
  mstore merge exp -m "the better embeddings" --metric loss=0.18
  mstore merge exp --theirs=embedding.json --ours
  mstore merge --ff-only               # from the upstream`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("the models of --ours and --theirs follow after =: mstore merge exp --theirs="+args[1], "merge takes at most one argument, a branch or version")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.revs = args
			return runMerge(cmd.Context(), a, o)
		},
	}
	a.mergeFlags(cmd, &o)
	f := cmd.Flags()
	f.BoolVar(&o.noFF, "no-ff", false, "make a version even where moving the branch would do")
	f.BoolVar(&o.ffOnly, "ff-only", false, "move the branch, or refuse")
	f.BoolVar(&o.unrelated, "allow-unrelated", false, "merge histories that have nothing in common, too")
	return cmd
}

func runMerge(ctx context.Context, a *app, o mergeOptions) error {
	if o.noFF && o.ffOnly {
		return usagef("", "--no-ff and --ff-only exclude each other")
	}
	rev := first(o.revs)
	return a.with(ctx, func(s *store.Store) error {
		h := a.hooksOf(s, o.noHooks)
		so, err := o.options(a, h)
		if err != nil {
			return err
		}
		res, err := s.Merge(ctx, rev, so)
		if err == nil {
			a.finish(ctx, s, h, res)
			if a.json {
				return writeJSON(a.out, newMergeDoc(res, o.dryRun))
			}
			return a.reportMerge(res, o.dryRun)
		}
		if doc := conflictsDoc(err, o.dryRun); doc != nil && a.json {
			if err := writeJSON(a.out, doc); err != nil {
				return err
			}
		}
		return a.explainMerge(err, joinWords("mstore merge", rev))
	})
}

// joinWords is a command with an argument, which may be empty.
func joinWords(command, arg string) string {
	if arg == "" {
		return command
	}
	return command + " " + shellQuote(arg)
}
