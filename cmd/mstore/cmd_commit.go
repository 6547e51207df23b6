package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

const commitLong = `Save files and directories as one new version. Directories are walked; what a
.mstoreignore names (as a .gitignore would) is left out, and so are symlinks. A
path under version control that is gone is recorded as removed. What others have
saved to the same branch and was never brought here is left as they saved it,
unless the file itself is named. If nothing changed there is no new version, and
the exit code is 0.

A value of --param or --metric that JSON would take for a number is a number,
true and false are truth values, and the rest is text.

Models are validated: whether they are well-formed, and what their kind demands
('mstore kind list'). What is found is kept with the version and warned about.
--validate=strict, or the settings commit.validate and validate.GLOB, refuse a
model with findings: exit code 1, and what was to be saved is kept off the
branches, below quarantine/. --validate=off does not look.

Every version tells how it came to be: the git commit around it, host, user (the
settings meta.git and meta.system switch that off), size, time and hash of a
--source that is a file; what --meta FILE says (JSON, YAML or TOML: params,
metrics, source, message, env, and anything else); the training's environment
from --env FILE; what the model says itself, in a wrapper {"metadata":…,
"data":…} or at the paths that the settings meta.params.NAME and
meta.metrics.NAME give. Flags win over --meta, and that over the model.

.mstore/hooks/pre-commit is run with the version as JSON on its standard input,
and may refuse it by its exit code; post-commit is run afterwards. Each has 30 s
(the setting hooks.timeout). --no-hooks leaves them out.

With --json: version, id, branch, parents, time, author, message, source, params,
metrics, meta, quality (errors, warnings, notes), models (path, id, size, kind,
status: added, changed, unchanged, removed), created (false when nothing changed;
version and id are then HEAD's).

Exit codes: 0 saved, or nothing changed; 1 an input cannot be read or is not
valid, or a hook refused; 2 wrong usage, or a path that cannot be saved; 3 no store, or no such
file; 4 something that was needed in the store is damaged; 5 refused: --expect
names another version than the branch's newest, names collide, a file changed
while it was read, or the store is read-only; 130 interrupted.`

