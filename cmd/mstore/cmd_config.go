package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newConfigCommand(a *app) *cobra.Command {
	var o configOptions
	cmd := &cobra.Command{
		Use:   "config [KEY [VALUE]]",
		Short: "Show and change settings",
		Long: `Without arguments list the settings, with KEY print one, with VALUE set it.
Settings belong to the store and all who use it, or, with --local, to this working
directory alone, where they win.

With --json: the list as shared and local; one setting as key, value, local.

Exit codes: 0 done; 2 wrong usage or a value that is not allowed; 3 no store or no
such setting; 5 the store is read-only; 130 interrupted.`,
		Example: `  mstore config
  mstore config user.name "Ada Lovelace" --local
  mstore config user.name
  mstore config --unset user.name --local`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return runConfig(cmd.Context(), a, o)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&o.local, "local", false, "the settings of this working directory")
	cmd.Flags().BoolVar(&o.unset, "unset", false, "take a setting away")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

type configOptions struct {
	args         []string
	local, unset bool
}

// settingDoc is one setting in JSON.
type settingDoc struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Local bool   `json:"local"`
}

func runConfig(ctx context.Context, a *app, o configOptions) error {
	if o.unset && len(o.args) != 1 {
		return usagef("mstore config --unset user.name", "--unset takes one KEY")
	}
	return a.with(ctx, func(s *store.Store) error {
		if o.unset {
			return s.UnsetConfig(ctx, o.args[0], o.local)
		}
		if len(o.args) == 2 {
			if err := s.SetConfig(ctx, o.args[0], o.args[1], o.local); err != nil || !a.json {
				return err
			}
			return writeJSON(a.out, settingDoc{o.args[0], o.args[1], o.local})
		}
		shared, local, err := s.Config(ctx)
		if err != nil {
			return err
		}
		if o.local {
			shared = nil
		}
		if len(o.args) == 0 {
			return a.printConfig(shared, local)
		}
		key := o.args[0]
		value, isLocal := local[key]
		if !isLocal {
			var ok bool
			if value, ok = shared[key]; !ok {
				return fmt.Errorf("setting %q: %w", key, store.ErrNotFound)
			}
		}
		if a.json {
			return writeJSON(a.out, settingDoc{key, value, isLocal})
		}
		fmt.Fprintln(a.out, value)
		return a.out.failed()
	})
}

func (a *app) printConfig(shared, local map[string]string) error {
	if a.json {
		empty := map[string]string{}
		doc := struct {
			Shared map[string]string `json:"shared"`
			Local  map[string]string `json:"local"`
		}{empty, empty}
		if shared != nil {
			doc.Shared = shared
		}
		if local != nil {
			doc.Local = local
		}
		return writeJSON(a.out, doc)
	}
	for _, k := range slices.Sorted(maps.Keys(shared)) {
		if _, hidden := local[k]; !hidden {
			fmt.Fprintf(a.out, "%s = %s\n", cleanLine(k), cleanLine(shared[k]))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(local)) {
		fmt.Fprintf(a.out, "%s = %s %s\n", cleanLine(k), cleanLine(local[k]), a.style.dim.Sprint("(local)"))
	}
	return a.out.failed()
}
