package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// command is one process to be run.
type command struct {
	dir    string
	env    []string // beside the environment of this program
	argv   []string
	stdout io.Writer // nil: dropped
	stdin  io.Reader
	code   int // the exit code that is right
}

// usage is what processes cost.
type usage struct {
	cpu, wall time.Duration
	rss       int64 // bytes, the highest of any process; 0: not known
}

func (u usage) plus(v usage) usage { return usage{u.cpu + v.cpu, u.wall + v.wall, max(u.rss, v.rss)} }

// exec runs the commands one after the other and sums their cost.
func (b *bench) exec(cmds ...command) (u usage, err error) {
	for _, c := range cmds {
		cmd := exec.CommandContext(b.ctx, c.argv[0], c.argv[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stdin = c.dir, c.stdout, c.stdin
		cmd.Env = append(b.environ(), c.env...)
		var stderr said
		cmd.Stderr = &stderr
		start := time.Now()
		err := cmd.Run()
		u.wall += time.Since(start)
		if p := cmd.ProcessState; p != nil {
			u.cpu += p.UserTime() + p.SystemTime()
			u.rss = max(u.rss, maxRSS(p))
		}
		if p := cmd.ProcessState; c.code != 0 && p != nil && p.ExitCode() == c.code {
			err = nil
		}
		if err != nil {
			return u, fmt.Errorf("%s: %w: %s", strings.Join(append([]string{filepath.Base(c.argv[0])}, c.argv[1:]...), " "),
				err, bytes.TrimSpace(stderr))
		}
	}
	return u, nil
}

// environ keeps the user's own settings out.
func (b *bench) environ() []string {
	home := b.dir("home")
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		for _, p := range []string{"GIT_", "RESTIC_", "BORG_", "ZSTD_", "MSTORE_", "XDG_", "GOMAXPROCS=", "GOMEMLIMIT=", "GOGC="} {
			if strings.HasPrefix(kv, p) {
				return true
			}
		}
		return false
	})
	return append(env, "HOME="+home, "LC_ALL=C", "NO_COLOR=1")
}

// said keeps the first bytes of what a process says on stderr.
type said []byte

func (t *said) Write(p []byte) (int, error) {
	*t = append(*t, p[:min(len(p), 2000-min(2000, len(*t)))]...)
	return len(p), nil
}

// median takes the median of each field by itself.
func median(us []usage) usage {
	return usage{
		cpu:  middle(us, func(u usage) time.Duration { return u.cpu }),
		wall: middle(us, func(u usage) time.Duration { return u.wall }),
		rss:  middle(us, func(u usage) int64 { return u.rss }),
	}
}

func middle[T any, V cmp.Ordered](of []T, field func(T) V) V {
	var vs []V
	for _, x := range of {
		vs = append(vs, field(x))
	}
	if len(vs) == 0 {
		var zero V
		return zero
	}
	slices.Sort(vs)
	return vs[len(vs)/2]
}

// repeat measures f n times; before runs ahead of each, unmeasured.
func repeat(n int, before func() error, f func() (usage, error)) (usage, error) {
	var us []usage
	for range n {
		if before != nil {
			if err := before(); err != nil {
				return usage{}, err
			}
		}
		u, err := f()
		if err != nil {
			return usage{}, err
		}
		us = append(us, u)
	}
	return median(us), nil
}
