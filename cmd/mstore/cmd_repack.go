package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newRepackCommand(a *app) *cobra.Command {
	var o store.RepackOptions
	cmd := &cobra.Command{
		Use:   "repack",
		Short: "Store the same in less space",
		Long: `Store the same in less space: rewrite the packs that commits have made into few
large ones, the newest content of each model by itself, so that it is the fastest
to read, and earlier ones as differences to it (or the other way round where that
takes less), with more time for each than a commit has. Every version stays as it
is, byte for byte.

Others may read and commit meanwhile. It needs room for the new packs beside the
old ones, and can be interrupted at any time; the next one goes on from the last
full pack, of 256 MB. It never makes a store larger: without a gain nothing is
changed. What an earlier repack has made is left alone, unless --all is given.

With --json: packs, into, bytes_before, bytes_after, bytes_freed, damaged_packs.

Exit codes: 0 done; 1 some packs stay because they are damaged; 2 wrong usage; 3
no store; 4 the journal is damaged; 5 another process has rewritten packs
meanwhile; 130 interrupted.`,
		Example: `  mstore repack
  mstore repack --all
  mstore repack --json | jq .bytes_freed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRepack(cmd.Context(), a, o) },
	}
	cmd.Flags().BoolVar(&o.All, "all", false, "rewrite also what an earlier repack has made")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

func runRepack(ctx context.Context, a *app, o store.RepackOptions) error {
	return a.with(ctx, func(s *store.Store) error {
		res, err := s.Repack(ctx, o)
		if err != nil {
			return err
		}
		return a.reportRepack(res, struct {
			Packs   int   `json:"packs"`
			Into    int   `json:"into"`
			Before  int64 `json:"bytes_before"`
			After   int64 `json:"bytes_after"`
			Freed   int64 `json:"bytes_freed"`
			Damaged int   `json:"damaged_packs"`
		}{res.Packs, res.Into, res.Before, res.After, res.Before - res.After, res.Left})
	})
}

// reportRepack prints what a repack did: doc with --json, else a line.
func (a *app) reportRepack(res *store.RepackResult, doc any) (err error) {
	if a.json {
		err = writeJSON(a.out, doc)
	} else {
		a.progress.close()
		fmt.Fprintln(a.out, repacked(res))
		err = a.out.failed()
	}
	if err == nil && res.Left > 0 {
		err = reportedError{exitFailed}
	}
	return err
}

func repacked(res *store.RepackResult) string {
	if res.Packs == 0 {
		return "nothing to gain"
	}
	return fmt.Sprintf("%s -> %s, %s -> %s", plural(res.Packs, "pack"), plural(res.Into, "pack"), humanBytes(res.Before), humanBytes(res.After))
}
