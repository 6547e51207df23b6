package main

import (
	"context"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const remoteLong = `A remote is another store, in a directory or a bucket, that versions are exchanged
with: 'mstore push', 'mstore fetch' and 'mstore pull' know it by a short name. Where
its branches were when they were last looked at are names such as origin/main, which
every command takes as a version.

Without arguments, and with 'list', the remotes are listed; -v tells locations, store
IDs and branches. The ID of the store is learnt when the remote is first reached; should
another store lie there later, nothing is exchanged with it (exit code 5). Remotes are
shared settings (remote.NAME.url, .id, .partial), for all who use this store; a
directory is stored by its absolute path. URLs hold no credentials: those come from the
environment.

remove forgets a remote, and where its branches were. What no other name reaches is
then kept only as long as the policy of 'mstore gc' says. A remote that promises content
which is not here (of a partial clone) is forgotten only with --force: that content is
lost then.

With --json: the list, or the remote, with name, url, id (empty before it was first
reached), partial (the filter; empty for none), mirror and branches (name, version, id);
of remove: removed and branches, how many.

Exit codes: 0 done; 2 wrong usage, or a name that is not allowed; 3 no store, or no
such remote; 5 refused: a name is taken; 130 interrupted.`

func newRemoteCommand(a *app) *cobra.Command {
	var verbose bool
	cmd := &cobra.Command{
		Use:   "remote [list | add NAME URL | remove NAME | rename OLD NEW | set-url NAME URL]",
		Short: "List, add, remove or rename other stores",
		Long:  remoteLong,
		Example: `  mstore remote add origin /srv/models
  mstore remote add backup 's3://models/team?region=eu-central-1'
  mstore remote -v
  mstore remote set-url origin /mnt/models
  mstore remote rename origin upstream
  mstore remote remove backup`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("'mstore remote --help' tells what there is", "unknown command %q of remote", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return runRemotes(cmd.Context(), a, verbose) },
	}
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "tell locations, store IDs and branches")
	a.jsonFlag(cmd, "print JSON")
	sub := func(use, short string, n int, run func(ctx context.Context, s *store.Store, args []string) (*store.Remote, string, error)) *cobra.Command {
		c := &cobra.Command{
			Use: use, Short: short, Long: short + ". 'mstore remote --help' tells all about remotes.\n\nExit codes: as of 'mstore remote'.",
			Example: "  mstore remote " + use,
			Args: func(_ *cobra.Command, args []string) error {
				if len(args) != n {
					return usagef("mstore remote "+use, "want %d arguments, not %d", n, len(args))
				}
				return nil
			},
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.with(cmd.Context(), func(s *store.Store) error {
					r, said, err := run(cmd.Context(), s, args)
					switch {
					case err != nil:
						return err
					case a.json:
						return writeJSON(a.out, newRemoteDoc(r))
					}
					a.say("%s", cleanLine(said))
					return nil
				})
			},
			ValidArgsFunction: a.completeRemote,
		}
		a.jsonFlag(c, "print JSON")
		return c
	}
	list := &cobra.Command{Use: "list", Short: "List remotes", Long: "List remotes. 'mstore remote --help' tells all about them.\n\nExit codes: as of 'mstore remote'.", Example: "  mstore remote list -v", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRemotes(cmd.Context(), a, verbose) }}
	list.Flags().BoolVarP(&verbose, "verbose", "v", false, "tell locations, store IDs and branches")
	a.jsonFlag(list, "print JSON")
	remove := sub("remove NAME", "Forget a remote, and where its branches were", 1, nil)
	remove.Aliases = []string{"rm"}
	var force bool
	remove.Flags().BoolVar(&force, "force", false, "also where content is lost by it that the remote promises")
	remove.RunE = func(cmd *cobra.Command, args []string) error {
		return runRemoteRemove(cmd.Context(), a, args[0], force)
	}
	cmd.AddCommand(list, remove,
		sub("add NAME URL", "Make another store known by a name", 2, func(ctx context.Context, s *store.Store, args []string) (*store.Remote, string, error) {
			r, err := s.AddRemote(ctx, args[0], a.location(args[1]))
			if err != nil {
				return nil, "", err
			}
			return r, "remote " + r.Name + " is " + r.URL, nil
		}),
		sub("rename OLD NEW", "Give a remote another name", 2, func(ctx context.Context, s *store.Store, args []string) (*store.Remote, string, error) {
			r, err := s.RenameRemote(ctx, args[0], args[1])
			return r, "remote " + args[0] + " is called " + args[1] + " now", err
		}),
		sub("set-url NAME URL", "Give a remote another location", 2, func(ctx context.Context, s *store.Store, args []string) (*store.Remote, string, error) {
			r, err := s.SetRemoteURL(ctx, args[0], a.location(args[1]))
			if err != nil {
				return nil, "", err
			}
			return r, "remote " + r.Name + " is " + r.URL, nil
		}))
	return cmd
}

