package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/exchange"
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

Of a store that was cloned in part (clone --depth, --path, --since) content that was left
out is fetched when it is needed. --all-content fetches all of it now, and takes the
filter away, so that the remote is not needed any more. --depth, --path and --since fetch
more than the filter says, also of versions that are here already: of the N newest
versions of each branch, of models that match, of versions since a time.

When it is interrupted, nothing has moved; what was copied stays, and saying it again
goes on from there.

With --json: remote, url, dry_run, refs (kind, from, to, old and new: version and id or
null, result: new, fast-forward, forced, moved, up-to-date, deleted, rejected; reason),
versions, records, bytes, packs, expired, left_out. With content: content (fetched,
missing: what has expired there, whole: nothing is promised any more), too.

Exit codes: 0 fetched, or nothing to do; 1 the other store cannot be reached; 2 wrong
usage, or that store has a newer format; 3 no such store, remote, branch or tag; 4 what
the other store has is damaged, or wrong; 5 refused: a tag that is elsewhere, a name
that is taken, another store than before; 130 interrupted.`

func newFetchCommand(a *app) *cobra.Command {
	var o fetchOptions
	cmd := &cobra.Command{
		Use:   "fetch [REMOTE [NAME...]]",
		Short: "Bring what another store has",
		Long:  fetchLong,
		Example: `  mstore fetch
  mstore fetch origin main exp
  mstore fetch origin --tags --prune
  mstore fetch --all-content
  mstore fetch --depth 20 --path 'exp/**'
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
	f.BoolVar(&o.allContent, "all-content", false, "fetch all content that was left out, and take the filter away")
	f.IntVar(&o.depth, "depth", 0, "fetch content of the `N` newest versions of each branch")
	f.StringArrayVar(&o.paths, "path", nil, "fetch content of models that match `GLOB`")
	f.StringVar(&o.since, "since", "", "fetch content of versions since `TIME`")
	for _, narrower := range []string{"depth", "path", "since"} {
		cmd.MarkFlagsMutuallyExclusive("all-content", narrower)
	}
	a.jsonFlag(cmd, "print JSON: what became of each name, and what was copied")
	return cmd
}

type fetchOptions struct {
	store.FetchOptions
	allContent bool
	depth      int
	paths      []string
	since      string
}

// filter is what content is asked for; nil where none is beyond the remote's own filter.
func (o *fetchOptions) filter(a *app) (*exchange.Filter, error) {
	if o.depth < 0 {
		return nil, usagef("a depth of 1 is the newest version of each branch", "--depth %d", o.depth)
	}
	f := exchange.Filter{Depth: o.depth, Paths: o.paths}
	var err error
	if o.since != "" {
		f.Since, err = parseSince(o.since, a.now())
	}
	for _, p := range o.paths {
		if gerr := store.CheckGlob(p); gerr != nil {
			return nil, usagef("", "--path: %v", gerr)
		}
	}
	if err != nil || f.All() && !o.allContent {
		return nil, err
	}
	return &f, nil
}

func runFetch(ctx context.Context, a *app, o fetchOptions) error {
	filter, err := o.filter(a)
	if err != nil {
		return err
	}
	if filter != nil && o.DryRun {
		return usagef("leave out --dry-run", "what content would be fetched is not told beforehand")
	}
	return a.with(ctx, func(s *store.Store) error {
		o.Filter = filter
		res, err := s.Fetch(ctx, o.FetchOptions)
		if err != nil || filter == nil {
			return a.reportExchange(res, "fetched", "would be fetched", err)
		}
		if res.Remote == "" {
			return usagef("'mstore remote add NAME URL' makes it one", "only a remote promises content")
		}
		all, err := s.FetchAll(ctx, res.Remote, *filter)
		return a.reportContent(res, all, err)
	})
}

// reportContent tells what was fetched, and what content.
func (a *app) reportContent(res *store.ExchangeResult, all *store.FetchAllResult, err error) error {
	if a.json {
		if all == nil {
			return err
		}
		doc := struct {
			*exchangeDoc
			Content fetchedDoc `json:"content"`
		}{newExchangeDoc(res), fetchedDoc(*all)}
		if werr := writeJSON(a.out, doc); werr != nil {
			return werr
		}
		return err
	}
	if rerr := a.reportExchange(res, "fetched", "would be fetched", nil); rerr != nil {
		return rerr
	}
	if all != nil {
		a.say("%s fetched that had been left out", plural(all.Fetched, "content"))
		if all.Missing > 0 {
			a.say("%s have expired there", plural(all.Missing, "content"))
		}
		if all.Whole {
			a.say("nothing is promised any more: all content is here")
		}
	}
	return err
}

// fetchedDoc is in JSON what was fetched of what had been left out.
type fetchedDoc struct {
	Fetched int  `json:"fetched"`
	Missing int  `json:"missing"`
	Whole   bool `json:"whole"`
}
