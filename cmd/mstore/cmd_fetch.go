package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const fetchLong = `Bring what another store has, and note where its branches are: main of the remote
origin becomes origin/main, which every command takes as a version. Branches of this
store stay where they are; 'mstore pull' merges, too. Only what is missing here travels,
as it is stored; it is decoded and its hashes are recomputed before it counts.

REMOTE is a remote, a directory or a URL; by default the one of the current branch's
upstream, the only one, or origin. NAME is a branch, tag or alias there; by default all
branches. A branch that was rewound there is told as forced. Tags never move: one that
is elsewhere here is refused and told, and all else is fetched.

When it is interrupted, nothing has moved; what was copied stays, and saying it again
goes on from there.

With --json: remote, url, dry_run, refs (kind, from, to, old and new: version and id or
null, result: new, fast-forward, forced, moved, up-to-date, deleted, rejected; reason),
versions, records, bytes, packs, expired, left_out.

Exit codes: 0 fetched, or nothing to do; 1 the other store cannot be reached; 2 wrong
usage, or that store has a newer format; 3 no such store, remote, branch or tag; 4 what
the other store has is damaged, or wrong; 5 refused: a tag that is elsewhere, a name
that is taken, another store than before; 130 interrupted.`

func newFetchCommand(a *app) *cobra.Command {
	var o store.FetchOptions
	cmd := &cobra.Command{
		Use:   "fetch [REMOTE [NAME...]]",
		Short: "Bring what another store has",
		Long:  fetchLong,
		Example: `  mstore fetch
  mstore fetch origin main exp
  mstore fetch origin --tags --prune
  mstore log origin/main`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Remote, o.Names = a.remoteArg(args[0]), args[1:]
			}
			return runFetch(cmd.Context(), a, o)
		},
		ValidArgsFunction: a.completeRemote,
	}
	f := cmd.Flags()
	f.BoolVar(&o.Tags, "tags", false, "fetch all tags, too")
	f.BoolVar(&o.Aliases, "aliases", false, "fetch all aliases, too: they move here as they did there")
	f.BoolVar(&o.Prune, "prune", false, "forget branches that the remote has no more")
	f.BoolVar(&o.DryRun, "dry-run", false, "change nothing; tell what would be done")
	a.jsonFlag(cmd, "print JSON: what became of each name, and what was copied")
	return cmd
}

func runFetch(ctx context.Context, a *app, o store.FetchOptions) error {
	return a.with(ctx, func(s *store.Store) error {
		res, err := s.Fetch(ctx, o)
		return a.reportExchange(res, "fetched", "would be fetched", err)
	})
}
