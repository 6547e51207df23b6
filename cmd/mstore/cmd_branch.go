package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newBranchCommand(a *app) *cobra.Command {
	o := &branchOptions{nameOptions: nameOptions{kind: store.Branch}}
	cmd := &cobra.Command{
		Use:   "branch [NAME [REV]] | -d NAME... | -m [OLD] NEW",
		Short: "List, make, move, rename or delete branches",
		Long: `Without arguments list the branches, * before the current one. -r lists where the branches
of remotes were when they were last looked at (origin/main), -a both. With NAME make a
branch at HEAD or at REV; one that exists moves forward to REV, and with --force
anywhere: 'mstore branch -f main v12' is the plain undo. 'mstore switch NAME'
switches. -d deletes a branch whose versions another name reaches, by first parents
or through a merge. -m renames a branch, by default the current one.

The upstream of a branch is the one that it is compared with, and that 'mstore merge'
takes without an argument: -v and 'mstore status' tell how many versions it is ahead
and behind. A branch that is made from a remote's (origin/main) has that one for upstream.
It is the shared setting branch.NAME.upstream, as the branch is shared; a workspace can
have another by 'mstore config --local'.

` + nameHelp("branch") + `
A branch with an upstream also has upstream: name, gone, ahead, behind.

Exit codes: 0 done; 2 wrong usage or a name that is not allowed; 3 no store, no
such version or branch; 5 refused: the move is not forward (-f moves all the
same), a name is taken, or it is the current branch that is to be deleted; 130
interrupted.`,
		Example: `  mstore branch -v
  mstore branch exp v12
  mstore branch -f main v12
  mstore branch -m exp exp/wide
  mstore branch --set-upstream-to main exp
  mstore branch -d exp`,
	}
	a.nameFlags(cmd, &o.nameOptions)
	f := cmd.Flags()
	f.BoolVarP(&o.force, "force", "f", false, "move a branch anywhere; delete one that holds versions of its own")
	f.BoolVarP(&o.move, "move", "m", false, "rename a branch")
	f.StringVar(&o.upstream, "set-upstream-to", "", "compare the branch, by default the current one, with `NAME`")
	f.BoolVar(&o.noUpstream, "unset-upstream", false, "compare the branch, by default the current one, with none")
	f.BoolVarP(&o.remotes, "remotes", "r", false, "list where the branches of remotes were when they were last looked at")
	f.BoolVarP(&o.all, "all", "a", false, "list those too, after the branches")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "list upstreams too, and how many versions branches are ahead and behind")
	cmd.RegisterFlagCompletionFunc("set-upstream-to", func(cmd *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.names(cmd.Context(), word, "", store.Branch), cobra.ShellCompDirectiveNoFileComp
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.args = args
		return runBranch(cmd.Context(), a, *o)
	}
	return cmd
}

type branchOptions struct {
	nameOptions
	move       bool
	upstream   string
	noUpstream bool
	remotes    bool
	all        bool
}

func runBranch(ctx context.Context, a *app, o branchOptions) error {
	asked := 0
	for _, set := range []bool{o.move, o.upstream != "", o.noUpstream, o.remove} {
		if set {
			asked++
		}
	}
	if asked > 1 {
		return usagef("", "-d, -m, --set-upstream-to and --unset-upstream exclude each other")
	}
	var change func(s *store.Store) (*store.Name, error)
	most := 1
	switch {
	case o.move:
		most = 2
		change = func(s *store.Store) (*store.Name, error) {
			if len(o.args) == 2 {
				return s.RenameBranch(ctx, o.args[0], o.args[1])
			}
			return s.RenameBranch(ctx, "", o.args[0])
		}
		if len(o.args) == 0 {
			return usagef("mstore branch -m exp exp/wide", "-m needs the new name")
		}
	case o.upstream != "":
		change = func(s *store.Store) (*store.Name, error) { return s.SetUpstream(ctx, first(o.args), o.upstream) }
	case o.noUpstream:
		change = func(s *store.Store) (*store.Name, error) { return s.UnsetUpstream(ctx, first(o.args)) }
	default:
		o.kinds = []store.NameKind{store.Branch}
		switch {
		case (o.remotes || o.all) && len(o.args) > 0:
			return usagef("", "-r and -a list, and take no name")
		case o.all:
			o.kinds = append(o.kinds, store.Tracking)
		case o.remotes:
			o.kinds = []store.NameKind{store.Tracking}
		}
		return runNames(ctx, a, o.nameOptions)
	}
	if len(o.args) > most {
		return usagef("", "too many arguments: %d", len(o.args))
	}
	return a.with(ctx, func(s *store.Store) error {
		n, err := change(s)
		if err != nil {
			return err
		}
		return a.reportName(n)
	})
}

// showUpstream is "2 ahead, 1 behind main"; empty without an upstream.
func showUpstream(u *store.Upstream) string {
	switch {
	case u == nil:
		return ""
	case u.Gone:
		return "upstream " + u.Name + " is gone"
	case u.Ahead == 0 && u.Behind == 0:
		return "up to date with " + u.Name
	case u.Behind == 0:
		return fmt.Sprintf("%d ahead of %s", u.Ahead, u.Name)
	case u.Ahead == 0:
		return fmt.Sprintf("%d behind %s", u.Behind, u.Name)
	}
	return fmt.Sprintf("%d ahead, %d behind %s", u.Ahead, u.Behind, u.Name)
}

type upstreamDoc struct {
	Name   string `json:"name"`
	Gone   bool   `json:"gone"`
	Ahead  uint64 `json:"ahead"`
	Behind uint64 `json:"behind"`
}

func newUpstreamDoc(u *store.Upstream) *upstreamDoc {
	if u == nil {
		return nil
	}
	return &upstreamDoc{u.Name, u.Gone, u.Ahead, u.Behind}
}
