package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const bundleLong = `A bundle is a small store in one file, for machines without a network between them: make
it here, carry it there, and apply it there. Every command that takes the location of
another store takes a bundle too: 'mstore clone FILE', 'mstore fetch FILE main'.

create writes FILE with the versions that lead to REV: branches, tags, aliases or other
versions (which arrive as the branch that they are on); without REV all branches and
tags. ^REV, the range A..B, and --since leave out what the other side has: content only,
records and lists of models always travel. Such a bundle can only be applied where the
version that it needs is. FILE appears when it is whole; a bundle of that name is
replaced, any other file is not.

apply takes over what is in FILE, as fetch does: all of it is decoded and hashed again;
branches arrive as bundle/main, or below the name that --as gives, and 'mstore merge
bundle/main' brings them together with one's own; tags arrive as tags. --ff also moves
branches of the same name, where that loses nothing, with the models on disk. Saying it
again is harmless, and goes on where an interrupted one was.

verify reads all of FILE and tells whether anything is damaged or missing; list tells
what is in it and which versions it needs. Neither needs a store.

With --json: create and list: file, bytes, made, refs (kind, name, version, id), needs
(version, id); apply: file, dry_run, refs (kind, from, to, old, new, result: new,
fast-forward, forced, up-to-date or rejected; reason), versions, bytes, expired; verify:
ok, file, bytes, objects, left_out, problems (as of fsck), needs.

Exit codes: 0 done; 1 FILE cannot be read or written, content that is promised cannot be
fetched, or verify found problems; 2 wrong usage, or a newer format; 3 no store, no such
file or version, nothing to put in, no bundle, or the version that it needs is not here;
4 the bundle is damaged or not complete; 5 refused: FILE is no bundle and would be
overwritten, a tag or branch cannot move; 130 interrupted.`

func newBundleCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle create|apply|verify|list FILE",
		Short: "Carry versions in a file",
		Long:  bundleLong,
		Example: `  mstore bundle create /media/usb/models.bundle
  mstore bundle create models.bundle main ^v10
  mstore bundle create models.bundle v10..main
  mstore bundle create week.bundle --since 7d
  mstore bundle verify models.bundle
  mstore bundle apply models.bundle --ff
  mstore clone models.bundle models`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("'mstore bundle --help' tells what there is", "unknown command %q of bundle", args[0])
			}
			return usagef("'mstore bundle --help' tells what there is", "bundle create, apply, verify or list?")
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBundleCreateCommand(a), newBundleApplyCommand(a), newBundleVerifyCommand(a), newBundleListCommand(a))
	return cmd
}

const bundleMore = ". 'mstore bundle --help' tells all about bundles.\n\nExit codes: as of 'mstore bundle'."

// bundleArgs demands a file, and nothing after it unless more is allowed.
func bundleArgs(what string, more bool) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 || len(args) > 1 && !more {
			return usagef("mstore bundle "+what+" FILE", "want a file")
		}
		return nil
	}
}

func newBundleCreateCommand(a *app) *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use: "create FILE [REV...]", Short: "Write versions into a file", Long: "Write versions into a file" + bundleMore,
		Example: `  mstore bundle create models.bundle
  mstore bundle create models.bundle main ^v10`,
		Args: bundleArgs("create", true),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := store.BundleOptions{File: a.location(args[0]), Revs: args[1:]}
			var err error
			if since != "" {
				if o.Since, err = parseSince(since, a.now()); err != nil {
					return err
				}
			}
			return a.with(cmd.Context(), func(s *store.Store) error {
				b, err := s.BundleCreate(cmd.Context(), o)
				if err != nil {
					return err
				}
				if a.json {
					return writeJSON(a.out, newBundleDoc(b))
				}
				a.say("%s: %s, %s", cleanLine(args[0]), humanBytes(b.Size), plural(b.Versions, "version"))
				for _, n := range b.Needs {
					a.say("it leaves out what %s %s has: it can be applied where that is", n.Version, n.ID.Short())
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "leave out content of versions before `TIME`")
	a.jsonFlag(cmd, "print JSON: file, bytes, made, refs, needs")
	return cmd
}

func newBundleApplyCommand(a *app) *cobra.Command {
	var o store.BundleApplyOptions
	cmd := &cobra.Command{
		Use: "apply FILE", Short: "Take over what is in a bundle", Long: "Take over what is in a bundle" + bundleMore,
		Example: `  mstore bundle apply models.bundle
  mstore bundle apply models.bundle --ff
  mstore bundle apply models.bundle --as laptop --dry-run`,
		Args: bundleArgs("apply", false),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.File = a.location(args[0])
			return a.with(cmd.Context(), func(s *store.Store) error {
				res, err := s.BundleApply(cmd.Context(), o)
				return a.reportBundle(res, err)
			})
		},
	}
	cmd.Flags().StringVar(&o.As, "as", store.DefaultBundle, "branches arrive below `NAME`: as NAME/main")
	cmd.Flags().BoolVar(&o.FastForward, "ff", false, "move branches of the same name too, where that loses nothing")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "change nothing; tell what would be done")
	a.jsonFlag(cmd, "print JSON: what became of each name, and what was copied")
	return cmd
}

