package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

// mergeOptions are what merge, cherry-pick and revert have in common, and what is
// merge's alone.
type mergeOptions struct {
	revs            []string
	message         string
	author, date    string
	params, metrics []string
	ours, theirs    []string
	validate        string
	noHooks, dryRun bool
	mainline        int

	noFF, ffOnly, unrelated bool
}

// mergeFlags gives a command the flags that the three share.
func (a *app) mergeFlags(cmd *cobra.Command, o *mergeOptions) {
	f := cmd.Flags()
	f.StringVarP(&o.message, "message", "m", "", "the message of the version")
	f.StringVar(&o.author, "author", "", "who made it (else the setting user.name, else user@host)")
	f.StringVar(&o.date, "date", "", "when it was made, as of 'mstore commit'")
	f.StringArrayVar(&o.params, "param", nil, "a parameter, `KEY=VALUE`; may be repeated")
	f.StringArrayVar(&o.metrics, "metric", nil, "a metric, `KEY=VALUE`; may be repeated")
	f.StringArrayVar(&o.ours, "ours", nil, "in conflicts take what the current branch has, of all models or of those that match `GLOB`")
	f.StringArrayVar(&o.theirs, "theirs", nil, "in conflicts take what comes in, of all models or of those that match `GLOB`")
	f.Lookup("ours").NoOptDefVal, f.Lookup("theirs").NoOptDefVal = "**", "**"
	f.StringVar(&o.validate, "validate", "", "check the models: `off|warn|strict`; else by the settings")
	f.BoolVar(&o.noHooks, "no-hooks", false, "do not run .mstore/hooks")
	f.BoolVar(&o.dryRun, "dry-run", false, "change nothing; tell what would be done")
	a.jsonFlag(cmd, "print JSON")
	cmd.RegisterFlagCompletionFunc("validate", cobra.FixedCompletions([]cobra.Completion{"off", "warn", "strict"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.ValidArgsFunction = a.completeRev(false)
}

// options are those of the store; Before is the hook's.
func (o *mergeOptions) options(a *app, h *hooks) (so store.MergeOptions, err error) {
	c := &so.Commit
	if c.Params, err = parseValues("--param", o.params); err != nil {
		return so, err
	}
	if c.Metrics, err = a.metricValues(o.metrics); err != nil {
		return so, err
	}
	if c.Time, err = (&commitOptions{date: o.date}).time(a.getenv); err != nil {
		return so, err
	}
	c.Message, c.Author, c.Validate, c.Before = o.message, o.author, o.validate, h.before
	so.Ours, so.Theirs, so.DryRun, so.Mainline = o.ours, o.theirs, o.dryRun, o.mainline
	so.NoFastForward, so.FastForwardOnly, so.AllowUnrelated = o.noFF, o.ffOnly, o.unrelated
	return so, nil
}

// finish does what follows a version that a merge has made.
func (a *app) finish(ctx context.Context, s *store.Store, h *hooks, res *store.MergeResult) {
	if res == nil || res.Commit == nil {
		return
	}
	if res.Commit.GCPays {
		a.gcInBackground(s)
	}
	h.after(ctx, res.Commit)
}
