package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/exchange"
	"github.com/mstore/mstore/store"
)

const cloneLong = `Make a store in a new directory that has what another has: all versions, its branches
as remote ones (origin/main), its tags and aliases. One branch is checked out: BRANCH,
main, or the one that moved last; its upstream is the remote one, for 'mstore pull' and
'mstore push'. URL is a directory or the URL of a bucket.

--depth, --path and --since make a partial clone: all versions and lists of models come
along, so that log, ls, diff --name-only and best work as ever; content comes along only
of the newest N versions, of models that match a glob (as in settings: one without a
slash matches in any directory), and of versions since a time and the branches' heads.
They can be combined: what all of them leave counts. What was left out is promised, and
fetched when it is first needed. Later fetches keep to it (the setting
remote.NAME.partial). With --path only models that match are checked out, also by later
checkouts and merges; the others are saved as they are, and are brought by naming them
(mstore checkout HEAD PATH). The local setting checkout.paths says so; unset, a checkout
brings everything.

Only a new or empty directory is taken. A clone that was interrupted is finished by
saying it again.

With --json: dir, branch, resumed, fetch (as of 'mstore fetch'), checkout (as of 'mstore
checkout', or null).

Exit codes: 0 cloned; 1 the store cannot be reached, or files cannot be written; 2 wrong
usage, or it has a newer format; 3 no such store or branch, or content of what is checked
out has expired; 4 what it has is damaged, or wrong; 5 refused: the directory is not
empty; 130 interrupted.`

func newCloneCommand(a *app) *cobra.Command {
	var o cloneOptions
	cmd := &cobra.Command{
		Use:   "clone URL [DIR]",
		Short: "Make a store that has what another has",
		Long:  cloneLong,
		Example: `  mstore clone /srv/models
  mstore clone 's3://models/team?region=eu-central-1' work -b exp
  mstore clone /srv/models new --depth 1
  mstore clone /srv/models eval --path 'heads/*.json' --since 30d`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("mstore clone /srv/models work", "clone takes the store, and the directory to make")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.url = args[0]
			if len(args) > 1 {
				o.dir = args[1]
			}
			return runClone(cmd.Context(), a, o)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.storage, "storage", "", "the new store lies at `URL`, a directory or a bucket, as of 'mstore init'")
	f.StringVar(&o.origin, "origin", store.DefaultRemote, "call the remote `NAME`")
	f.StringVarP(&o.branch, "branch", "b", "", "check `BRANCH` out")
	f.BoolVar(&o.noCheckout, "no-checkout", false, "check nothing out")
	f.IntVar(&o.depth, "depth", 0, "content of the newest `N` versions only")
	f.StringArrayVar(&o.paths, "path", nil, "content of models that match `GLOB` only; may be repeated")
	f.StringVar(&o.since, "since", "", "content of versions since `TIME` only, as in 'mstore log'")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type cloneOptions struct {
	url, dir, storage, origin, branch string
	noCheckout                        bool
	depth                             int
	paths                             []string
	since                             string
}

// filter is which content comes along.
func (o *cloneOptions) filter(now time.Time) (f exchange.Filter, err error) {
	if o.depth < 0 {
		return f, usagef("", "--depth: want 1 or more")
	}
	f.Depth, f.Paths = o.depth, o.paths
	for _, p := range o.paths {
		if err := store.CheckGlob(p); err != nil {
			return f, usagef("", "--path: %s", err)
		}
	}
	if o.since != "" {
		if f.Since, err = parseSince(o.since, now); err != nil {
			return f, usagef("", "--since: %s", err)
		}
		f.Since = f.Since.Truncate(time.Second)
	}
	return f, nil
}

type cloneDoc struct {
	Dir      string       `json:"dir"`
	Branch   string       `json:"branch"` // empty when there is no version
	Resumed  bool         `json:"resumed"`
	Fetch    *exchangeDoc `json:"fetch"`
	Checkout *checkoutDoc `json:"checkout"`
}

func runClone(ctx context.Context, a *app, o cloneOptions) error {
	f, err := o.filter(a.now())
	if err != nil {
		return err
	}
	co := store.CloneOptions{Location: a.location(o.url), Remote: o.origin, Branch: o.branch, NoCheckout: o.noCheckout, Filter: f}
	if o.storage != "" {
		co.Storage = a.location(o.storage)
	}
	if o.dir != "" {
		co.Dir = absolute(a.cwd, o.dir)
	} else if name := store.NameOfLocation(co.Location); name != "" {
		co.Dir = absolute(a.cwd, name)
	}
	s, res, err := store.Clone(ctx, co, a.options())
	if err != nil {
		return err
	}
	return errors.Join(a.reportClone(s, res), s.Close())
}

func (a *app) reportClone(s *store.Store, res *store.CloneResult) error {
	if a.json {
		d := cloneDoc{Dir: res.Dir, Branch: res.Branch, Resumed: res.Resumed, Fetch: newExchangeDoc(res.Fetch)}
		if res.Checkout != nil {
			d.Checkout = newCheckoutDoc(res.Checkout)
		}
		return writeJSON(a.out, d)
	}
	if err := a.printExchange(res.Fetch, "fetched", ""); err != nil {
		return err
	}
	a.say("cloned into %s", cleanLine(res.Dir))
	if res.Checkout == nil {
		return nil
	}
	return a.reportCheckedOut(res.Checkout, s.Root(), "")
}
