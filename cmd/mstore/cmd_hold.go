package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newHoldCommand(a *app) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "hold [REV[:PATH]]",
		Short: "Exempt a version from every retention policy",
		Long: `Exempt a version, or one model of it, from every retention policy, until 'mstore
unhold'. Without REV list what is held.

With --json: a list of version, id, path, reason, time; for one that is made the one.

Exit codes: 0 done; 2 wrong usage; 3 no store, no such version or model; 5 the store
is read-only; 130 interrupted.`,
		Example: `  mstore hold v12 --reason 'figure 3 of the paper'
  mstore hold v12:model.json
  mstore hold`,
		Args:              cobra.MaximumNArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return runHold(cmd.Context(), a, first(args), reason) },
		ValidArgsFunction: a.completeRev(false),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for others to read: `TEXT`")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

func newUnholdCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "unhold REV[:PATH]",
		Short: "Take a hold back",
		Long: `Take a hold back: the retention policy decides about the version, or the model,
again.

Exit codes: 0 done; 2 wrong usage; 3 no store, no such version, or it is not held; 5
the store is read-only; 130 interrupted.`,
		Example:           `  mstore unhold v12`,
		Args:              cobra.ExactArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return runUnhold(cmd.Context(), a, args[0]) },
		ValidArgsFunction: a.completeRev(false),
	}
}

type holdDoc struct {
	Version string `json:"version"`
	ID      string `json:"id"`
	Path    string `json:"path"`
	Reason  string `json:"reason"`
	Time    string `json:"time,omitempty"`
}

func runHold(ctx context.Context, a *app, arg, reason string) error {
	return a.with(ctx, func(s *store.Store) error {
		if arg == "" {
			return a.listHolds(ctx, s)
		}
		rev, path, err := a.revMaybePath(s, arg)
		if err != nil {
			return err
		}
		v, err := s.Hold(ctx, rev, path, reason)
		if err != nil {
			return err
		}
		if a.json {
			return writeJSON(a.out, holdDoc{Version: v.Name, ID: v.ID.String(), Path: path, Reason: reason, Time: a.now().UTC().Format(time.RFC3339)})
		}
		a.say("%s is held", named(v, path))
		return nil
	})
}

func (a *app) listHolds(ctx context.Context, s *store.Store) error {
	holds, err := s.Holds(ctx)
	if err != nil {
		return err
	}
	docs := make([]holdDoc, len(holds))
	table := columns{}
	for i, h := range holds {
		docs[i] = holdDoc{h.Version.Name, h.Version.ID.String(), h.Path, h.Reason, h.Time.UTC().Format(time.RFC3339)}
		table.add(cell{text: h.Version.Name, look: a.style.version}, cell{text: h.Version.ID.Short()}, cell{text: cleanLine(h.Path)},
			cell{text: ago(h.Time, a.now()), look: a.style.dim}, cell{text: cleanLine(h.Reason)})
	}
	if a.json {
		return writeJSON(a.out, docs)
	}
	table.write(a.out)
	return a.out.failed()
}

func runUnhold(ctx context.Context, a *app, arg string) error {
	return a.with(ctx, func(s *store.Store) error {
		rev, path, err := a.revMaybePath(s, arg)
		if err != nil {
			return err
		}
		v, err := s.Unhold(ctx, rev, path)
		if err == nil {
			a.say("%s is not held any more", named(v, path))
		}
		return err
	})
}

// revMaybePath reads REV or REV:PATH.
func (a *app) revMaybePath(s *store.Store, arg string) (rev, path string, err error) {
	if _, _, ok := splitRevPath(arg); ok {
		return a.revPath(s, arg)
	}
	return arg, "", nil
}

func named(v *store.Version, path string) string {
	name := fmt.Sprintf("%s %s", v.Name, v.ID.Short())
	if path != "" {
		name = v.Name + ":" + cleanLine(path)
	}
	return name
}
