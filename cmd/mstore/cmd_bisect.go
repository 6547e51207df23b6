package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/internal/expr"
	"github.com/mstore/mstore/store"
)

const bisectLong = `Find the first bad version between a good one and a bad one that came from it, in
few tests: about ten for a thousand versions.

  mstore bisect start HEAD v12
  mstore bisect run ./eval.sh          # tests by itself
or, testing by hand in the directory that is printed each time,
  mstore bisect good                   # or bad, or skip
and in the end
  mstore bisect reset

Versions to be tested are checked out into a directory of their own in the workspace,
.mstore/work/bisect; the models in the root are left alone. What has come so far is
kept after every test, so that an interrupted search goes on where it was. A version
that cannot be tested, or of which retention has let a model go, is skipped; if only
such ones are left, they are listed.

If the metrics tell what is bad, no test is needed:
  mstore bisect start HEAD v12 --where 'metrics.loss > 0.3'

Exit codes: 0 done; 1 only versions are left that were skipped, or a test could not
be carried out; 2 wrong usage; 3 no store or no such version; 4 something in the
store, or the state of the search, is damaged; 5 refused: versions that do not lie
on one line, verdicts that contradict each other, a search that is under way, another
process at work on it; 130 interrupted.`

func newBisectCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bisect",
		Short: "Find the first bad version",
		Long:  bisectLong,
		Example: `  mstore bisect start HEAD v12 && mstore bisect run ./eval.sh
  mstore bisect start prod v1 v8 -- model.json
  mstore bisect start HEAD v1 --metric 'metrics.acc < 0.9'
  mstore bisect status`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBisectStartCommand(a), newBisectRunCommand(a), newBisectStatusCommand(a), newBisectResetCommand(a),
		newBisectMarkCommand(a, store.VerdictGood, "good [REV]", "Say that a version is good"),
		newBisectMarkCommand(a, store.VerdictBad, "bad [REV]", "Say that a version is bad"),
		newBisectMarkCommand(a, store.VerdictSkip, "skip [REV...]", "Say that a version cannot be tested"))
	return cmd
}

type bisectStartOptions struct {
	args          []string
	dash          int
	where, metric string
	force         bool
}

