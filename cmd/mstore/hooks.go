package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/mstore/mstore/gc/policy"
	"github.com/mstore/mstore/objects"
	"github.com/mstore/mstore/store"
)

// hookTimeout is how long a hook may take, unless the setting hooks.timeout says
// otherwise.
const hookTimeout = 30 * time.Second

// hookEnv tells a hook, and every mstore that it starts, which hook it is.
const hookEnv = "MSTORE_HOOK"

// hooks are the user's programs in .mstore/hooks of the models' root.
type hooks struct {
	a   *app
	s   *store.Store
	off bool
}

// hooksOf are the hooks of a workspace; a hook that starts mstore starts no hooks.
func (a *app) hooksOf(s *store.Store, off bool) *hooks {
	return &hooks{a, s, off || a.getenv(hookEnv) != ""}
}

// before is store.CommitOptions.Before.
func (h *hooks) before(ctx context.Context, v *store.Version, models []objects.Change) error {
	if err := h.run(ctx, "pre-commit", newVersionDoc(v, models)); err != nil {
		return fmt.Errorf("%w; nothing was committed ('--no-hooks' leaves hooks out)", err)
	}
	return nil
}

// after runs post-commit. The version stands, whatever it says.
func (h *hooks) after(ctx context.Context, res *store.CommitResult) {
	if !res.Created {
		return
	}
	if err := h.run(ctx, "post-commit", newVersionDoc(res.Version, res.Models)); err != nil {
		h.a.warn(fmt.Sprintf("%v; %s is saved all the same", err, res.Version.Name))
	}
}

// hookError: a hook that refused, or could not be run.
type hookError struct {
	msg string
	err error // store.ErrInvalid, or store.ErrUsage
}

func (e *hookError) Error() string { return e.msg }
func (e *hookError) Unwrap() error { return e.err }

func (h *hooks) run(ctx context.Context, name string, doc *versionDoc) error {
	if h.off {
		return nil
	}
	rel := store.DirName + "/hooks/" + name
	file := filepath.Join(h.s.Root(), filepath.FromSlash(rel))
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	fi, err := os.Stat(file) // a link that leads nowhere is a hook that cannot be run
	unusable := func(format string, args ...any) error {
		return &hookError{"the hook " + rel + " " + fmt.Sprintf(format, args...), store.ErrUsage}
	}
	switch {
	case err != nil:
		return unusable("cannot be run: %v", err)
	case !fi.Mode().IsRegular():
		return unusable("is no file")
	case runtime.GOOS != "windows" && fi.Mode()&0o111 == 0:
		return unusable("is not executable: chmod +x it, or remove it")
	}
	limit := h.timeout(ctx)
	in, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(limited, file)
	cmd.Dir = h.s.Root()
	cmd.Stdin = bytes.NewReader(append(in, '\n'))
	cmd.Stdout, cmd.Stderr = h.a.stderr, h.a.stderr
	cmd.Env = append(os.Environ(), hookEnv+"="+name, "MSTORE_DIR="+h.s.Location(), "MSTORE_ROOT="+h.s.Root())
	// What the hook has started may hold its output open.
	cmd.WaitDelay = time.Second
	ownGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd) }
	h.a.progress.close()
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return &hookError{fmt.Sprintf("the hook %s was still running after %v and was ended (the setting hooks.timeout gives it more)", rel, limit), store.ErrInvalid}
	case errors.As(err, &exit):
		verb := "refused"
		if name != "pre-commit" {
			verb = "failed"
		}
		return &hookError{fmt.Sprintf("the hook %s %s (%v)", rel, verb, exit), store.ErrInvalid}
	}
	return unusable("cannot be run: %v", err)
}

// timeout is the setting hooks.timeout.
func (h *hooks) timeout(ctx context.Context) time.Duration {
	shared, local, err := h.s.Config(ctx)
	if err != nil {
		return hookTimeout
	}
	text, ok := local["hooks.timeout"]
	if !ok {
		text = shared["hooks.timeout"]
	}
	if d, err := policy.ParseDuration(text); err == nil && d > 0 {
		return d
	}
	return hookTimeout
}
