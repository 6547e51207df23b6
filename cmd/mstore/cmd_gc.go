package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newGCCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Tidy up: take less space",
		Long: `Tidy up: rewrite what commits have made into less space, as 'mstore repack' does.
Nothing that was ever saved is given up: there is no retention policy yet, and an
empty policy keeps everything.

With --json: dry_run, kept, expired (both empty), bytes_freed.

Exit codes: 0 done; 1 some packs stay because they are damaged; 2 wrong usage; 3
no store; 4 the journal is damaged; 5 another process has rewritten packs
meanwhile; 130 interrupted.`,
		Example: `  mstore gc
  mstore gc --json | jq .bytes_freed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runGC(cmd.Context(), a) },
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

func runGC(ctx context.Context, a *app) error {
	return a.with(ctx, func(s *store.Store) error {
		res, err := s.Repack(ctx, store.RepackOptions{})
		if err != nil {
			return err
		}
		return a.reportRepack(res, struct {
			DryRun  bool     `json:"dry_run"`
			Kept    []string `json:"kept"`
			Expired []string `json:"expired"`
			Freed   int64    `json:"bytes_freed"`
		}{false, []string{}, []string{}, res.Before - res.After})
	})
}
