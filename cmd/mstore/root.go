package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rootLong = `mstore keeps machine-learning models under version control: every version
complete, verified when it is read, and stored in little space.

  mstore init
  mstore commit model.json -m "first model" --metric loss=0.21
  mstore log
  mstore checkout v1

A version is named by v12, HEAD, a branch, tag or alias, an ID or its first four
or more digits, REV~N (N versions before), REV^2 (the second parent of a merge),
NAME@v12, NAME@{yesterday} or NAME@{1} (where the name pointed one move ago). REV:PATH names one model.

Exit codes:
  0    done
  1    damage, invalid input data or a failed check was found; storage that cannot be reached
  2    wrong usage
  3    no such store, version or model, or its content is expired
  4    something that was needed is damaged or lost
  5    refused because of a conflict
  130  interrupted`

// newRootCommand builds the whole command line.
func newRootCommand(a *app) *cobra.Command {
	var version bool
	stop := func() error { return nil }
	root := &cobra.Command{
		Use:           "mstore",
		Short:         "Git for machine-learning models",
		Long:          rootLong,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		PersistentPreRunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := a.start(); err != nil {
				return err
			}
			if err := refuseEmpty(cmd, args); err != nil {
				return err
			}
			if err := cmd.ValidateFlagGroups(); err != nil {
				return usagef("'mstore "+cmd.Name()+" --help' tells which go together", "%s", flagGroup(err))
			}
			stop, err = a.startProfiles()
			return err
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return runVersion(a, versionOptions{})
			}
			return cmd.Help()
		},
		PersistentPostRunE: func(*cobra.Command, []string) error { return stop() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(fmt.Sprintf("'%s --help' lists the flags", cmd.CommandPath()), "%s", err)
	})
	root.Flags().BoolVar(&version, "version", false, "print the version of mstore")

	f := root.PersistentFlags()
	f.StringVarP(&a.chdir, "chdir", "C", "", "run as if started in `DIR`")
	f.StringVar(&a.storeDir, "store", "", "the store is `DIR`, or the URL of a bucket, and the working directory the models' root (or MSTORE_DIR)")
	f.BoolVar(&a.noColor, "no-color", false, "no colours, even on a terminal (or NO_COLOR)")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no talk and no progress: only data, warnings and errors")
	f.StringVar(&a.cpuProfile, "cpuprofile", "", "write a CPU profile to `FILE`")
	f.StringVar(&a.memProfile, "memprofile", "", "write a heap profile to `FILE`")
	f.MarkHidden("cpuprofile")
	f.MarkHidden("memprofile")
	root.MarkPersistentFlagDirname("chdir")
	root.MarkPersistentFlagDirname("store")

	group := func(id, title string, cmds ...*cobra.Command) {
		root.AddGroup(&cobra.Group{ID: id, Title: title})
		for _, c := range cmds {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	group("work", "Save models and bring them back:",
		newInitCommand(a), newCommitCommand(a), newStatusCommand(a), newCheckoutCommand(a), newSwitchCommand(a), newMergeCommand(a), newCherryPickCommand(a), newRevertCommand(a), newWatchCommand(a), newImportCommand(a), newWrapCommand(a), newUnwrapCommand(a))
	group("look", "Look at history:",
		newLogCommand(a), newShowCommand(a), newDiffCommand(a), newLsCommand(a), newCatCommand(a), newPlotCommand(a), newReproduceCommand(a), newBestCommand(a), newFindCommand(a), newBisectCommand(a))
	group("good", "Good models only:",
		newValidateCommand(a), newAuditCommand(a), newKindCommand(a))
	group("names", "Name versions:",
		newBranchCommand(a), newTagCommand(a), newAliasCommand(a), newRollbackCommand(a), newReflogCommand(a))
	group("share", "Exchange versions with other stores:",
		newCloneCommand(a), newPullCommand(a), newPushCommand(a), newFetchCommand(a), newRemoteCommand(a), newBundleCommand(a))
	group("care", "Care for the store:",
		newFsckCommand(a), newDoctorCommand(a), newReplicateCommand(a), newRepackCommand(a), newGCCommand(a), newHoldCommand(a), newUnholdCommand(a), newExpireCommand(a), newUndeleteCommand(a), newStatsCommand(a), newConfigCommand(a), newReindexCommand(a))
	root.AddCommand(newVersionCommand(a))
	root.SetHelpCommand(newHelpCommand())
	return root
}

// flagGroup says shorter what cobra says of flags that exclude each other.
func flagGroup(err error) string {
	text := err.Error()
	if i, j := strings.LastIndex(text, "["), strings.LastIndex(text, "]"); i >= 0 && i < j && strings.Contains(text, "none of the others can be") {
		return "--" + strings.Join(strings.Fields(text[i+1:j]), " and --") + " exclude each other"
	}
	return text
}

// mayBeEmpty are the flags that can be given nothing.
var mayBeEmpty = map[string]bool{"message": true, "source": true}

// refuseEmpty refuses empty arguments and flags: most come from a variable that
// is not set, and none may take a guard away or name HEAD.
func refuseEmpty(cmd *cobra.Command, args []string) error {
	if cmd.Name() == cobra.ShellCompRequestCmd || cmd.Name() == cobra.ShellCompNoDescRequestCmd {
		return nil
	}
	for i, arg := range args {
		if arg == "" && !(cmd.Name() == "config" && i == 1) && !(cmd.Name() == "run" && i > 0) {
			return usagef("", "argument %d is empty", i+1)
		}
	}
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.Value.String() == "" && !mayBeEmpty[f.Name] {
			err = usagef("", "--%s is empty", f.Name)
		}
	})
	return err
}

// newHelpCommand is cobra's, but for a command that there is not.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 && about == cmd.Root() {
				return unknownCommand(cmd.Root(), args[0])
			}
			return about.Help()
		},
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	hint := "'mstore --help' lists the commands"
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef(hint, "unknown command %q", name)
}

// startProfiles begins what --cpuprofile and --memprofile ask for.
func (a *app) startProfiles() (stop func() error, err error) {
	var cpu *os.File
	if a.cpuProfile != "" {
		if cpu, err = os.Create(a.cpuProfile); err != nil {
			return nil, err
		}
		if err := pprof.StartCPUProfile(cpu); err != nil {
			return nil, err
		}
	}
	return func() error {
		if cpu != nil {
			pprof.StopCPUProfile()
			if err := cpu.Close(); err != nil {
				return err
			}
		}
		if a.memProfile == "" {
			return nil
		}
		f, err := os.Create(a.memProfile)
		if err != nil {
			return err
		}
		runtime.GC()
		if err := pprof.WriteHeapProfile(f); err != nil {
			return err
		}
		return f.Close()
	}, nil
}
