package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const pushLong = `Bring versions of this store to another, and move its branches. Only what is missing
there travels, as it is stored, differences included; it is decoded and its hashes are
recomputed before it counts. REMOTE is a remote, a directory or a URL; by default the
one of the current branch's upstream, the only one, or origin. NAME is a branch, tag or
alias, NAME:OTHER pushes it as OTHER; by default the current branch goes to its
upstream, or to the branch of its name.

Branches there only move forward: a push that would take versions away from one is
refused (exit code 5), unless it is forced. --force-with-lease forces it only while the
branch is where you last saw it, or at REV: what somebody else has pushed meanwhile is
not overwritten. Tags never move. Each name moves in one step, or not at all. Of several
names those that are refused are told, and the others move.

When it is interrupted, nothing has moved; what was copied stays, and saying it again
goes on from there.

With --json: remote, url, dry_run, refs (kind, from, to, old and new: version and id or
null, result: new, fast-forward, forced, moved, up-to-date, deleted, rejected; reason),
versions, records, bytes, packs, expired, left_out.

Exit codes: 0 pushed, or nothing to do; 1 the other store cannot be reached or written
to; 2 wrong usage, or that store has a newer format; 3 no such store, remote, branch or
tag; 4 content that is to be pushed is damaged or lost; 5 refused: no fast-forward, a
lease that is lost, a tag that is elsewhere, another store than before; 130 interrupted.`

func newPushCommand(a *app) *cobra.Command {
	var o pushOptions
	cmd := &cobra.Command{
		Use:   "push [REMOTE [NAME[:OTHER]...]]",
		Short: "Bring versions to another store",
		Long:  pushLong,
		Example: `  mstore push
  mstore push -u origin main
  mstore push origin exp:team/exp v1.0
  mstore push origin --all --tags
  mstore push --force-with-lease origin exp
  mstore push origin -d exp`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args, o.lease = args, cmd.Flags().Changed("force-with-lease")
			return runPush(cmd.Context(), a, o)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return a.completeRemote(cmd, args, word)
			}
			return a.names(cmd.Context(), word, "", store.Branch, store.Tag), cobra.ShellCompDirectiveNoFileComp
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.all, "all", false, "push all branches")
	f.BoolVar(&o.tags, "tags", false, "push all tags, too")
	f.BoolVarP(&o.remove, "delete", "d", false, "delete the named ones there")
	f.BoolVarP(&o.force, "force", "f", false, "move branches anywhere")
	f.StringVar(&o.expect, "force-with-lease", "", "move branches anywhere, while they are where they were last seen, or at `REV`")
	f.Lookup("force-with-lease").NoOptDefVal = leaseSeen
	f.BoolVarP(&o.upstream, "set-upstream", "u", false, "make what is pushed to the upstream of what is pushed")
	f.BoolVar(&o.dryRun, "dry-run", false, "change nothing; tell what would be done")
	a.jsonFlag(cmd, "print JSON: what became of each name, and what was copied")
	return cmd
}

// leaseSeen is what --force-with-lease means without a version: no name can be that.
const leaseSeen = "@seen"

type pushOptions struct {
	args                                       []string
	all, tags, remove, force, upstream, dryRun bool
	lease                                      bool
	expect                                     string
}

func runPush(ctx context.Context, a *app, o pushOptions) error {
	so := store.PushOptions{All: o.all, Tags: o.tags, Force: o.force, Lease: o.lease, SetUpstream: o.upstream, DryRun: o.dryRun}
	if o.expect != leaseSeen {
		so.Expect = o.expect
	}
	if so.Force && so.Lease {
		return usagef("", "--force and --force-with-lease exclude each other")
	}
	if len(o.args) > 0 {
		so.Remote = a.remoteArg(o.args[0])
		for _, arg := range o.args[1:] {
			name, to, renamed := strings.Cut(arg, ":")
			if renamed && to == "" || name == "" && !o.remove || renamed && o.remove {
				return usagef("mstore push origin main:other", "%q is not NAME or NAME:OTHER", arg)
			}
			if o.remove {
				so.Refs = append(so.Refs, store.PushRef{To: name, Delete: true})
			} else {
				so.Refs = append(so.Refs, store.PushRef{Name: name, To: to})
			}
		}
	}
	if o.remove && (len(so.Refs) == 0 || o.all || o.tags) {
		return usagef("mstore push origin -d exp", "-d needs the remote, and the names to delete there")
	}
	return a.with(ctx, func(s *store.Store) error {
		res, err := s.Push(ctx, so)
		return a.reportExchange(res, "pushed", "would be pushed", err)
	})
}

// remoteArg is a remote's name, or a location that is made absolute.
func (a *app) remoteArg(arg string) string {
	if strings.ContainsAny(arg, `/\.`) {
		return a.location(arg)
	}
	return arg
}
