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

With --storage the store lies elsewhere, in a bucket or in another directory, and is made
there unless there is one: everybody who names the same place shares it. DIR remembers the
place in .mstore/storage; which branch is current, and copies of what was read, stay in
DIR. The URL of a bucket is s3://BUCKET/PREFIX, with parameters where they are needed:
endpoint=URL (several, with commas: the next is asked when one does not answer), region=NAME,
use_path_style=true. Credentials never stand in it: they come from the environment
(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), a profile (AWS_PROFILE) or the machine's role.
A bucket in which two writers could overwrite each other is refused.

Packs and the journal get parity of 3%, from which 'mstore fsck --repair' heals damage:
--parity changes how much, or leaves it out (the setting store.parity). A new store in a
bucket gets none unless it is asked for: engines keep copies of their own.

Exit codes: 0 there is a store now; 1 the place cannot be written or reached, the
credentials are refused, or a store would not be safe there; 2 wrong usage, or the store was
written by a newer mstore; 3 no such bucket; 5 DIR has another store already; 130
interrupted.`,
		Example: `  mstore init
  mstore init models
  mstore init --parity 10
  mstore init --storage 's3://team-models/music?region=eu-central-1'
  mstore init --storage 's3://models/music?endpoint=http://gateway:8000&region=us-east-1&use_path_style=true'
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
	cmd.Flags().StringVar(&o.storage, "storage", "", "the store lies at `URL`, or in another directory")
	cmd.Flags().StringVar(&o.parity, "parity", "", "`PERCENT` of parity, or off")
	a.jsonFlag(cmd, "print JSON: created, store, root")
	return cmd
}

type initOptions struct{ dir, parity, storage string }

func runInit(ctx context.Context, a *app, o initOptions) error {
	if err := store.CheckSetting("store.parity", o.parity); o.parity != "" && err != nil {
		return usagef("", "--parity: %s", err)
	}
	so := a.options()
	if o.storage != "" {
		if a.storeFlag {
			return usagef("'mstore init --help' tells how they differ", "--store and --storage exclude each other")
		}
		so.StoreDir, so.Storage = "", a.location(o.storage)
	}
	s, created, err := store.Init(ctx, absolute(a.cwd, o.dir), so)
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
		}{created, s.Location(), s.Root()})
	}
	where := cleanLine(store.LocationName(s.Location()))
	switch {
	case created:
		a.say("made an empty store in %s", where)
	case o.storage != "":
		a.say("%s is attached to the store in %s", cleanLine(s.Root()), where)
	default:
		a.say("there is a store in %s already", where)
	}
	return nil
}
