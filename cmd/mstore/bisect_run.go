package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

func newBisectRunCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run CMD [ARG...]",
		Short: "Test by a command until the first bad version is found",
		Long: `Run CMD in a checkout of each version that has to be tested. Its exit code is the
verdict: 0 good, 125 the version cannot be tested, anything else up to 127 bad. From
128 on, or if a signal ended it, the search stops; so it does when CMD fails on the
good version too, which is tested when CMD cannot be found (126 and 127), and in the
end if CMD has not said good of any. 'mstore bisect run' again goes on, after that and after an
interruption.

CMD runs in the root of the checkout; a CMD such as ./eval.sh is that of the working
directory. It sees MSTORE_BISECT_VERSION (v12), MSTORE_BISECT_ID, MSTORE_BISECT_CWD
(where mstore was started), MSTORE_ROOT (the checkout) and MSTORE_DIR (the store). Its
standard input is empty, and what it writes goes to standard error: standard output has
the result alone. Flags of mstore stand before CMD.

With --json as 'mstore bisect status --json', once, in the end.

Exit codes: 0 found; 1 only versions are left that cannot be tested, or CMD stopped the
search; 2 wrong usage, or CMD cannot be started; 3 no store; 4 something in the store is
damaged; 5 refused: CMD fails on the good version too, or another process is at work;
130 interrupted.`,
		Example: `  mstore bisect run ./eval.sh
  mstore bisect run mstore validate model.json
  mstore bisect run sh -c 'python "$MSTORE_BISECT_CWD/eval.py" model.json'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("mstore bisect run ./eval.sh", "bisect run takes a command")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			a.json = asJSON // and not that of CMD
			return runBisectRun(cmd.Context(), a, args)
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func runBisectRun(ctx context.Context, a *app, argv []string) error {
	if strings.Contains(argv[0], "/") && a.exists(argv[0]) { // else it would be looked for in the checkout alone
		argv = append([]string{absolute(a.cwd, argv[0])}, argv[1:]...)
	}
	return a.with(ctx, func(s *store.Store) error {
		b, err := s.OpenBisect(ctx)
		if err != nil {
			return err
		}
		t := &bisectTest{a: a, s: s, b: b, argv: argv}
		return errors.Join(t.all(ctx), b.Close())
	})
}

// bisectTest is a command at work on a search.
type bisectTest struct {
	a    *app
	s    *store.Store
	b    *store.Bisect
	argv []string
	bad  int  // versions that it has said to be bad
	sure bool // it has been seen to say good
}

func (t *bisectTest) all(ctx context.Context) error {
	for {
		left, tests := t.b.Left()
		c, err := t.a.nextToTest(ctx, t.b)
		if err != nil {
			return err
		}
		if c == nil {
			break
		}
		t.a.say("testing %s (%s)", t.a.errStyle.version.Sprintf("%s %s", c.Version.Name, c.Version.ID.Short()), leftToTest(left, tests))
		verdict, err := t.one(ctx, c.Version)
		if err != nil {
			return err
		}
		if err := t.b.Mark(ctx, verdict, c.Version.ID.String()); err != nil {
			return err
		}
		if verdict == store.VerdictBad {
			t.bad++
		}
		t.a.say("%s: %s", c.Version.Name, verdict)
	}
	d, err := t.b.Status(ctx)
	if err != nil {
		return err
	}
	if d.First != nil && t.bad > 0 {
		if err := t.onGood(ctx); err != nil {
			return err
		}
	}
	return t.a.reportBisect(d)
}

// one is the verdict on a version that is checked out.
func (t *bisectTest) one(ctx context.Context, v *store.Version) (store.Verdict, error) {
	code, err := t.exec(ctx, v)
	switch {
	case err != nil:
		return "", err
	case code == 0:
		t.sure = true
		return store.VerdictGood, nil
	case code == 125:
		return store.VerdictSkip, nil
	case code != 126 && code != 127 || t.sure:
		return store.VerdictBad, nil
	}
	// A command that is not there would make every version bad.
	if err := t.onGood(ctx); err != nil {
		return "", err
	}
	return store.VerdictBad, nil
}

// onGood makes sure that the command can say good at all.
func (t *bisectTest) onGood(ctx context.Context) error {
	if t.sure {
		return nil
	}
	c, err := t.b.CheckoutGood(ctx)
	if err != nil {
		return err
	}
	if len(c.Expired) > 0 {
		t.a.warn(fmt.Sprintf("the command has never said good; whether it does so of %s cannot be told, as %s has expired", c.Version.Name, c.Expired[0].Path))
		return nil
	}
	t.a.say("testing %s, which is known to be good", c.Version.Name)
	code, err := t.exec(ctx, c.Version)
	if err != nil {
		return err
	}
	if code != 0 {
		err := fmt.Errorf("the command fails (exit status %d) on %s too, which is said to be good, so its verdicts tell nothing: %w", code, c.Version.Name, store.ErrConflict)
		return &hintError{err, "it runs in a checkout of the models, where other files are not; mend it, then 'mstore bisect reset' and begin anew"}
	}
	t.sure = true
	return nil
}

// exec runs the command and returns its exit code, below 128.
func (t *bisectTest) exec(ctx context.Context, v *store.Version) (code int, err error) {
	cmd := exec.CommandContext(ctx, t.argv[0], t.argv[1:]...)
	cmd.Dir = t.b.Dir()
	cmd.Stdout, cmd.Stderr = t.a.stderr, t.a.stderr
	cmd.Env = append(os.Environ(), "MSTORE_BISECT_VERSION="+v.Name, "MSTORE_BISECT_ID="+v.ID.String(), "MSTORE_BISECT_CWD="+t.a.cwd,
		"MSTORE_ROOT="+cmd.Dir, "MSTORE_DIR="+t.s.Location())
	cmd.WaitDelay = 3 * time.Second
	ownGroup(cmd)
	cmd.Cancel = func() error { return endGroup(cmd) }
	t.a.progress.close()
	err = cmd.Run()
	if ctx.Err() != nil {
		if cmd.Process != nil {
			_ = killGroup(cmd) // what did not end when it was asked to
		}
		return 0, ctx.Err()
	}
	if cmd.ProcessState == nil {
		return 0, usagef("a program, or ./SCRIPT in the working directory", "the command cannot be started: %s", err)
	}
	if code = cmd.ProcessState.ExitCode(); code < 0 || code >= 128 {
		return 0, fmt.Errorf("the command stopped the search on %s: %s; nothing is said of this version, and 'mstore bisect run' goes on there", v.Name, cmd.ProcessState)
	}
	return code, nil
}