func newBisectStartCommand(a *app) *cobra.Command {
	var o bisectStartOptions
	cmd := &cobra.Command{
		Use:   "start BAD GOOD... [PATH...]",
		Short: "Begin a search",
		Long: `Begin a search for the first bad version among those after GOOD up to BAD. GOOD is a
version that led to BAD, by first parents; of several the newest counts. With PATHs
only versions that changed one of these models or something in these directories are
looked at. An argument that names no version is a path; -- separates where that is
not clear. The first version to be tested is checked out, and the directory printed.

With --where EXPR (or --metric, the same for an expression that names a metric)
nothing is checked out or kept: the expression, as in 'mstore log --where', is true of
bad versions and decides at once. A version that lacks what it names is skipped.

With --json as 'mstore bisect status --json'.

Exit codes: 0 done; 1 only versions are left that cannot be told; 2 wrong usage, as
GOOD after BAD; 3 no store, no such version, or none that changed PATH; 4 something in
the store is damaged; 5 refused: GOOD did not lead to BAD, a search is under way, or
the expression does not tell BAD from GOOD; 130 interrupted.`,
		Example: `  mstore bisect start HEAD v12
  mstore bisect start prod v1 v8 -- model.json
  mstore bisect start HEAD v1 --metric 'metrics.loss > 0.3'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args, o.dash = args, cmd.ArgsLenAtDash()
			return runBisectStart(cmd.Context(), a, o)
		},
		ValidArgsFunction: a.completeRevs,
	}
	f := cmd.Flags()
	f.StringVar(&o.where, "where", "", "an `EXPR` that is true of bad versions decides")
	f.StringVar(&o.metric, "metric", "", "as --where: an `EXPR` on metrics, such as 'metrics.loss > 0.3'")
	f.BoolVar(&o.force, "force", false, "in place of a search that is under way")
	a.jsonFlag(cmd, "print how the search stands as JSON")
	return cmd
}

func runBisectStart(ctx context.Context, a *app, o bisectStartOptions) error {
	where, err := o.expression()
	if err != nil {
		return err
	}
	return a.with(ctx, func(s *store.Store) error {
		so, err := a.bisectRange(ctx, s, o)
		if err != nil {
			return err
		}
		if so.Where = where; where != "" {
			d, err := s.BisectWhere(ctx, so)
			if err != nil {
				return err
			}
			return a.reportBisect(d)
		}
		b, err := s.StartBisect(ctx, so)
		if err != nil {
			return err
		}
		return errors.Join(a.bisectOn(ctx, b), b.Close())
	})
}

// expression is that of --where or --metric.
func (o *bisectStartOptions) expression() (string, error) {
	if o.metric == "" {
		return o.where, nil
	}
	if o.where != "" {
		return "", usagef("", "--metric and --where are the same: give one of them, joined by 'and' or 'or'")
	}
	e, err := expr.Parse(o.metric)
	if err != nil {
		return "", usagef("--metric 'metrics.loss > 0.3'", "--metric: %s", err)
	}
	for _, f := range e.Fields() {
		if len(f) > len("metrics.") && f[:len("metrics.")] == "metrics." {
			return o.metric, nil
		}
	}
	return "", usagef("--metric 'metrics.loss > 0.3'", "--metric %s names no metric", e)
}

// bisectRange tells the versions from the paths: all arguments before "--" are versions,
// or without it all up to the first that is none.
func (a *app) bisectRange(ctx context.Context, s *store.Store, o bisectStartOptions) (store.BisectOptions, error) {
	revs := o.dash
	if revs < 0 {
		for revs = 0; revs < len(o.args); revs++ {
			arg := o.args[revs]
			if revs >= 2 && !s.IsRev(ctx, arg) && (!looksLikeRev(arg) || a.exists(arg)) {
				break
			}
		}
	}
	if revs < 2 {
		return store.BisectOptions{}, usagef("mstore bisect start HEAD v12", "a bisect starts from a bad version and a good one before it")
	}
	paths, err := a.rels(s, o.args[revs:])
	return store.BisectOptions{Bad: o.args[0], Good: o.args[1:revs], Paths: paths, Force: o.force}, err
}

func newBisectMarkCommand(a *app, verdict store.Verdict, use, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long: fmt.Sprintf(`%s: REV, or without one the version that is under test. The next version to
be tested is checked out, or the first bad one is named.

With --json as 'mstore bisect status --json'.

Exit codes: 0 done; 1 only versions are left that were skipped; 2 wrong usage, or no
search is under way; 3 no store or no such version; 4 something is damaged; 5 refused:
the verdict contradicts an earlier one, or another process is at work; 130 interrupted.`, short),
		Example: fmt.Sprintf("  mstore bisect %s\n  mstore bisect %s v17", verdict, verdict),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 && verdict != store.VerdictSkip {
				return usagef("", "bisect %s takes one version at the most", verdict)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.bisecting(ctx, func(b *store.Bisect) error {
				if err := b.Mark(ctx, verdict, args...); err != nil {
					return err
				}
				return a.bisectOn(ctx, b)
			})
		},
		ValidArgsFunction: a.completeRevs,
	}
	a.jsonFlag(cmd, "print how the search stands as JSON")
	return cmd
}

// bisecting runs f on the search that is under way.
func (a *app) bisecting(ctx context.Context, f func(*store.Bisect) error) error {
	return a.with(ctx, func(s *store.Store) error {
		b, err := s.OpenBisect(ctx)
		if err != nil {
			return err
		}
		return errors.Join(f(b), b.Close())
	})
}

// bisectOn checks out what is to be tested next, and tells how the search stands.
func (a *app) bisectOn(ctx context.Context, b *store.Bisect) error {
	if _, err := a.nextToTest(ctx, b); err != nil {
		return err
	}
	d, err := b.Status(ctx)
	if err != nil {
		return err
	}
	return a.reportBisect(d)
}

// nextToTest checks out the next version that is all there; nil when there is none.
func (a *app) nextToTest(ctx context.Context, b *store.Bisect) (*store.BisectCheckout, error) {
	for {
		c, err := b.Checkout(ctx)
		if errors.Is(err, store.ErrDamaged) {
			return nil, &hintError{err, "'mstore bisect skip' passes the version over"}
		}
		if err != nil || c == nil || len(c.Expired) == 0 {
			return c, err
		}
		x := c.Expired[0]
		a.warn(fmt.Sprintf("%s is skipped: %s has %s", c.Version.Name, x.Path, x.Expiry))
		if err := b.Mark(ctx, store.VerdictSkip); err != nil {
			return nil, err
		}
	}
}

func newBisectStatusCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Aliases: []string{"log"},
		Short:   "Show how the search stands",
		Long: `Show between which versions the first bad one is, which is to be tested and where, and
the verdicts so far. It may be asked while 'mstore bisect run' is at work.

With --json: under_way; found (the first bad version is known); version, id (of the
first bad version if found, else of the one to be tested, else empty); path (where it
is checked out; empty if nothing is kept); good, bad (version, id); left (versions),
steps (tests needed); paths; candidates (version, id: if only skipped ones are left,
the first bad version is one of them); log (version, id, verdict).

Exit codes: 0 done, also if no search is under way; 2 wrong usage; 3 no store; 4 the
state of the search is damaged ('mstore bisect reset' ends it); 130 interrupted.`,
		Example: `  mstore bisect status
  mstore bisect status --json | jq -r .path`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBisectStatus(cmd.Context(), a) },
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

func newBisectResetCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reset",
		Short: "End the search",
		Long: `End the search that is under way, or one whose state is damaged, and remove what was
checked out for it. Nothing else is touched; without a search it does nothing.

Exit codes: 0 done; 2 wrong usage; 3 no store; 5 another process is at work on the
search; 130 interrupted.`,
		Example: "  mstore bisect reset",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(s *store.Store) error {
				was, err := s.ResetBisect()
				if err == nil && !was {
					a.say("no bisect was under way")
				}
				return err
			})
		},
	}
}
