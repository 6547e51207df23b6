package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mstore/mstore/store"
)

const checkoutLong = `Bring models back, each written whole and verified. Without PATHs: all models of
that version, and models under version control that it lacks are removed. The
name of a branch, without PATHs and without -o, also switches to it. An argument
that names no version is a path, taken from HEAD; -- separates where that is not
clear.

What would be overwritten or removed and is not saved is first saved as a safety
version, kept 30 days, and checkout says how to get it back.

With --json: version, id, branch, switched, written, removed, unchanged, bytes,
safety (null, or name and id), fallbacks (path, from, error), expired (path, time,
policy, and recoverable_until while mstore undelete helps).

Models whose content a retention policy has let go are not brought back: what
there is of the version is, the rest is listed with when and by which policy, and
the exit code is 3.

Exit codes: 0 done, with --fallback even if an earlier version had to help; 1 a
file cannot be written; 2 wrong usage; 3 no store, no such version or model, or
its content is expired; 4 a model is damaged; 5 refused: unsaved content cannot
be made safe, or the store is read-only; 130 interrupted.`

func newCheckoutCommand(a *app) *cobra.Command {
	var o checkoutOptions
	cmd := &cobra.Command{
		Use:   "checkout REV [PATH...]",
		Short: "Bring models back, or switch to a branch",
		Long:  checkoutLong,
		Example: `  mstore checkout v12
  mstore checkout v12 model.json
  mstore checkout exp                  # a branch: switches to it
  mstore checkout -- model.json        # HEAD's, back over the changed file
  mstore checkout prod -o /srv/models`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args, o.dash = args, cmd.ArgsLenAtDash()
			return runCheckout(cmd.Context(), a, o)
		},
		ValidArgsFunction: a.completeRev(true),
	}
	cmd.Flags().StringVarP(&o.out, "output", "o", "", "write below `DIR` instead, and leave the root alone")
	cmd.Flags().BoolVar(&o.fallback, "fallback", false, "if a model is damaged take the newest earlier intact version of it")
	cmd.Flags().BoolVar(&o.unwrap, "unwrap", false, `of models that are {"metadata":…,"data":…} write the data alone`)
	cmd.MarkFlagDirname("output")
	a.jsonFlag(cmd, "print JSON: what was written and removed")
	return cmd
}

type checkoutOptions struct {
	args     []string
	dash     int
	out      string
	fallback bool
	unwrap   bool
}

func runCheckout(ctx context.Context, a *app, o checkoutOptions) error {
	if len(o.args) == 0 {
		return usagef("'mstore checkout v12' brings back a version, 'mstore checkout -- model.json' HEAD's model.json", "checkout what?")
	}
	return a.with(ctx, func(s *store.Store) error {
		r, err := a.splitCheckout(ctx, s, o)
		if err != nil {
			return err
		}
		so := store.CheckoutOptions{Rev: headUnless(r.rev), Paths: r.paths, Fallback: o.fallback, Unwrap: o.unwrap}
		if o.out != "" {
			so.Out = absolute(a.cwd, o.out)
		}
		res, err := s.Checkout(ctx, so)
		if err != nil {
			return r.explain(err, first(o.args))
		}
		return a.reportCheckedOut(res, s.Root(), so.Out)
	})
}

// reportCheckedOut tells what a checkout did, and fails when models have expired.
func (a *app) reportCheckedOut(res *store.CheckoutResult, root, out string) (err error) {
	for _, f := range res.Fallbacks {
		what := "is damaged"
		if errors.Is(f.Err, store.ErrExpired) {
			what = "has expired"
		} else if errors.Is(f.Err, store.ErrPromised) {
			what = "is not here"
		}
		a.warn(fmt.Sprintf("%s: %s %s, so the content of %s was written instead: %v", f.Path, res.Version.Name, what, f.From, f.Err))
	}
	if a.json {
		err = writeJSON(a.out, newCheckoutDoc(res))
	} else {
		a.reportCheckout(res, root, out)
		for _, x := range res.Expired {
			a.warn(fmt.Sprintf("%s:%s was not brought back: it has %s", res.Version.Name, x.Path, x.Expiry))
		}
	}
	if err == nil && len(res.Expired) > 0 {
		err = reportedError{exitNotFound}
	}
	return err
}

