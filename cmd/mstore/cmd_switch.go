package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const switchLong = `Make another branch the current one and bring the models on disk to it, as 'mstore
checkout BRANCH' does: what is not saved and would be overwritten is first saved as a
safety version. With -c the branch is made, at HEAD or at REV; without it, a branch that
only a remote has is made from that. What is made from a remote's branch (origin/main)
has that one for upstream.

Where the branch has the models that the current one has, as a branch that was just
made has, the models on disk stay as they are, what is not saved included: it can be
saved on the new branch.

With --json: as 'mstore checkout' prints.

Exit codes: 0 done; 1 a file cannot be written; 2 wrong usage; 3 no store, no such
branch or version, or a model's content is expired; 4 a model is damaged; 5 refused:
with -c the branch is there already, or unsaved content cannot be made safe; 130
interrupted.`

func newSwitchCommand(a *app) *cobra.Command {
	var o store.SwitchOptions
	var create string
	cmd := &cobra.Command{
		Use:   "switch BRANCH | -c BRANCH [REV]",
		Short: "Switch to another branch",
		Long:  switchLong,
		Example: `  mstore switch exp
  mstore switch -c exp
  mstore switch -c fix v12`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Create = cmd.Flags().Changed("create")
			switch {
			case o.Create && len(args) < 2:
				o.Branch, o.Rev = create, first(args)
			case !o.Create && len(args) == 1:
				o.Branch = args[0]
			case len(args) == 0:
				return usagef("'mstore branch' lists the branches", "switch to what?")
			default:
				return usagef("", "switch takes one branch, and with -c BRANCH a version")
			}
			return runSwitch(cmd.Context(), a, o)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			switch {
			case len(args) > 0:
				return nil, cobra.ShellCompDirectiveNoFileComp
			case cmd.Flags().Changed("create"):
				return a.completeRev(false)(cmd, args, word)
			}
			return a.names(cmd.Context(), word, "", store.Branch), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().StringVarP(&create, "create", "c", "", "make `BRANCH` first")
	a.jsonFlag(cmd, "print JSON: what was written and removed")
	return cmd
}

func runSwitch(ctx context.Context, a *app, o store.SwitchOptions) error {
	return a.with(ctx, func(s *store.Store) error {
		res, err := s.Switch(ctx, o)
		if err != nil {
			return err
		}
		if res.Version == nil || res.Written+res.Removed+res.Unchanged+len(res.Expired) == 0 {
			if a.json {
				return writeJSON(a.out, newCheckoutDoc(res))
			}
			if res.Switched {
				a.say("switched to branch %s", a.errStyle.branch.Sprint(res.Branch))
			} else {
				a.say("already on branch %s", a.errStyle.branch.Sprint(res.Branch))
			}
			return nil
		}
		return a.reportCheckedOut(res, s.Root(), "")
	})
}
