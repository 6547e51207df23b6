package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newReindexCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reindex",
		Short: "Build the history index anew",
		Long: `Drop the history index of this working directory and build it anew from the store.
It only makes questions about history fast; nothing is lost with it.

With --json: versions, the number that were indexed.

Exit codes: 0 done; 1 the index cannot be written; 2 wrong usage; 3 no store; 4
the store is damaged; 130 interrupted.`,
		Example: `  mstore reindex`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runReindex(cmd.Context(), a) },
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

func runReindex(ctx context.Context, a *app) error {
	return a.with(ctx, func(s *store.Store) error {
		n, err := s.Reindex(ctx)
		if err != nil {
			return err
		}
		if a.json {
			return writeJSON(a.out, struct {
				Versions int `json:"versions"`
			}{n})
		}
		a.say("indexed %s", plural(n, "version"))
		return nil
	})
}