func newCommitCommand(a *app) *cobra.Command {
	var o commitOptions
	cmd := &cobra.Command{
		Use:   "commit PATH... [-m MSG]",
		Short: "Save models as a new version",
		Long:  commitLong,
		Example: `  mstore commit model.json -m "more layers" --metric loss=0.21 --param lr=3e-4
  mstore commit checkpoints/
  mstore commit -a -m nightly
  train | mstore commit --stdin --as model.json
  mstore commit model.json --meta run.yaml --env env.json --source train.py
  mstore commit models --validate=strict
  mstore commit model.json --expect v12`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = args
			return runCommit(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.message, "message", "m", "", "what changed and why")
	f.StringArrayVar(&o.params, "param", nil, "a parameter, `KEY=VALUE`; may be repeated")
	f.StringArrayVar(&o.metrics, "metric", nil, "a metric, `KEY=VALUE`; may be repeated")
	f.StringVar(&o.source, "source", "", "what the models were made from: a commit, a run, a data set")
	f.BoolVarP(&o.all, "all", "a", false, "every model under version control that changed")
	f.BoolVar(&o.stdin, "stdin", false, "read one model from standard input; needs --as")
	f.StringVar(&o.as, "as", "", "the `PATH` that --stdin is saved as")
	f.BoolVar(&o.allowEmpty, "allow-empty", false, "make a version even if nothing changed")
	f.StringVar(&o.author, "author", "", "who made it (else the setting user.name, else user@host)")
	f.StringVar(&o.date, "date", "", "when it was made: RFC 3339, a date, or seconds since 1970 (or SOURCE_DATE_EPOCH)")
	f.StringVar(&o.expect, "expect", "", "refuse (exit 5) unless the branch's newest version is `REV`")
	f.BoolVar(&o.fast, "fast", false, "take the least time, and far more space until the next repack")
	f.StringVar(&o.validate, "validate", "", "check the models: `off|warn|strict` (strict refuses on warnings too); else by the settings")
	f.StringVar(&o.meta, "meta", "", "what is to be said of the version, from `FILE` (JSON, YAML or TOML)")
	f.StringVar(&o.env, "env", "", "the training's environment, from `FILE` (JSON, YAML or TOML)")
	f.BoolVar(&o.noHooks, "no-hooks", false, "do not run .mstore/hooks")
	a.jsonFlag(cmd, "print the version as JSON")
	cmd.RegisterFlagCompletionFunc("validate", cobra.FixedCompletions([]cobra.Completion{"off", "warn", "strict"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("expect", a.completeRev(false))
	return cmd
}

type commitOptions struct {
	paths                 []string
	all, stdin            bool
	as                    string
	message, author, date string
	params, metrics       []string
	source                string
	allowEmpty, fast      bool
	expect, validate      string
	meta, env             string // files
	noHooks               bool
}

// check finds what is wrong with the options without asking the store.
func (o *commitOptions) check() error {
	switch {
	case o.stdin && o.as == "":
		return usagef("mstore commit --stdin --as model.json", "--stdin needs --as PATH")
	case o.as != "" && !o.stdin:
		return usagef("mstore commit --stdin --as "+shellQuote(o.as), "--as goes with --stdin")
	case o.stdin && (o.all || len(o.paths) > 0):
		return usagef("", "--stdin saves one model: it goes neither with paths nor with -a")
	case o.all && len(o.paths) > 0:
		return usagef("", "-a saves every model that changed: it goes without paths")
	case len(o.paths) == 0 && !o.all && !o.stdin && !o.allowEmpty:
		return usagef("'mstore commit model.json' saves a model, 'mstore commit -a' all that changed", "commit what?")
	}
	switch o.validate {
	case "", "off", "warn", "strict":
		return nil
	}
	return usagef("", "--validate %q: want off, warn or strict", o.validate)
}

// time is --date, else SOURCE_DATE_EPOCH, else zero.
func (o *commitOptions) time(getenv func(string) string) (time.Time, error) {
	date := o.date
	if date == "" {
		date = getenv("SOURCE_DATE_EPOCH")
	}
	if date == "" {
		return time.Time{}, nil
	}
	return parseDate(date)
}

func runCommit(ctx context.Context, a *app, o commitOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	params, err := parseValues("--param", o.params)
	if err != nil {
		return err
	}
	metrics, err := a.metricValues(o.metrics)
	if err != nil {
		return err
	}
	when, err := o.time(a.getenv)
	if err != nil {
		return err
	}
	so := store.CommitOptions{
		All: o.all, Message: o.message, Author: o.author, Time: when, Params: params,
		Metrics: metrics, Source: o.source, AllowEmpty: o.allowEmpty, Expect: o.expect,
		Fast: o.fast, Validate: o.validate, SourceDir: a.cwd,
	}
	if err := a.readMeta(&so, o.meta, o.env); err != nil {
		return err
	}
	return a.with(ctx, func(s *store.Store) (err error) {
		if so.Paths, err = a.rels(s, o.paths); err != nil {
			return err
		}
		if o.stdin {
			if so.As, err = s.Rel(a.cwd, o.as); err != nil {
				return err
			}
			so.Stdin = interruptible(ctx, a.stdin)
		}
		hooks := a.hooksOf(s, o.noHooks)
		so.Before = hooks.before
		res, err := s.Commit(ctx, so)
		if err != nil {
			return a.explainInvalid(err)
		}
		if res.GCPays {
			a.gcInBackground(s)
		}
		hooks.after(ctx, res)
		if !res.Created && (so.Message != "" || len(so.Params)+len(so.Metrics) > 0) {
			a.say("no model has changed, so the message, parameters and metrics were not kept; --allow-empty makes a version of them")
		}
		return a.reportCommit(res)
	})
}

// gcInBackground starts mstore gc --auto and does not wait for it. That it cannot be
// started is no matter: the next commit that folds the journal tries again.
func (a *app) gcInBackground(s *store.Store) {
	exe, err := os.Executable()
	if err != nil {
		return
	}
	cmd := exec.Command(exe, "--store", s.Location(), "-C", s.Root(), "-q", "gc", "--auto")
	if cmd.Start() == nil {
		_ = cmd.Process.Release()
	}
}

func (a *app) reportCommit(res *store.CommitResult) error {
	if a.json {
		doc := newVersionDoc(res.Version, res.Models)
		doc.Created = &res.Created
		return writeJSON(a.out, doc)
	}
	a.progress.close()
	v, st := res.Version, a.style
	switch {
	case v == nil:
		a.out.WriteString("nothing to save\n")
		return a.out.failed()
	case !res.Created:
		a.out.WriteString("nothing changed since " + st.version.Sprint(v.Name) + " " + v.ID.Short() + "\n")
		return a.out.failed()
	}
	what := counts(v.Added, v.Changed, v.Removed)
	if what == "" {
		what = "no model changed"
	}
	row := []cell{{text: v.Name + " " + v.ID.Short(), look: st.version}, {text: v.Branch, look: st.branch}, {text: what}}
	var raw int64
	for _, c := range res.Models {
		if c.Status == objects.Added || c.Status == objects.Changed {
			raw += c.Size
		}
	}
	if raw > 0 {
		row = append(row, cell{text: humanBytes(raw) + " -> " + humanBytes(res.Stored) + " stored"})
	}
	table := columns{}
	table.add(row...)
	if err := table.write(a.out); err != nil {
		return err
	}
	a.warnOfFindings(res)
	return a.out.failed()
}

// interruptible reads r in the background, so that a pipe that is silent does
// not hold up the end of ctx.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		_, err := io.Copy(pw, r)
		pw.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { pr.CloseWithError(context.Cause(ctx)) })
	return pr
}