// splitCheckout is splitRevPaths, and takes REV:PATH as well.
func (a *app) splitCheckout(ctx context.Context, s *store.Store, o checkoutOptions) (revPaths, error) {
	if rev, _, ok := splitRevPath(o.args[0]); ok && o.dash != 0 && len(o.args) == 1 && !a.exists(o.args[0]) && s.IsRev(ctx, headUnless(rev)) {
		rev, path, err := a.revPath(s, o.args[0])
		return revPaths{rev: rev, paths: []string{path}}, err
	}
	return a.splitRevPaths(ctx, s, o.args, o.dash)
}

func (a *app) reportCheckout(res *store.CheckoutResult, root, out string) {
	st := a.errStyle
	line := fmt.Sprintf("%s: %d written", st.version.Sprintf("%s %s", res.Version.Name, res.Version.ID.Short()), res.Written)
	if res.Bytes > 0 {
		line += " (" + humanBytes(res.Bytes) + ")"
	}
	if res.Removed > 0 {
		line += fmt.Sprintf(", %d removed", res.Removed)
	}
	if res.Unchanged > 0 {
		line += fmt.Sprintf(", %d unchanged", res.Unchanged)
	}
	a.say("%s", line)
	if res.Switched {
		a.say("switched to branch %s", st.branch.Sprint(res.Branch))
	}
	if res.SafetyName != "" {
		a.saySafety(res, root, out)
	}
}

// saySafety tells how to get back what checkout has overwritten.
func (a *app) saySafety(res *store.CheckoutResult, root, out string) {
	st := a.errStyle
	var paths []string
	if res.Safety != nil && res.Safety.Version != nil {
		for _, c := range res.Safety.Changes {
			paths = append(paths, shellQuote(c.Path))
		}
	}
	if len(paths) == 0 || len(paths) > 8 {
		paths = []string{"PATH..."}
	}
	command := "mstore checkout " + res.SafetyName
	switch {
	case out != "":
		command += " -o " + shellQuote(out)
	case a.cwd != root: // the paths are relative to the root
		command = "mstore -C " + shellQuote(root) + command[len("mstore"):]
	}
	say := a.say
	if a.quiet { // it must be known where unsaved work went
		say = func(format string, args ...any) { a.warn(fmt.Sprintf(format, args...)) }
	}
	say("what was not saved is kept in %s for 30 days; to get it back:\n    %s -- %s",
		st.tag.Sprint(res.SafetyName), command, strings.Join(paths, " "))
}

type checkoutDoc struct {
	Version   string            `json:"version"`
	ID        string            `json:"id"`
	Branch    string            `json:"branch"`
	Switched  bool              `json:"switched"`
	Written   int               `json:"written"`
	Removed   int               `json:"removed"`
	Unchanged int               `json:"unchanged"`
	Bytes     int64             `json:"bytes"`
	Safety    *safetyDoc        `json:"safety"`
	Fallbacks []fallbackDoc     `json:"fallbacks"`
	Expired   []expiredModelDoc `json:"expired"`
}

type expiredModelDoc struct {
	Path string `json:"path"`
	*expiredDoc
}

type safetyDoc struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

type fallbackDoc struct {
	Path  string `json:"path"`
	From  string `json:"from"`
	Error string `json:"error"`
}

func newCheckoutDoc(res *store.CheckoutResult) *checkoutDoc {
	d := &checkoutDoc{
		Branch: res.Branch, Switched: res.Switched,
		Written: res.Written, Removed: res.Removed, Unchanged: res.Unchanged, Bytes: res.Bytes,
		Fallbacks: make([]fallbackDoc, len(res.Fallbacks)), Expired: make([]expiredModelDoc, len(res.Expired)),
	}
	if v := res.Version; v != nil { // nil: switched to a branch without versions
		d.Version, d.ID = v.Name, v.ID.String()
	}
	for i, x := range res.Expired {
		d.Expired[i] = expiredModelDoc{x.Path, newExpiredDoc(x.Expiry)}
	}
	if res.SafetyName != "" {
		d.Safety = &safetyDoc{Name: res.SafetyName}
		if res.Safety != nil {
			d.Safety.ID = res.Safety.ID.String()
		}
	}
	for i, f := range res.Fallbacks {
		d.Fallbacks[i] = fallbackDoc{Path: f.Path, From: f.From, Error: fmt.Sprint(f.Err)}
	}
	return d
}
