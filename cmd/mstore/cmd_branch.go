package main

import (
	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newBranchCommand(a *app) *cobra.Command {
	o := &nameOptions{kind: store.Branch}
	cmd := &cobra.Command{
		Use:   "branch [NAME [REV]] | -d NAME...",
		Short: "List, make, move or delete branches",
		Long: `Without arguments list the branches, * before the current one. With NAME make a
branch at HEAD or at REV; one that exists moves forward to REV, and with --force
anywhere: 'mstore branch -f main v12' is the plain undo. 'mstore checkout NAME'
switches.

` + nameHelp("branch") + `

Exit codes: 0 done; 2 wrong usage or a name that is not allowed; 3 no store, no
such version or branch; 5 refused: the move is not forward (-f moves all the
same), or it is the current branch that is to be deleted; 130 interrupted.`,
		Example: `  mstore branch
  mstore branch exp v12
  mstore branch -f main v12
  mstore branch -d exp`,
	}
	a.nameFlags(cmd, o)
	cmd.Flags().BoolVarP(&o.force, "force", "f", false, "move a branch anywhere; delete one that holds versions of its own")
	return cmd
}