// location makes a directory that the user named absolute.
func (a *app) location(arg string) string {
	if strings.Contains(arg, "://") || arg == "" {
		return arg
	}
	return absolute(a.cwd, arg)
}

func runRemotes(ctx context.Context, a *app, verbose bool) error {
	return a.with(ctx, func(s *store.Store) error {
		list, err := s.Remotes(ctx)
		if err != nil {
			return err
		}
		if a.json {
			docs := make([]*remoteDoc, len(list))
			for i := range list {
				docs[i] = newRemoteDoc(&list[i])
			}
			return writeJSON(a.out, docs)
		}
		table := columns{}
		for _, r := range list {
			row := []cell{{text: r.Name, look: a.style.branch}}
			if verbose {
				id := r.ID
				if len(id) > 10 {
					id = id[:10]
				}
				row = append(row, cell{text: cleanLine(r.URL)}, cell{text: id, look: a.style.dim}, cell{text: branchCount(len(r.Branches)) + partialText(&r)})
			}
			table.add(row...)
		}
		return table.write(a.out)
	})
}

func partialText(r *store.Remote) string {
	if r.Filter.All() {
		return ""
	}
	return ", partial: " + strings.ReplaceAll(r.Filter.String(), "\n", " ")
}

func runRemoteRemove(ctx context.Context, a *app, name string, force bool) error {
	return a.with(ctx, func(s *store.Store) error {
		if !force {
			if err := s.NeedsRemote(ctx, name); err != nil {
				return err
			}
		}
		n, err := s.RemoveRemote(ctx, name)
		if err != nil {
			return err
		}
		if a.json {
			return writeJSON(a.out, struct {
				Removed  string `json:"removed"`
				Branches int    `json:"branches"`
			}{name, n})
		}
		a.say("remote %s is forgotten", name)
		return nil
	})
}

type remoteDoc struct {
	Name     string            `json:"name"`
	URL      string            `json:"url"`
	ID       string            `json:"id"`
	Partial  string            `json:"partial"`
	Mirror   bool              `json:"mirror"`
	Branches []remoteBranchDoc `json:"branches"`
}

type remoteBranchDoc struct {
	Name string `json:"name"`
	refDoc
}

func newRemoteDoc(r *store.Remote) *remoteDoc {
	d := &remoteDoc{Name: r.Name, URL: r.URL, ID: r.ID, Partial: r.Filter.String(), Mirror: r.Mirror, Branches: []remoteBranchDoc{}}
	for _, n := range r.Branches {
		d.Branches = append(d.Branches, remoteBranchDoc{n.Name, *newRefDoc(n.Version)})
	}
	return d
}

// completeRemote completes the name of a remote.
func (a *app) completeRemote(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var out []cobra.Completion
	_ = a.with(cmd.Context(), func(s *store.Store) error {
		list, err := s.Remotes(cmd.Context())
		for _, r := range list {
			if strings.HasPrefix(r.Name, word) {
				out = append(out, r.Name)
			}
		}
		return err
	})
	return out, cobra.ShellCompDirectiveNoFileComp
}

func branchCount(n int) string {
	if n == 1 {
		return "1 branch"
	}
	return humanize.Comma(int64(n)) + " branches"
}
