package main

import (
	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newAliasCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "alias [NAME [REV]] | -d NAME...",
		Short: "List, make, move or delete aliases",
		Long: `Without arguments list the aliases. With NAME make an alias, such as prod, at HEAD
or at REV, or move it there. Every move is kept: 'mstore rollback NAME' takes the
last one back, and NAME@{1} is where it pointed before.

` + nameHelp("alias") + `

Exit codes: 0 done; 2 wrong usage or a name that is not allowed; 3 no store, no
such version or alias; 5 refused: the name is taken by a branch or a tag; 130
interrupted.`,
		Example: `  mstore alias
  mstore alias prod v12
  mstore rollback prod
  mstore alias -d prod`,
	}
	a.nameFlags(cmd, &nameOptions{kind: store.Alias})
	return cmd
}
