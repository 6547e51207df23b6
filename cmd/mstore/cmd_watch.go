package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/internal/watch"
	"github.com/mstore/mstore/store"
)

const watchLong = `Watch files and directories, and save what changes as new versions, until SIGINT or
SIGTERM. A training saves its checkpoints as it always did, and each becomes a version.

A file is saved when nothing has happened to it for the settle time, no other process
has it open for writing (told on Linux), and it is complete: JSON is well-formed, the
structure of safetensors, GGUF, ONNX, .npy and .npz is all there, it is not empty. One that
stays incomplete is warned of once, and saved when it has become complete; --incomplete
saves it as it is. A file that is never so long at rest is looked at after ten settle
times, and saved if its structure says that it is complete. Files replaced by rename,
deleted and made again, and directories that come, go or move are followed. What is
deleted stays in the newest version: 'mstore commit' records removals.

Of directories all files below them are watched, but for what .mstoreignore names, links,
hidden files, and names of unfinished ones, such as model.json.tmp. What is not saved when
it starts is saved first. With --every there is at most one version in that span, with
what the files hold when it ends. When it is stopped it saves what is complete, whatever
the span, after waiting for the settle time, 5 s at the most.

A full disk, a lock or a store that cannot be reached is said once, and tried again with
growing pauses, up to a minute. Where the system cannot tell of changes, as in many network
file systems, --poll looks at everything that often; without it that is done every minute
all the same, and every 2 s where the system refuses to tell.

Parameters and metrics of a wrapper, validation, hooks and settings are as with 'mstore
commit'. Standard output has one line for each version: v12, its models, their size.

With --json one document per version and line, as 'mstore commit --json' prints it.

Exit codes: 0 stopped by a signal, or with --once after the first version; 1 the last
save failed; 2 wrong usage; 3 there is no store, or it has gone; 4 something that was
needed in the store is damaged, in the last save; 5 the last save was refused.`

func newWatchCommand(a *app) *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use:   "watch PATH...",
		Short: "Save models whenever a training has written them",
		Long:  watchLong,
		Example: `  mstore watch model.json
  mstore watch checkpoints/ --include '*.safetensors' --every 10m -m "run 7"
  mstore watch --once out/model.json && ./deploy.sh
  mstore watch runs/ --json | jq -r .version`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = args
			return runWatch(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&o.settle, "settle", 2*time.Second, "how long a file must be at rest")
	f.DurationVar(&o.every, "every", 0, "at most one version in this span")
	f.DurationVar(&o.poll, "poll", 0, "look at everything that often, instead of being told of changes")
	f.StringArrayVar(&o.include, "include", nil, "only files that match `GLOB`, by name or by path; may be repeated")
	f.BoolVar(&o.once, "once", false, "stop after the first version")
	f.BoolVar(&o.noInitial, "no-initial", false, "leave what is not saved at the start, until it changes")
	f.BoolVar(&o.incomplete, "incomplete", false, "save also what is not complete, once it is at rest")
	f.StringVarP(&o.message, "message", "m", "saved by watch", "the message of the versions")
	f.StringArrayVar(&o.params, "param", nil, "a parameter, `KEY=VALUE`; may be repeated")
	f.StringArrayVar(&o.metrics, "metric", nil, "a metric, `KEY=VALUE`; may be repeated")
	f.StringVar(&o.source, "source", "", "what the models are made from: a commit, a run, a data set")
	f.BoolVar(&o.fast, "fast", false, "take the least time, and far more space until the next repack")
	f.StringVar(&o.validate, "validate", "", "check the models: `off|warn|strict`; else by the settings")
	f.BoolVar(&o.noHooks, "no-hooks", false, "do not run .mstore/hooks")
	a.jsonFlag(cmd, "print one JSON document per version and line")
	cmd.RegisterFlagCompletionFunc("validate", cobra.FixedCompletions([]cobra.Completion{"off", "warn", "strict"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

type watchOptions struct {
	paths, include              []string
	settle, every, poll         time.Duration
	once, noInitial, incomplete bool
	message                     string
	params, metrics             []string
	source, validate            string
	fast, noHooks               bool
}

const (
	minPoll     = 50 * time.Millisecond
	defaultPoll = 2 * time.Second
	// watchScan is how often everything is looked at though the system tells of changes.
	watchScan = time.Minute
)

func (o *watchOptions) check() error {
	if len(o.paths) == 0 {
		return usagef("mstore watch model.json", "watch what?")
	}
	if o.settle < 0 || o.every < 0 {
		return usagef("", "--settle and --every want a time that is not below 0")
	}
	if o.poll != 0 && o.poll < minPoll {
		return usagef("", "--poll %v: want %v at least", o.poll, minPoll)
	}
	for _, glob := range o.include {
		if err := store.CheckGlob(glob); err != nil {
			return usagef("--include '*.safetensors'", "--include: %s", err)
		}
	}
	c := commitOptions{paths: o.paths, validate: o.validate}
	return c.check()
}

func runWatch(ctx context.Context, a *app, o watchOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	p := &watchPlace{a: a, o: o, warned: map[string]bool{}}
	var err error
	if p.params, err = parseValues("--param", o.params); err != nil {
		return err
	}
	if p.metrics, err = a.metricValues(o.metrics); err != nil {
		return err
	}
	if err := a.with(ctx, p.settle); err != nil {
		return err
	}
	wo := watch.Options{Settle: o.settle, Every: o.every, Scan: watchScan, Poll: defaultPoll, Initial: !o.noInitial,
		Incomplete: o.incomplete, Once: o.once, Reread: store.IgnoreFile, Say: a.warn}
	var source watch.Source
	if o.poll > 0 {
		wo.Poll = o.poll
	} else if n, err := watch.NewNotifier(p.root); err != nil {
		a.warn(fmt.Sprintf("%v; everything is looked at every %v instead", err, wo.Poll))
	} else {
		defer n.Close()
		source = n
	}
	a.say("watching %s", cleanLine(strings.Join(o.paths, ", ")))
	return watch.New(p, source, wo).Run(ctx, a.now)
}

// settle finds out what the paths are.
func (p *watchPlace) settle(s *store.Store) error {
	p.root = s.Root()
	rels, err := p.a.rels(s, p.o.paths)
	if err != nil {
		return err
	}
	for i, rel := range rels {
		if rel == store.DirName || strings.HasPrefix(rel, store.DirName+"/") {
			return usagef("", "%s: mstore's own directory is not watched", p.o.paths[i])
		}
		fi, err := os.Lstat(p.abs(rel))
		switch {
		case errors.Is(err, os.ErrNotExist):
			p.a.say("%s is not there yet", cleanLine(p.o.paths[i]))
		case err != nil:
			return err
		case !fi.IsDir() && !fi.Mode().IsRegular():
			return usagef("", "%s is neither a file nor a directory; only these are watched", p.o.paths[i])
		}
	}
	p.named = rels
	return nil
}
