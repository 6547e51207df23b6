// Command mstore keeps machine-learning models under version control.
//
// What a command reports goes to stdout; talk, warnings, errors and progress
// go to stderr; colours and progress bars appear only on a terminal. The exit
// codes are in exit.go, the commands in one file each.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200) // 5% less CPU on a large commit for 40 MB more at the peak
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(192 << 20) // the collector works harder beyond that; no limit to what is in use
	}
	os.Exit(realMain())
}

// realMain runs one command in a context that the first SIGINT or SIGTERM
// cancels, so that the command can clean up; another ends the process, but not at once:
// timeout(1) and terminals signal both the process and its group.
func realMain() int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		cancel(errInterrupted)
		first := time.Now()
		for range signals {
			if time.Since(first) > time.Second {
				os.Exit(exitInterrupted)
			}
		}
	}()
	// With SIGPIPE taken, a reader of stdout that goes away shows as EPIPE,
	// and the command ends in order.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	return newApp(os.Stdin, os.Stdout, os.Stderr, os.Getenv).run(ctx, os.Args[1:])
}

var errInterrupted = errors.New("interrupted")
