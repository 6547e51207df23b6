package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newExpireCommand(a *app) *cobra.Command {
	var o store.ExpireOptions
	cmd := &cobra.Command{
		Use:   "expire REV[:PATH]",
		Short: "Let content go at once, for data that must not stay",
		Long: `Let go, at once and for good, what a model was in a version, or all models of it,
for data that must not stay. Wherever else the same content stands in the history it
goes too. The versions with their hashes and metadata stay, and tell when it went and
why. There is no way back, unless --grace is given: then 'mstore undelete' helps until
a gc after the grace.

What a branch head, a tag, one of the last positions of an alias, or a hold protects
is refused without --force. Content that is lost to damage is declared gone this way
too, so that 'mstore fsck' and 'mstore gc' go on.

With --json as 'mstore gc --json'.

Exit codes: 0 done; 1 some packs stay because they are damaged; 2 wrong usage; 3 no
store, no such version or model; 4 something else that must be kept is missing; 5
refused: it is protected, or the store is read-only; 130 interrupted.`,
		Example: `  mstore expire v12:model.json --dry-run
  mstore expire v12:model.json
  mstore expire v3 --grace`,
		Args:              cobra.ExactArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return runExpire(cmd.Context(), a, args[0], o) },
		ValidArgsFunction: a.completeRev(false),
	}
	cmd.Flags().BoolVar(&o.Force, "force", false, "also what a head, tag, alias or hold protects")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only tell what would go")
	cmd.Flags().BoolVar(&o.Grace, "grace", false, "leave it recoverable for the grace")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

func runExpire(ctx context.Context, a *app, arg string, o store.ExpireOptions) error {
	return a.with(ctx, func(s *store.Store) error {
		rev, path, err := a.revMaybePath(s, arg)
		if err != nil {
			return err
		}
		res, err := s.Expire(ctx, rev, path, o)
		if err != nil {
			return err
		}
		if a.json {
			err = a.writeGC(res)
		} else {
			err = a.printExpire(res)
		}
		if err == nil && res.Left > 0 {
			err = reportedError{exitFailed}
		}
		return err
	})
}

func (a *app) printExpire(res *store.GCResult) error {
	a.progress.close()
	verb := "expired"
	if res.DryRun {
		verb = "would expire"
	}
	table := columns{}
	for it := range res.Items() {
		table.add(cell{text: verb, look: a.style.bad}, cell{text: it.Version, look: a.style.version}, cell{text: cleanLine(it.Branch), look: a.style.dim},
			cell{text: cleanLine(it.Path)}, cell{text: humanBytes(it.Size), right: true})
	}
	table.write(a.out)
	if res.Condemned > 0 {
		fmt.Fprintf(a.out, "it can be taken back by 'mstore undelete', until gc removes it after %s\n", res.Until.UTC().Format("2006-01-02 15:04 MST"))
	}
	return a.out.failed()
}

func newUndeleteCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "undelete",
		Short: "Take back what gc has let go, while it is still there",
		Long: `Take back everything that gc has let go and not removed yet: for a grace of 14 days
(gc.grace) it is still there. The next gc lets it go again unless the policy is
changed, or what is to stay is held ('mstore hold').

With --json: packs, bytes.

Exit codes: 0 done, also if there is nothing to take back; 2 wrong usage; 3 no store;
5 the store is read-only; 130 interrupted.`,
		Example: `  mstore undelete`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.with(ctx, func(s *store.Store) error {
				packs, bytes, err := s.Undelete(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return writeJSON(a.out, struct {
						Packs int   `json:"packs"`
						Bytes int64 `json:"bytes"`
					}{packs, bytes})
				}
				if packs == 0 {
					fmt.Fprintln(a.out, "nothing to take back")
				} else {
					fmt.Fprintf(a.out, "%s, %s are back\n", plural(packs, "pack"), humanBytes(bytes))
				}
				return a.out.failed()
			})
		},
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}
