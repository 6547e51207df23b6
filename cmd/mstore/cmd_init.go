package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newInitCommand(a *app) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Make a store",
		Long: `Make a store, .mstore, in DIR or in the working directory; saying it again is
harmless. The directory that holds .mstore is the models' root.

Packs and the journal get parity of 3%, from which 'mstore fsck --repair' heals damage:
--parity changes how much, or leaves it out (the setting store.parity).

Exit codes: 0 there is a store now; 1 the directory cannot be written; 2 wrong
usage, or the store was written by a newer mstore; 130 interrupted.`,
		Example: `  mstore init
  mstore init models
  mstore init --parity 10
  mstore init --store /srv/models.mstore`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.dir = args[0]
			}
			return runInit(cmd.Context(), a, o)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	cmd.Flags().StringVar(&o.parity, "parity", "", "`PERCENT` of parity, or off")
	a.jsonFlag(cmd, "print JSON: created, store, root")
	return cmd
}

type initOptions struct{ dir, parity string }

func runInit(ctx context.Context, a *app, o initOptions) error {
	if err := store.CheckSetting("store.parity", o.parity); o.parity != "" && err != nil {
		return usagef("", "--parity: %s", err)
	}
	s, created, err := store.Init(ctx, absolute(a.cwd, o.dir), a.options())
	if err != nil {
		return err
	}
	defer s.Close()
	if o.parity != "" {
		if err := s.SetConfig(ctx, "store.parity", o.parity, false); err != nil {
			return err
		}
	}
	if a.json {
		return writeJSON(a.out, struct {
			Created bool   `json:"created"`
			Store   string `json:"store"`
			Root    string `json:"root"`
		}{created, s.Dir(), s.Root()})
	}
	if created {
		a.say("made an empty store in %s", cleanLine(s.Dir()))
	} else {
		a.say("there is a store in %s already", cleanLine(s.Dir()))
	}
	return nil
}
