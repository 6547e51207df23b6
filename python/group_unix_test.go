//go:build unix

package python

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// together puts a command into a process group, so that all of it ends when its time
// is up, not just a shell.
func together(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

func TestOutputEnds(t *testing.T) {
	start := time.Now()
	out, err := output(t.Context(), 200*time.Millisecond, ".", nil, "/bin/sh", "-c", "echo begun; sleep 60; echo done")
	if err == nil || string(out) != "begun\n" || time.Since(start) > 30*time.Second {
		t.Fatalf("after %v: %v: %q", time.Since(start), err, out)
	}
}
