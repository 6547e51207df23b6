//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mstore/mstore/internal/enginetest"
	"github.com/mstore/mstore/internal/sampling"
)

// crew attaches n clients, which ask the gateways in turns: one first this one, the next
// the other.
func crew(t *testing.T, e *enginetest.Engine, n int, led *ledgerOfAcked) (clients []*client) {
	t.Helper()
	for i := range n {
		k := i % len(e.Endpoints)
		gateways := append(append([]string(nil), e.Endpoints[k:]...), e.Endpoints[:k]...)
		clients = append(clients, newClient(t, fmt.Sprintf("c%d", i), e.URL("s", gateways...), led))
	}
	return clients
}

// 8 clients on two gateways commit 50 versions each at once, with -short half as many.
func TestEngineEightClients(t *testing.T) {
	e := enginetest.New(t)
	led := &ledgerOfAcked{}
	each := 50 / sampling.Step(1, 2)
	if err := together(crew(t, e, 8, led), steps(0, each)); err != nil {
		t.Fatal(err)
	}
	if n := proven(t, e.URL("s"), led, false); n != 8*each || len(led.list()) != 8*each {
		t.Errorf("%d versions, %d acknowledged, want %d", n, len(led.list()), 8*each)
	}
}

// Clients are killed at any moment: what they said was saved is there, and what they did
// not say is there as a whole or not at all.
func TestEngineClientsKilled(t *testing.T) {
	e := enginetest.New(t)
	led := &ledgerOfAcked{}
	clients := crew(t, e, 3, led)
	if err := together(clients, steps(0, 1)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := clients[0].commit(1); err != nil {
		t.Fatal(err)
	}
	usual := time.Since(began)
	rounds := 24 / sampling.Step(1, 4)
	var died atomic.Int64
	err := together(clients, func(c *client) error {
		for i := range rounds {
			step := 10 + i
			data := save(c.name, step, 1000)
			if err := c.write(data); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.Float64()*2.5*float64(usual)))
			cmd := c.command(ctx, "commit", "--json", c.path(), "-m", fmt.Sprint(c.name, step))
			out, err := cmd.Output()
			killed := ctx.Err() != nil
			cancel()
			var exit *exec.ExitError
			switch {
			case err == nil, cmd.ProcessState != nil && cmd.ProcessState.Success(): // it was killed too late
				if err := c.ack(out, data); err != nil {
					return err
				}
			case killed && errors.As(err, &exit) && !exit.Exited():
				died.Add(1)
			default:
				return fmt.Errorf("%w: %s", err, out)
			}
		}
		return c.commit(1000) // and none of it is in the way of the next
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d commits were killed", died.Load(), 3*rounds)
	n := proven(t, e.URL("s"), led, false)
	if most := len(led.list()) + int(died.Load()); n > most {
		t.Errorf("%d versions, want %d at the most", n, most)
	}
	// What they left behind goes.
	clients[0].must("gc", "--keep-last", "1000", "--now")
	proven(t, e.URL("s"), led, false)
}

// One gateway is killed while all commit, then the other: clients go over.
func TestEngineGatewayKilled(t *testing.T) {
	e := enginetest.New(t)
	e.CanKill()
	if len(e.Endpoints) < 2 {
		t.Skip("needs two gateways")
	}
	led := &ledgerOfAcked{}
	clients := crew(t, e, 4, led)
	var n atomic.Int64
	half := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- together(clients, func(c *client) error {
			for i := range 8 {
				if err := c.commit(i); err != nil {
					return err
				}
				if n.Add(1) == 6 {
					close(half)
				}
			}
			return nil
		})
	}()
	select {
	case <-half:
	case err := <-done:
		t.Fatal(err)
	}
	e.Kill("gateway", "0")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// A whole checkout through the one that is left.
	clients[0].must("checkout", "HEAD", "-o", t.TempDir())
	e.Start("gateway", "0")
	e.Kill("gateway", "1")
	if err := together(clients, steps(8, 10)); err != nil {
		t.Fatal(err)
	}
	if n := proven(t, e.URL("s"), led, false); n != 40 {
		t.Errorf("%d versions, want 40", n)
	}
}

// Two collections and six writers at once: nothing that the policy keeps is lost, and
// nothing that was written meanwhile.
func TestEngineGCsAndWriters(t *testing.T) {
	e := enginetest.New(t)
	led := &ledgerOfAcked{}
	writers := crew(t, e, 6, led)
	tidiers := []*client{newClient(t, "gc0", e.URL("s"), nil), newClient(t, "gc1", e.URL("s"), nil)}
	if err := together(writers, steps(0, 2)); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	tidied := make(chan error, 1)
	var runs atomic.Int64
	go func() {
		tidied <- together(tidiers, func(c *client) error {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return nil
				default:
				}
				args := []string{"gc", "--keep-last", "4"}
				if i%2 == 0 {
					args = append(args, "--now")
				}
				if _, err := c.run(args...); err != nil && exitOf(err) != exitConflict {
					return err
				}
				runs.Add(1)
			}
		})
	}()
	err := together(writers, steps(2, 10))
	close(stop)
	if err := errors.Join(err, <-tidied); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d collections", runs.Load())
	if n := proven(t, e.URL("s"), led, true); n != 60 {
		t.Errorf("%d versions, want 60", n)
	}
	// The newest four of each model are what the policy keeps.
	kept := &ledgerOfAcked{}
	for _, c := range writers {
		var own []acked
		for _, a := range led.list() {
			if a.path == c.path() {
				own = append(own, a)
			}
		}
		kept.all = append(kept.all, own[len(own)-4:]...)
	}
	proven(t, e.URL("s"), kept, false)
}

// exitOf is the exit code of a process; -1 where there is none.
func exitOf(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
