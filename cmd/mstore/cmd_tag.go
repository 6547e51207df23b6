package main

import (
	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newTagCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tag [NAME [REV]] | -d NAME...",
		Short: "List, make or delete tags",
		Long: `Without arguments list the tags. With NAME tag HEAD or REV. A tag does not move;
an alias does.

` + nameHelp("tag") + `

Exit codes: 0 done; 2 wrong usage or a name that is not allowed; 3 no store, no
such version or tag; 5 refused: there is such a tag; 130 interrupted.`,
		Example: `  mstore tag
  mstore tag paper-2026 v12
  mstore tag -d paper-2026`,
	}
	a.nameFlags(cmd, &nameOptions{kind: store.Tag})
	return cmd
}