func (a *app) reportBundle(res *store.BundleApplied, err error) error {
	if res == nil {
		return err
	}
	if a.json {
		doc := bundleAppliedDoc{File: res.File, DryRun: res.DryRun, Versions: res.Versions, Bytes: res.Bytes, Expired: res.Expired, Refs: []bundleUpdateDoc{}}
		for _, u := range res.Refs {
			doc.Refs = append(doc.Refs, bundleUpdateDoc{u.Kind.String(), u.From, u.To, u.Old, u.New, u.Outcome, u.Reason})
		}
		if werr := writeJSON(a.out, doc); werr != nil {
			return werr
		}
		return err
	}
	table := columns{}
	for _, u := range res.Refs {
		row := []cell{{text: u.Kind.String(), look: a.style.dim}, {text: cleanLine(u.To)}, {text: u.New, look: a.style.version}, {text: u.Outcome}}
		if u.Reason != "" {
			row = append(row, cell{text: cleanLine(u.Reason), look: a.style.warn})
		}
		table.add(row...)
	}
	a.progress.close()
	if werr := table.write(a.out); werr != nil {
		return werr
	}
	if res.DryRun {
		a.say("%s would be taken over", plural(res.Versions, "version"))
	} else {
		a.say("%s taken over, %s stored", plural(res.Versions, "version"), humanBytes(res.Bytes))
	}
	return err
}

func newBundleVerifyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Prove that a bundle is intact", Long: "Prove that a bundle is intact" + bundleMore,
		Example: "  mstore bundle verify models.bundle",
		Args:    bundleArgs("verify", false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verifyBundle(cmd.Context(), a.location(args[0]))
		},
	}
	a.jsonFlag(cmd, "print the report as JSON")
	return cmd
}

func (a *app) verifyBundle(ctx context.Context, file string) error {
	start := time.Now()
	b, rep, err := store.BundleVerify(ctx, file, store.Options{Progress: a.progress.update})
	if err != nil {
		return err
	}
	if a.json {
		f := newFsckDoc(rep)
		err = writeJSON(a.out, bundleVerifyDoc{OK: rep.OK, File: b.File, Bytes: b.Size, Objects: rep.Objects, LeftOut: rep.Promised, Problems: f.Problems, Needs: newBundleDoc(b).Needs})
	} else {
		leftOut := rep.Promised
		rep.Promised = 0
		err = a.printFsck(rep, time.Since(start))
		for _, n := range b.Needs {
			fmt.Fprintf(a.out, "needs %s %s, and leaves out %s\n", n.Version, n.ID, plural(leftOut, "content"))
		}
	}
	if err == nil && !rep.OK {
		err = reportedError{exitFailed}
	}
	return err
}

func newBundleListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list FILE", Short: "Tell what is in a bundle", Long: "Tell what is in a bundle" + bundleMore,
		Example: "  mstore bundle list models.bundle",
		Args:    bundleArgs("list", false),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := store.BundleList(cmd.Context(), a.location(args[0]))
			if err != nil {
				return err
			}
			if a.json {
				return writeJSON(a.out, newBundleDoc(b))
			}
			table := columns{}
			for _, r := range b.Refs {
				table.add(cell{text: r.Kind.String(), look: a.style.dim}, cell{text: cleanLine(r.Name)}, cell{text: r.Version, look: a.style.version}, cell{text: r.ID.Short(), look: a.style.dim})
			}
			for _, r := range b.Needs {
				table.add(cell{text: "needs", look: a.style.warn}, cell{}, cell{text: r.Version, look: a.style.version}, cell{text: r.ID.Short(), look: a.style.dim})
			}
			return table.write(a.out)
		},
	}
	a.jsonFlag(cmd, "print JSON: file, bytes, made, refs, needs")
	return cmd
}

// bundleDoc is in JSON what is in a bundle.
type bundleDoc struct {
	File  string          `json:"file"`
	Bytes int64           `json:"bytes"`
	Made  string          `json:"made"`
	Refs  []bundleRefDoc  `json:"refs"`
	Needs []bundleNeedDoc `json:"needs"`
}

type bundleRefDoc struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Version string `json:"version"`
	ID      string `json:"id"`
}

type bundleNeedDoc struct {
	Version string `json:"version"`
	ID      string `json:"id"`
}

func newBundleDoc(b *store.Bundle) *bundleDoc {
	d := &bundleDoc{File: b.File, Bytes: b.Size, Made: b.Made.UTC().Format(time.RFC3339), Refs: []bundleRefDoc{}, Needs: []bundleNeedDoc{}}
	for _, r := range b.Refs {
		d.Refs = append(d.Refs, bundleRefDoc{r.Kind.String(), r.Name, r.Version, r.ID.String()})
	}
	for _, r := range b.Needs {
		d.Needs = append(d.Needs, bundleNeedDoc{r.Version, r.ID.String()})
	}
	return d
}

type bundleAppliedDoc struct {
	File     string            `json:"file"`
	DryRun   bool              `json:"dry_run"`
	Refs     []bundleUpdateDoc `json:"refs"`
	Versions int               `json:"versions"`
	Bytes    int64             `json:"bytes"`
	Expired  int               `json:"expired"`
}

type bundleUpdateDoc struct {
	Kind   string `json:"kind"`
	From   string `json:"from"`
	To     string `json:"to"`
	Old    string `json:"old"`
	New    string `json:"new"`
	Result string `json:"result"`
	Reason string `json:"reason,omitempty"`
}

type bundleVerifyDoc struct {
	OK       bool            `json:"ok"`
	File     string          `json:"file"`
	Bytes    int64           `json:"bytes"`
	Objects  int64           `json:"objects"`
	LeftOut  int             `json:"left_out"`
	Problems []problemDoc    `json:"problems"`
	Needs    []bundleNeedDoc `json:"needs"`
}
