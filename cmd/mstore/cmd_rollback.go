package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newRollbackCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback ALIAS",
		Short: "Take back the last move of an alias",
		Long: `Take back the last move of an alias: it points again where it did before. No model
is touched; this is a move like any other, and kept like any other.

With --json: name, kind, version, id, branch, moved, current.

Exit codes: 0 done; 2 wrong usage; 3 no store or no such alias; 5 refused: it has
not moved; 130 interrupted.`,
		Example: `  mstore alias prod v13
  mstore rollback prod`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("mstore rollback prod", "rollback takes one argument, the alias")
			}
			return nil
		},
		RunE:              func(cmd *cobra.Command, args []string) error { return runRollback(cmd.Context(), a, args[0]) },
		ValidArgsFunction: a.completeName(store.Alias),
	}
	a.jsonFlag(cmd, "print where the alias points now as JSON")
	return cmd
}

func runRollback(ctx context.Context, a *app, alias string) error {
	return a.with(ctx, func(s *store.Store) error {
		n, err := s.Rollback(ctx, alias)
		if err != nil {
			return err
		}
		return a.reportName(n)
	})
}
